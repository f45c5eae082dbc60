"""Ray for the tests of this tier. RAY_PYTHON names the Python that has it; without it these tests fail."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

HERE = Path(__file__).parent
START_SECONDS = 120
sys.path[:0] = [str(HERE), str(HERE.parent / "service")]

import programs  # noqa: E402 - the folder above is where it is found

from judge_service.emulator.behaviour import Behaviour  # noqa: E402
from judge_service.emulator.server import Emulator  # noqa: E402


@pytest.fixture(autouse=True)
def corner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's own working directory and cache, and its program in the Python that has Ray."""
    python = os.environ.get("RAY_PYTHON", "")
    assert python, "RAY_PYTHON names no Python with Ray: run this tier with `make test-ray`"
    for name in list(os.environ):
        if name.startswith(("JUDGE_", "OPENAI_", "OTEL_")) or name == "RAY_ADDRESS":
            monkeypatch.delenv(name)
    monkeypatch.setenv("JUDGE_CACHE__URL", "none")
    monkeypatch.setenv("PYTHONPATH", str(HERE.parent.parent))
    monkeypatch.setattr(programs, "PROGRAM", (python, "-m", "judge_service"))
    # A cluster takes some seconds to come up, and longer where the machine has other things to do.
    monkeypatch.setattr(programs, "SECONDS", 240)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster that runs already, of this machine alone: its address. It knows nothing of any test's environment."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("cluster")
    told = ["start", "--head", "--block", f"--port={port}", "--num-cpus=2", "--include-dashboard=false"]
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    environ = {**os.environ, **quiet, "PYTHONPATH": str(HERE.parent.parent)}
    ray = str(Path(os.environ["RAY_PYTHON"]).with_name("ray"))
    with (folder / "log").open("wb") as log:
        head = subprocess.Popen([ray, *told], env=environ, stdout=log, stderr=log, cwd=folder)
    try:
        _wait_for(port, head)
        yield f"127.0.0.1:{port}"
    finally:
        # Told to end, it would take half a minute.
        started = [psutil.Process(head.pid), *psutil.Process(head.pid).children(recursive=True)]
        for process in started:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        head.wait()


def _wait_for(port: int, head: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert head.poll() is None, "Ray did not start"
            assert time.monotonic() < give_up, "Ray did not start in time"
            time.sleep(0.1)
        else:
            return


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """A judge that takes a moment, leans to what it is shown first, and is not always sure."""
    async with Emulator(Behaviour().changed({"latency_ms": 30, "bias": 0.4, "noise": 0.5})) as judge:
        yield judge
