"""The cache's file: shared by processes, and judged without when it is broken."""

import asyncio
import logging
import sqlite3
from pathlib import Path

import pytest
from judge_server import JudgeServer
from programs import cases, ran, read_rows, write_rows
from services import judged, opened, sqlite


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def garbage(path: Path) -> Path:
    path.write_bytes(b"this is no database" * 1000)
    return path


def directory(path: Path) -> Path:
    path.mkdir()
    return path


def below_a_file(path: Path) -> Path:
    path.write_text("not a directory")
    return path / "cache.db"


@pytest.mark.parametrize("broken", [garbage, directory, below_a_file], ids=lambda made: made.__name__)
async def test_a_file_that_cannot_be_opened_costs_one_warning_and_no_judgment(
    server: JudgeServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: object
) -> None:
    assert callable(broken)
    path = broken(tmp_path / "broken")
    async with opened(server, cache=sqlite(path)) as service:
        judgments = [await judged(service) for _ in range(2)]
    assert [judgment["status"] for judgment in judgments] == ["judged", "judged"]
    (warning,) = warnings(caplog)
    assert str(path) in warning
    assert service.cache_faults == {"open": 1}


async def test_a_file_damaged_within_costs_one_warning_and_no_judgment(
    server: JudgeServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "c.db"
    async with opened(server, cache=sqlite(path)) as service:
        await judged(service)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    async with opened(server, cache=sqlite(path)) as service:
        judgments = [await judged(service) for _ in range(2)]
    assert [judgment["status"] for judgment in judgments] == ["judged", "judged"]
    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize(
    "entry",
    [b"", b"{", b"[]", b"null", b'["x"]', b'[99, null, null, "A"]', b'[1, null, null, 5]', b'[1, {"A": "x"}, 1.0, "A"]',
     b"\xff\xfe\x00"],
)  # fmt: skip
async def test_a_damaged_entry_is_a_miss(server: JudgeServer, tmp_path: Path, entry: bytes) -> None:
    path = tmp_path / "c.db"
    async with opened(server, cache=sqlite(path)) as service:
        await judged(service)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE answers SET value = ?", (entry,))
    db.close()
    async with opened(server, cache=sqlite(path)) as service:
        judgment = await judged(service)
    assert (judgment["status"], server.calls) == ("judged", 4)


async def test_two_processes_share_one_file(server: JudgeServer, tmp_path: Path) -> None:
    """Both write at once, and afterwards either knows what the other asked."""
    judge = ("--judge-url", server.url, "--model", "m", "--quiet")
    halves = [write_rows(tmp_path / f"in{i}.jsonl", cases(150, start=150 * i)) for i in (0, 1)]
    told = await asyncio.gather(*(ran("compare", half, "-o", f"out{i}.jsonl", *judge) for i, half in enumerate(halves)))
    assert [(end.code, end.err) for end in told] == [(0, ""), (0, "")]
    assert server.calls == 600
    whole = write_rows(tmp_path / "whole.jsonl", cases(300))
    again = await ran("compare", whole, "-o", "whole.out.jsonl", *judge)
    assert (again.code, again.err) == (0, "")
    assert server.calls == 600
    assert {row["status"] for row in read_rows(tmp_path / "whole.out.jsonl")} == {"judged"}
