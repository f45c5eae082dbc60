"""`up` with a real vLLM: what no stand-in shows, above all that its further processes are taken along too.

Variables: ENGINE_PYTHON, the Python that has vLLM, without which these tests fail.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

HERE = Path(__file__).parent
MODEL = str(HERE / "tiny_judge" / "model")
RUBRICS = str(HERE / "tiny_judge" / "rubrics")
START_SECONDS = 300
END_SECONDS = 30
PAIR = {"prompt": "Count.", "candidates": ["the river sees two lanterns", "the river sees a lantern"]}


@dataclass
class Up:
    """A running `up`: itself, its address, all that it started, and what it said."""

    process: subprocess.Popen[str]
    address: str
    started: list[psutil.Process]
    said: list[str]

    def vllm(self) -> psutil.Process:
        """The process that listens."""
        return next(p for p in self.started if p.cmdline()[1:3] == ["-m", "vllm.entrypoints.openai.api_server"])

    def leaves_nothing(self) -> bool:
        """Whether all that it started is soon gone."""
        until = time.monotonic() + END_SECONDS
        while any(map(lives, self.started)):
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        return True


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def up(folder: Path) -> Iterator[Up]:
    python = os.environ.get("ENGINE_PYTHON", "")
    assert python, "ENGINE_PYTHON names no Python with vLLM"
    own = {"JUDGE_CACHE__URL": "memory://", "JUDGE_RUBRICS": RUBRICS}
    environ = {**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", **own}
    flags = ["--model", MODEL, "--port", "0", "--engine-python", python, "--engine-log", str(folder / "log")]
    command = [sys.executable, "-m", "judge_service", "up", *flags, "--wait", str(START_SECONDS)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environ, cwd=folder)
    try:
        assert process.stderr
        said: list[str] = []
        for line in process.stderr:
            said.append(line.rstrip())
            address = re.search(r"http://\S+", line)
            if address:
                started = psutil.Process(process.pid).children(recursive=True)
                yield Up(process, address[0], started, said)
                return
        raise AssertionError("\n".join(said))
    finally:
        process.terminate()
        process.communicate(timeout=END_SECONDS)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_vllm_judges_asks_for_its_key_and_is_taken_along_with_all_its_processes(number: int, tmp_path: Path) -> None:
    with up(tmp_path) as running, httpx.Client(timeout=60) as client:
        answer = client.post(f"{running.address}/v1/compare", json={**PAIR, "rubric": "tiny-exact"}).json()
        vllm = running.vllm()
        command, key = vllm.cmdline(), vllm.environ()["VLLM_API_KEY"]
        models = f"http://127.0.0.1:{command[command.index('--port') + 1]}/v1/models"
        assert client.get(models).status_code == 401
        assert client.get(models, headers={"authorization": f"Bearer {key}"}).status_code == 200
        names = {process.name() for process in running.started}
        running.process.send_signal(number)
        code = running.process.wait(END_SECONDS)
        assert running.leaves_nothing()
    assert code == (0 if number == signal.SIGTERM else -number)
    assert answer["status"] == "judged", answer
    assert answer["verdict"]["evidence"] == "logprobs"
    assert answer["provenance"]["judges"][0]["kind"] == "vllm"
    assert [name for name in names if name.startswith("VLLM::")], "vLLM's own processes, which do not end by themselves"
    assert not [argument for argument in command if key in argument]
    told = [line.removeprefix("vLLM: ").partition(" (")[0] for line in running.said]
    assert {"loading weights", "compiling", "opening the server"} <= set(told)
    assert "Starting to load model" in (tmp_path / "log").read_text()


def test_flags_that_vllm_does_not_know_are_told_in_its_words(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "judge_service", "up", "--model", MODEL, "--port", "0"]
    flags = ["--engine-python", os.environ["ENGINE_PYTHON"], "--", "--no-such-flag"]
    end = subprocess.run(
        [*command, *flags], capture_output=True, text=True, timeout=START_SECONDS, check=False, cwd=tmp_path
    )
    assert end.returncode == 2
    assert "unrecognized arguments: --no-such-flag" in end.stderr
    assert end.stderr.splitlines()[-1] == "judge-service: vLLM ended with exit code 2 before it was ready"
