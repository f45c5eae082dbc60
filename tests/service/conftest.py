"""What every service test stands on: a directory, a cache and an environment of its own, and a judge server."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from judge_server import JudgeServer


@pytest.fixture(autouse=True)
def corner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's own working directory and cache: nothing of the user's is read or written."""
    for name in list(os.environ):
        if name.startswith(("JUDGE_", "OPENAI_", "OTEL_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("JUDGE_CACHE__URL", f"sqlite:///{tmp_path}/cache.db")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
async def server() -> AsyncIterator[JudgeServer]:
    """A judge server of the test's own."""
    judge_server = await JudgeServer().start()
    yield judge_server
    await judge_server.stop()
