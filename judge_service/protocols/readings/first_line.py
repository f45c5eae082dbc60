"""Verdicts that by their nature stand on the first line: `1`, `2` or `Tie`, and two scores."""

from __future__ import annotations

import re
from typing import Final

from judge_service.domain.answers import FreeText, PairAnswer
from judge_service.protocols.readings.reading import Reading, as_written
from judge_service.protocols.readings.scores import NUMBER, checked_score, scale_of
from judge_service.protocols.readings.unreadable import Unreadable, pair_answer

_PANDALM: Final = re.compile(r"[*_#\s]*(1|2|tie)[*_.\s]*", re.IGNORECASE)
_SIDES: Final = {"1": "first", "2": "second", "tie": "tie"}
_TWO: Final = re.compile(rf"(?:.*[.!?]\s)?[*_\s]*({NUMBER.pattern})(?:\s*,\s*|\s+)({NUMBER.pattern})[*_\s]*")
_FENCE: Final = re.compile(r"\s*(?:```|~~~)[^\n`]*\n")
_SCALE: Final = (1, 10)


def _first_line(text: str) -> str:
    """The first line that is not empty, without the fence that may open before it."""
    fence = _FENCE.match(text)
    rest = text[fence.end() if fence else 0 :].lstrip()
    line = rest.split("\n", 1)[0].strip()
    if not line:
        raise Unreadable("the text is empty")
    return line


def _read_pandalm(text: str, space: FreeText) -> PairAnswer:
    line = _first_line(text)
    match = _PANDALM.fullmatch(line[:40]) if len(line) <= 40 else None
    if not match:
        raise Unreadable(f"the first line is {line[:60]!r}, and none of 1, 2 and Tie")
    return pair_answer(_SIDES[match[1].lower()], match[1], space)


def _read_two(text: str, space: FreeText) -> PairAnswer:
    line = _first_line(text)
    match = _TWO.fullmatch(line[-200:])
    if not match:
        raise Unreadable(f"the first line is {line[:60]!r}, and not two scores")
    scale = scale_of(space, _SCALE)
    one, other = checked_score(match[1], scale), checked_score(match[2], scale)
    side = "tie" if one == other else "first" if one > other else "second"
    answer = pair_answer(side, f"{match[1]} {match[2]}", space)
    return PairAnswer(answer.first, answer.second, answer.tie, answer.label, (one, other))


def _pandalm_closing(space: FreeText) -> str:
    tie = ", or Tie if they are equally good" if space.ties else ""
    return (
        "Weigh both responses briefly for yourself, then answer. The reason comes on the lines after the first.\n"
        f"On the first line write only 1 if Response A is better, or 2 if Response B is better{tie}."
    )


def _two_closing(space: FreeText) -> str:
    low, high = scale_of(space, _SCALE)
    numbers = "two numbers" if space.ties else "two different numbers"
    return (
        f"Score both responses on a scale of {low} to {high}. Give brief reasons on the lines after the first.\n"
        f"On the first line write only {numbers} with a space between: the score of Response A, then of Response B."
    )


PANDALM: Final = Reading("pandalm", frozenset(("pair",)), True, _read_pandalm, _pandalm_closing)
TWO_SCORES: Final = Reading("two-scores", frozenset(("pair",)), True, _read_two, _two_closing, clean=as_written)
