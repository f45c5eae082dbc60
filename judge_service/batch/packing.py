"""JSON lines as each kind of file holds them, on their way to a file or to standard output."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from judge_service.batch.disk import STANDARD, replace_whole
from judge_service.batch.kinds import kind_of


def write_lines(output: str, lines: Iterable[bytes]) -> None:
    """Lines one after the other; a file is there whole or not at all.

    Raises:
        RunRefused: it cannot be written.
    """
    if output == STANDARD:
        sys.stdout.buffer.writelines(lines)
    else:
        replace_whole(Path(output), packed(lines, kind_of(output)))


def packed(lines: Iterable[bytes], kind: str) -> Iterator[bytes]:
    """Lines as a file of this kind holds them.

    Args:
        kind: .jsonl, .jsonl.gz or .json.
    """
    if kind == ".jsonl.gz":
        yield from _compressed(lines)
    elif kind == ".json":
        yield from _array(lines)
    else:
        yield from lines


def _compressed(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes whenever they are written: no name and no time in the header."""
    gzip = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    for line in lines:
        yield gzip.compress(line)
    yield gzip.flush()


def _array(lines: Iterable[bytes]) -> Iterator[bytes]:
    start = b"["
    for line in lines:
        yield start + line.rstrip(b"\n")
        start = b",\n"
    yield b"]\n" if start != b"[" else b"[]\n"
