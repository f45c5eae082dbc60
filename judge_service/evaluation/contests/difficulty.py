"""How hard AlpacaEval's instructions are, as its files tell, and which comparison each is about."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from judge_service.domain.digests import digest
from judge_service.domain.frozen import frozen
from judge_service.errors import InvalidRequest
from judge_service.evaluation.contests.alpaca_length import Gamed
from judge_service.evaluation.contests.comparisons import Comparison

DIFFICULTY: Final = "instruction_difficulty"
_KEYS: Final = ("instruction", "index", "")
"""Columns that name the instruction; pandas writes an index without a name under an empty heading."""


@frozen
class Difficulties:
    """What a file says of instructions.

    Attributes:
        by_key: by the instruction's text, beside which stands its prompt's digest, or by its place in the set.
        gamed: the gamed baselines' rows, where the file is AlpacaEval's `df_gamed.csv`.
        by_place: whether keys are places, from 0.
    """

    by_key: Mapping[str, float]
    gamed: tuple[Gamed, ...] = ()
    by_place: bool = False

    def of(self, comparisons: Sequence[Comparison]) -> list[float] | str:
        """The difficulty of each comparison, by its prompt or id, or where the file goes by places by that among these.

        Returns:
            One to each, or which are missing in words.
        """
        found = [self._one(place, comparison) for place, comparison in enumerate(comparisons)]
        missing = [one.case_id for one, told in zip(comparisons, found, strict=True) if told is None]
        if missing:
            return f"no difficulty is told of {len(missing)} of {len(found)} instructions, the first {missing[0]!r}"
        return [told for told in found if told is not None]

    def _one(self, place: int, comparison: Comparison) -> float | None:
        names = (str(place),) if self.by_place else (comparison.prompt, comparison.case_id)
        return next((self.by_key[name] for name in names if name in self.by_key), None)


def difficulties_in(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> Difficulties:
    """Reads AlpacaEval's `df_gamed.csv`, its `instruction_difficulty.csv`, or rows of `instruction` and a number.

    Args:
        rows: where each stands, for messages, and its columns.

    Raises:
        InvalidRequest: a row names no instruction, or what should be a number is none; the message says where.
    """
    by_key: dict[str, float] = {}
    gamed: list[Gamed] = []
    kinds: set[bool] = set()
    for where, row in rows:
        key = next((name for name in _KEYS if row.get(name) not in (None, "")), None)
        if key is None:
            raise InvalidRequest(f"{where}: names no instruction: there is no `instruction` and no `index`")
        field = DIFFICULTY if DIFFICULTY in row else _only_other(where, row, key)
        told = _number(where, row, field)
        name = str(row[key])
        kinds.add(key != "instruction")
        for known in (name, digest({"prompt": name, "context": None})):
            by_key.setdefault(known, told)
        if "std_delta_len" in row:
            gamed.append(_gamed(where, row, told))
    if not by_key:
        raise InvalidRequest("the file of difficulties has no rows")
    if len(kinds) > 1:
        raise InvalidRequest("some rows of the file of difficulties name an `instruction` and some only an `index`")
    return Difficulties(by_key, tuple(gamed), by_place=kinds.pop())


def _gamed(where: str, row: Mapping[str, Any], difficulty: float) -> Gamed:
    missing = str(row.get("preference", "")).strip().lower() in ("", "nan", "none", "null")
    preference = None if missing else _number(where, row, "preference")
    if preference is not None and not 0.0 <= preference <= 1.0:
        raise InvalidRequest(f"{where}: `preference` is to be in [0, 1], as in df_gamed.csv; it is {preference:g}")
    is_gamed = str(row.get("not_gamed_baseline", False)).strip().lower() not in ("true", "1", "1.0")
    return Gamed(preference, _number(where, row, "std_delta_len"), difficulty, is_gamed)


def _only_other(where: str, row: Mapping[str, Any], key: str) -> str:
    others = [name for name in row if name != key]
    if len(others) != 1:
        raise InvalidRequest(f"{where}: which column is the difficulty is not told: name it `{DIFFICULTY}`")
    return others[0]


def _number(where: str, row: Mapping[str, Any], field: str) -> float:
    try:
        number = float(row[field])
    except (KeyError, TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InvalidRequest(f"{where}: `{field}` is to be a number; it is {row.get(field)!r}")
    return number
