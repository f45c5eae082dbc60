"""The records of an output, of whatever kind it is, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from judge_service.files.arrays import elements_of
from judge_service.files.kinds import TABLES, is_array, kind_of, library, opened


def records_of(path: Path, kind: str = "") -> Iterator[Any]:
    """The records of any output, as they were written.

    Args:
        kind: of file, where the name does not tell.

    Raises:
        InvalidRequest: its extra is not installed.
        OSError, EOFError, ValueError, zlib.error: it is torn or damaged (`kinds.DAMAGE`); a line that is no JSON is a
            ValueError.
    """
    kind = kind or kind_of(path)
    if kind in TABLES:
        yield from library(path, kind).values_in(path, kind)
        return
    with opened(path, kind) as stream:
        for text in elements_of(stream) if is_array(kind) else stream:
            if text.strip():
                yield orjson.loads(text)
