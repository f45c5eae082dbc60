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
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

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
    """A file of rows of the kind its name says; a row that is text is a line as it stands."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(rows)), path)
        return str(path)
    texts = [row.encode() if isinstance(row, str) else orjson.dumps(row) for row in rows]
    content = b"[" + b",".join(texts) + b"]" if ".json" in path.suffixes else b"".join(text + b"\n" for text in texts)
    pack = {".gz": gzip.compress, ".zst": zstandard.compress}.get(path.suffix.lower(), bytes)
    path.write_bytes(pack(content))
    return str(path)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The judgments in an output."""
    if path.suffix == ".parquet":
        return [orjson.loads(text) for text in pq.read_table(path)["judgment"].to_pylist()]
    packed = path.read_bytes()
    unpack = {".gz": gzip.decompress, ".zst": zstandard.ZstdDecompressor().decompressobj().decompress}
    content = unpack.get(path.suffix, bytes)(packed)
    if ".json" in path.suffixes:
        listed: list[dict[str, Any]] = orjson.loads(content)
        return listed
    return [orjson.loads(line) for line in content.splitlines()]


def cases(count: int, start: int = 0) -> list[dict[str, Any]]:
    """Pairs of which the first is better, each with texts of its own."""
    return [
        {"id": f"c{i}", "prompt": f"Task {i}", "candidates": [f"{i} yes (worth 3)", f"{i} no (worth 1)"]}
        for i in range(start, start + count)
    ]
