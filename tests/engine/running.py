"""A real vLLM as a process, the service before it, and the same weights read without either."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from judge_service.domain.cases import Case
from judge_service.domain.judgments import Judgment
from judge_service.domain.options import Task, options_from
from judge_service.hosting.launching import CPU_FLAGS
from judge_service.service import JudgingService
from judge_service.settings import Settings
from judge_service.wiring import open_service

HERE = Path(__file__).parent
RUBRICS = HERE / "tiny_judge" / "rubrics"
START_SECONDS = 300
FLAGS = ("--dtype", "float32", "--scheduling-policy", "priority", "--enable-prompt-tokens-details", *CPU_FLAGS)


def engine_python() -> str:
    """The Python that has vLLM."""
    python = os.environ.get("ENGINE_PYTHON", "")
    assert python, "ENGINE_PYTHON names no Python with vLLM: run this tier with `make test-engine`"
    return python


def engine_environ() -> dict[str, str]:
    """Where a program that runs in that Python finds this project."""
    return {**os.environ, "PYTHONPATH": str(HERE.parent.parent), "HF_HUB_OFFLINE": "1"}


class Vllm:
    """One vLLM server on a port of its own; its output goes to a file that is shown where something fails."""

    def __init__(self, model: Path, name: str, *flags: str, port: int = 0) -> None:
        self.model = model
        self.name = name
        self.port = port or _free_port()
        self._flags = flags
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.NamedTemporaryFile(prefix="vllm-", suffix=".log")  # noqa: SIM115 - lives as long as this

    @property
    def url(self) -> str:
        """The base URL for clients."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        own = ["--model", str(self.model), "--served-model-name", self.name, "--port", str(self.port)]
        command = [engine_python(), "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1"]
        environ = {**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
        self._process = subprocess.Popen(
            [*command, *own, *FLAGS, *self._flags],
            stdout=self._log, stderr=self._log, env=environ, start_new_session=True,
        )  # fmt: skip
        until = time.monotonic() + START_SECONDS
        while not self.answers():
            ended = self._process.poll() is not None
            if ended or time.monotonic() > until:
                self.__exit__()
                raise AssertionError(self.said())
            time.sleep(0.25)
        return self

    def __exit__(self, *_: object) -> None:
        """Kills it with all its processes."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def answers(self) -> bool:
        """Whether it lists its model."""
        try:
            with urllib.request.urlopen(f"{self.url}/models", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def said(self) -> str:
        """The end of what it wrote, with the stack trace of what ended it."""
        return Path(self._log.name).read_text(errors="replace")[-12_000:]

    def pause(self) -> None:
        """Lets it hang: it takes calls and says nothing."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Ends the pause."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGCONT)

    def tokens(self, **told: Any) -> list[int]:
        """What its tokenizer makes of messages or of a prompt."""
        body = json.dumps({"model": self.name, **told}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/tokenize", body, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return [int(number) for number in json.load(answer)["tokens"]]


def settings_for(*servers: Vllm, cache: str = "none", **judge: Any) -> Settings:
    """Settings with these servers as replicas of one judge."""
    only = {"url": tuple(server.url for server in servers), "model": servers[0].name, **judge}
    return Settings.model_validate({"judges": {"tiny": only}, "cache": {"url": cache}, "rubrics": str(RUBRICS)})


@asynccontextmanager
async def service_for(*servers: Vllm, **told: Any) -> AsyncIterator[JudgingService]:
    """The service before these servers."""
    async with open_service(settings_for(*servers, **told), wait=30) as service:
        yield service


async def judged(service: JudgingService, task: Task, cases: Sequence[Case], **options: Any) -> list[Judgment]:
    """The judgments on these cases, many at a time."""
    sitting = service.sitting(task, options_from(options, task))
    return [await sitting.judge(case) for case in cases] if len(cases) < 2 else list(await _all(sitting, cases))


async def _all(sitting: Any, cases: Sequence[Case]) -> Sequence[Judgment]:
    places = asyncio.Semaphore(32)

    async def one(case: Case) -> Judgment:
        async with places:
            judgment: Judgment = await sitting.judge(case)
            return judgment

    return await asyncio.gather(*map(one, cases))


def reference(model: Path, questions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The labels' probabilities from the weights alone, by another library: questions as `reference.py` takes them."""
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    told = subprocess.run(
        [engine_python(), str(HERE / "tiny_judge" / "reference.py"), str(model)],
        input=lines, capture_output=True, text=True, check=True,
        env=engine_environ(),
    ).stdout  # fmt: skip
    return [json.loads(line) for line in told.splitlines()]


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
    return port
