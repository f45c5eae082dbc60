"""JSON lines as each kind of file holds them, on their way to a file or to standard output."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from judge_service.errors import InvalidRequest
from judge_service.files.disk import STANDARD, check_output, replace_whole
from judge_service.files.kinds import WRITTEN, check_extra, is_array, kind_of, library

Lines = Literal["judgments", "rows"]
"""What lines are, which is what decides the columns of a table: judgments have theirs, rows those they are found in."""


def check_writable(output: Path | str, inputs: Iterable[Path | str] = ()) -> None:
    """That an output can be written as its name says, and takes the place of no input.

    Raises:
        InvalidRequest: files of its kind are not written, or need an extra that is not installed.
        RunRefused: it would overwrite an input.
    """
    kind = kind_of(output)
    if kind not in WRITTEN:
        raise InvalidRequest(f"{output}: files that are written are {', '.join(WRITTEN)}")
    check_extra(output, kind)
    check_output(output, inputs)


def write_lines(output: str, lines: Iterable[bytes], what: Lines = "judgments") -> None:
    """Lines one after the other; a file is there whole or not at all.

    Raises:
        RunRefused: it cannot be written.
    """
    if output == STANDARD:
        sys.stdout.buffer.writelines(lines)
    else:
        replace_whole(Path(output), packed(lines, kind_of(output), what))


def packed(lines: Iterable[bytes], kind: str, what: Lines = "judgments") -> Iterator[bytes]:
    """Lines as a file of this kind holds them; no more than a few are held.

    Args:
        kind: one that is written (`kinds.WRITTEN`).
    """
    if kind == ".parquet":
        tables = library(kind, kind)
        yield from tables.judgments_table(lines) if what == "judgments" else tables.rows_table(lines)
        return
    parts = _array(lines) if is_array(kind) else iter(lines)
    if kind.endswith(".gz"):
        parts = _compressed(parts)
    elif kind.endswith(".zst"):
        parts = library(kind, kind).packed(parts)
    yield from parts


def _compressed(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes whenever they are written: no name and no time in the header."""
    gzip = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    for part in parts:
        yield gzip.compress(part)
    yield gzip.flush()


def _array(lines: Iterable[bytes]) -> Iterator[bytes]:
    start = b"["
    for line in lines:
        yield start + line.rstrip(b"\n")
        start = b",\n"
    yield b"]\n" if start != b"[" else b"[]\n"
