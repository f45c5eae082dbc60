"""How many rows there are: counted beside the judging, in files of every kind that tells."""

import gzip
import re
import sys
import threading
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from programs import called, cases, write_rows

from judge_service.cli import progress
from judge_service.files.counting import Counting


def counted(told: str, **more: Any) -> int | None:
    """What is counted, once the count is done."""
    counting = Counting(told, **more)
    counting.begin()
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.daemon:
            thread.join(30)
    return counting.total


LINES = b"".join(orjson.dumps(row) + b"\n" for row in cases(100))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.jsonl", LINES),
        ("in.jsonl", LINES[:-1]),
        ("in.jsonl.gz", gzip.compress(LINES)),
        ("in.jsonl.zst", zstandard.compress(LINES)),
    ],
)
def test_lines_are_counted_in_whatever_they_are_packed(name: str, content: bytes) -> None:
    Path(name).write_bytes(content)
    assert counted(name) == 100
    assert counted(name, shares=4) == 25
    assert counted(name, limit=30) == 30


def test_tables_say_it_and_folders_are_the_sum_of_their_files() -> None:
    Path("shards").mkdir()
    pq.write_table(pa.Table.from_pylist(cases(7)), "shards/a.parquet")
    Path("shards/b.jsonl").write_bytes(LINES)
    assert counted("shards") == 107


@pytest.mark.parametrize("name", ["in.json", "-", "none.jsonl"])
def test_what_cannot_be_counted_is_not_guessed(name: str) -> None:
    Path("in.json").write_bytes(orjson.dumps(cases(3)))
    assert counted(name) is None


def test_a_run_tells_how_much_is_left(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(progress, "_PLAIN_SECONDS", 0.02)
    source = write_rows(tmp_path / "in.jsonl", cases(3000))
    end = called(capsys, monkeypatch, "compare", source, "-o", "out.jsonl", "--offline")
    assert end.code == 0
    assert not sys.stderr.isatty()
    assert re.search(r"^[\d,]+ of 3,000 cases  [\d,]+/s  0:\d\d:\d\d left  [\d,]+ judge calls", end.err, re.MULTILINE)
