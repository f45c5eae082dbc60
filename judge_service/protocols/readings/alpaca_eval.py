"""AlpacaEval's judges answer with a list of models and ranks: `m` was shown first, `M` second."""

from __future__ import annotations

import re
from typing import Any, Final

from judge_service.domain.answers import FreeText, PairAnswer
from judge_service.protocols.readings.objects import objects, without_quoted_objects
from judge_service.protocols.readings.reading import Reading
from judge_service.protocols.readings.unreadable import Unreadable, pair_answer

_SIDES: Final = {
    "m": "first",
    "M": "second",
    "A": "first",
    "B": "second",
    "model_1": "first",
    "model_2": "second",
    "output_1": "first",
    "output_2": "second",
}
_STRING: Final = r"""["']([^"'\\\n]{0,40})["']"""
_MODEL: Final = rf"""["']model["']\s*:\s*{_STRING}"""
_RANK: Final = r"""["']rank["']\s*:\s*([0-9]{1,3})"""
_ENTRY: Final = rf"\{{\s*(?:{_MODEL}\s*,\s*{_RANK}|{_RANK}\s*,\s*{_MODEL})\s*,?\s*\}}"
_LIST: Final = re.compile(rf"\[\s*{_ENTRY}\s*,\s*{_ENTRY}\s*,?\s*\]")


def _read(text: str, space: FreeText) -> PairAnswer:
    ranks = _from_objects(text) or _from_list(text)
    if not ranks:
        raise Unreadable("the text holds no list of two models with their ranks")
    best = [name for name, rank in ranks if rank == 1]
    sides = {_SIDES.get(name) for name, _ in ranks}
    if sorted(rank for _, rank in ranks) != [1, 2] or sides != {"first", "second"}:
        raise Unreadable(f"the ranks are {', '.join(f'{name}: {rank}' for name, rank in ranks)}"[:200])
    return pair_answer(_SIDES[best[0]], best[0], space)


def _from_objects(text: str) -> list[tuple[str, int]]:
    holding = [found.value["ordered_models"] for found in objects(text) if "ordered_models" in found.value]
    if not holding:
        return []
    entries = holding[-1] if isinstance(holding[-1], list) else []
    ranks = [_entry(entry) for entry in entries]
    if len(ranks) != 2:
        raise Unreadable("ordered_models is no list of two models")
    return ranks


def _entry(entry: Any) -> tuple[str, int]:
    model, rank = (entry.get("model"), entry.get("rank")) if isinstance(entry, dict) else (None, None)
    if not isinstance(model, str) or isinstance(rank, bool) or not isinstance(rank, int):
        raise Unreadable("an entry of ordered_models has no model and rank")
    return model, rank


def _from_list(text: str) -> list[tuple[str, int]]:
    """The last list of two entries, as JSON or as Python writes it."""
    lists = list(_LIST.finditer(text))
    if not lists:
        return []
    one, one_rank, rank_one, one_back, other, other_rank, rank_other, other_back = lists[-1].groups()
    return [
        (one or one_back or "", int(one_rank or rank_one)),
        (other or other_back or "", int(other_rank or rank_other)),
    ]


def _closing(space: FreeText) -> str:
    return (
        "Response A is model m, Response B is model M. Answer with one JSON object, a brief explanation first:\n"
        '{"concise_explanation": "…", "ordered_models": [{"model": …, "rank": 1}, {"model": …, "rank": 2}]}\n'
        'Rank 1 goes to the better one: to "m" if Response A is better, to "M" if Response B is better.'
    )


ALPACA_EVAL: Final = Reading(
    "alpaca-eval-ranking", frozenset(("pair",)), False, _read, _closing, clean=without_quoted_objects
)
