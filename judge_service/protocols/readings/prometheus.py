"""Verdicts behind `[RESULT]`: `[RESULT] A`, `[RESULT] 4`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from judge_service.domain.answers import FreeText, PairAnswer, ScoreAnswer
from judge_service.protocols.readings.binding import Finder, Mention, last_label
from judge_service.protocols.readings.reading import Reading
from judge_service.protocols.readings.scores import NUMBER, checked_step, scale_of
from judge_service.protocols.readings.unreadable import pair_answer

_RESULT: Final = re.compile(r"\[(result)\][*_]*\s*:?\s*(\S*)", re.IGNORECASE)
_LETTER: Final = re.compile(r"[AB]")
_OR_LETTER: Final = re.compile(r"[\s*_)]*(?:or|and|/|,|&)[\s*_(]*(?:[AB]\b|tie\b)", re.IGNORECASE)
_OR_NUMBER: Final = re.compile(r"[\s*_)]*(?:or|and|to|(?:out\s+)?of|/|,|&|-|–)[\s*_(]*[0-9]")
_SCALE: Final = (1, 5)


def _finder(label: re.Pattern[str], another: re.Pattern[str]) -> Finder:
    def find(text: str, start: int, end: int) -> Iterator[Mention]:
        for match in _RESULT.finditer(text, start, end):
            word = match[2].strip("*_()\"'`,;:!").removesuffix(".").strip("*_()\"'`")
            good = match[1] == "RESULT" and label.fullmatch(word) and not another.match(text, match.end())
            yield Mention(match.start(), match.end(), word if good else None)

    return find


_find_letter: Final = _finder(_LETTER, _OR_LETTER)
_find_number: Final = _finder(NUMBER, _OR_NUMBER)


def _read_pair(text: str, space: FreeText) -> PairAnswer:
    label = last_label(text, _find_letter)
    return pair_answer("first" if label == "A" else "second", label, space)


def _read_score(text: str, space: FreeText) -> ScoreAnswer:
    label = last_label(text, _find_number)
    return ScoreAnswer({"": checked_step(label, scale_of(space, _SCALE))}, label)


def _pair_closing(space: FreeText) -> str:
    return (
        "Write: Feedback: (how the two responses differ by the standard, in a few sentences) [RESULT] (A or B)\n"
        "End with [RESULT] A if Response A is better, or [RESULT] B if Response B is better."
    )


def _score_closing(space: FreeText) -> str:
    low, high = scale_of(space, _SCALE)
    return (
        "Write: Feedback: (what the response is worth by the standard, in a few sentences) [RESULT] (a whole number)\n"
        f"End with [RESULT] and your score, a whole number from {low} to {high}."
    )


PROMETHEUS_PAIR: Final = Reading("prometheus-pair", frozenset(("pair",)), False, _read_pair, _pair_closing)
PROMETHEUS_SCORE: Final = Reading("prometheus-score", frozenset(("score",)), False, _read_score, _score_closing)
