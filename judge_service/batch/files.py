"""Rows from files and standard input, one at a time."""

from __future__ import annotations

import gzip
import sys
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import orjson

from judge_service.batch.disk import STANDARD
from judge_service.batch.kinds import kind_of
from judge_service.domain.frozen import frozen
from judge_service.domain.surrogates import NO_TEXT, parsed_with_surrogates, surrogate_in
from judge_service.errors import InvalidRequest


@frozen
class Row:
    """One row: its value, or why it cannot be read.

    Attributes:
        where: file and line, for messages.
    """

    where: str
    value: Any = None
    error: str | None = None


def rows_of(path: str) -> Iterator[Row]:
    """The rows of a file, in order. A line that is no JSON is a row with an error.

    Raises:
        InvalidRequest: no such file, or it cannot be read.
    """
    if path != STANDARD and not Path(path).is_file():
        raise InvalidRequest(f"{path}: no such file")
    return _rows(path, kind_of(path))


def _rows(path: str, kind: str) -> Iterator[Row]:
    name = "standard input" if path == STANDARD else Path(path).name
    try:
        with _opened(path, kind) as lines:
            yield from _array(lines.read().removeprefix(BOM_UTF8), name) if kind == ".json" else _lines(lines, name)
    except (OSError, EOFError) as e:
        raise InvalidRequest(f"{path}: {e}") from None


def _opened(path: str, kind: str) -> IO[bytes] | gzip.GzipFile:
    if path == STANDARD:
        return sys.stdin.buffer
    return gzip.open(path, "rb") if kind == ".jsonl.gz" else Path(path).open("rb")


def _lines(lines: Iterable[bytes], name: str) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            where = f"{name} line {number}"
            try:
                yield Row(where, orjson.loads(line if number > 1 else line.removeprefix(BOM_UTF8)))
            except orjson.JSONDecodeError as e:
                yield Row(where, error=f"not valid JSON: {e}")


def _array(text: bytes, name: str) -> Iterator[Row]:
    try:
        rows = orjson.loads(text)
    except orjson.JSONDecodeError as e:
        yield from _no_array(text, name, e)
        return
    for number, value in enumerate(rows if isinstance(rows, list) else [rows], 1):
        yield Row(f"{name} row {number}", value)


def _no_array(text: bytes, name: str, error: orjson.JSONDecodeError) -> Iterator[Row]:
    """The rows of a .json file that is no JSON as it stands."""
    try:
        rows = parsed_with_surrogates(text)
    except ValueError:
        # A .json file that holds JSON lines is common, and its first line is then whole.
        if b"\n" in text.strip():
            yield from _lines(text.splitlines(), name)
        else:
            yield Row(name, error=f"not valid JSON: {error}")
        return
    for number, value in enumerate(rows if isinstance(rows, list) else [rows], 1):
        where = f"{name} row {number}"
        at = surrogate_in(value)
        yield Row(where, value) if at is None else Row(where, error=f"{at or 'the row'} {NO_TEXT}")
