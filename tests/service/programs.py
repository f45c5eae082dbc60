"""The program as its users run it: processes of their own, with their output and their exit codes."""

import asyncio
import gzip
import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from judge_service.cli.app import main

PROGRAM = (sys.executable, "-m", "judge_service")
SECONDS = 60


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The JSON lines on standard output."""
        return [orjson.loads(line) for line in self.out.splitlines()]


async def ran(*argv: str, stdin: bytes = b"", environ: Mapping[str, str] | None = None) -> Ended:
    """A command run to its end in a process of its own."""
    process = await started(*argv, environ=environ)
    return await ended(process, stdin)


async def started(*argv: str, environ: Mapping[str, str] | None = None) -> asyncio.subprocess.Process:
    """A command that has only begun."""
    pipe = asyncio.subprocess.PIPE
    told = {**os.environ, **(environ or {})}
    return await asyncio.create_subprocess_exec(*PROGRAM, *argv, stdin=pipe, stdout=pipe, stderr=pipe, env=told)


async def ended(process: asyncio.subprocess.Process, stdin: bytes = b"") -> Ended:
    """Waits for a command that was started."""
    try:
        async with asyncio.timeout(SECONDS):
            out, err = await process.communicate(stdin)
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


@asynccontextmanager
async def serving(*flags: str, environ: Mapping[str, str] | None = None) -> AsyncIterator[tuple[str, Any]]:
    """A running service on a free port: its address and its process, which is stopped at the end."""
    process = await started("serve", "--port", "0", *flags, environ=environ)
    try:
        async with asyncio.timeout(SECONDS):
            assert process.stderr is not None
            line = (await process.stderr.readline()).decode()
        assert "http://" in line, line
        yield next(word for word in line.split() if word.startswith("http://")), process
    finally:
        if process.returncode is None:
            process.terminate()
        await ended(process)


def called(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *argv: str) -> Ended:
    """A command run in this process: the same code, without half a second of start."""
    monkeypatch.setattr(sys, "argv", ["judge-service", *argv])
    capsys.readouterr()
    code: Any = 0
    try:
        main()
    except SystemExit as e:
        code = e.code or 0
    told = capsys.readouterr()
    return Ended(int(code), told.out, told.err)


def write_rows(path: Path, rows: Iterable[Any]) -> str:
    """A file of JSON lines, compressed if its name says so; a row that is text is a line as it stands."""
    lines = b"".join((row.encode() if isinstance(row, str) else orjson.dumps(row)) + b"\n" for row in rows)
    path.write_bytes(gzip.compress(lines) if path.suffix == ".gz" else lines)
    return str(path)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The judgments in an output."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if path.suffix == ".json":
        listed: list[dict[str, Any]] = orjson.loads(content)
        return listed
    return [orjson.loads(line) for line in content.splitlines()]


def cases(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Pairs of which the first is better, each with texts of its own."""
    return [
        {"id": f"c{i}", "prompt": f"Task {i}", "candidates": [f"{i} yes (worth 3)", f"{i} no (worth 1)"]}
        for i in range(start, start + count)
    ]
