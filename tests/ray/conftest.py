"""Ray for the tests of this tier. RAY_PYTHON names the Python that has it; without it these tests fail."""

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
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


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """A judge that takes a moment, leans to what it is shown first, and is not always sure."""
    async with Emulator(Behaviour().changed({"latency_ms": 30, "bias": 0.4, "noise": 0.5})) as judge:
        yield judge
