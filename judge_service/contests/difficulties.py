"""Files that tell how hard instructions are, for the length-controlled win rate of AlpacaEval."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from judge_service.errors import InvalidRequest
from judge_service.evaluation.contests.difficulty import Difficulties, difficulties_in
from judge_service.files.reading import rows_of


def difficulties_of(path: str) -> Difficulties:
    """What a .csv file, or rows as JSON, say of instructions.

    Raises:
        InvalidRequest: it cannot be read, or a row says nothing; the message says where.
    """
    return difficulties_in(_tabled(Path(path)) if path.lower().endswith(".csv") else _rows(path))


def _tabled(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            for number, row in enumerate(csv.DictReader(lines), 1):
                yield f"{path.name} row {number}", row
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise InvalidRequest(f"{path}: {e}") from None


def _rows(path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for row in rows_of(path):
        if row.error is not None or not isinstance(row.value, Mapping):
            raise InvalidRequest(f"{row.where}: {row.error or 'a row is an object'}")
        yield row.where, row.value
