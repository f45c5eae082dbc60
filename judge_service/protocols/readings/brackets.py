"""Verdicts in double brackets: `[[A>>B]]`, `[[A]]`, `[[7]]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from judge_service.domain.answers import FreeText, PairAnswer, ScoreAnswer
from judge_service.protocols.readings.binding import Finder, Mention, last_label
from judge_service.protocols.readings.reading import Reading
from judge_service.protocols.readings.scores import NUMBER, checked_score, scale_of
from judge_service.protocols.readings.unreadable import pair_answer

# Brackets that a text breaks off in are taken along, so that no earlier verdict stands in for the lost one.
_BRACKETS: Final = re.compile(r"\[\[([^\[\]\n]{0,80})(?:\]\]|\]?\Z)")

# In brackets, these are meant as a verdict even where they are none of the form asked for.
_MEANT_AS_PAIR: Final = re.compile(
    r"[\s*_]*(?:(?:(?:assistant|response|answer|model)\s+)?[A-Z](?:\s*(?:[<>=/|,&-]+|or|and)\s*[A-Z])*"
    r"|tied?|draw|both|neither|)[\s*_]*",
    re.IGNORECASE,
)
_MEANT_AS_SCORE: Final = re.compile(r".*[0-9].*|")

_ARENA: Final = {"A>>B": "first", "A>B": "first", "A=B": "tie", "B>A": "second", "B>>A": "second"}
_MT_BENCH: Final = {"A": "first", "B": "second", "C": "tie"}
_MT_BENCH_SCALE: Final = (1, 10)


def bracketed(valid: Callable[[str], bool], meant: re.Pattern[str]) -> Finder:
    """Finds double brackets: `valid` tells labels, `meant` what is taken for a label gone wrong."""

    def find(text: str, start: int, end: int) -> Iterator[Mention]:
        for match in _BRACKETS.finditer(text, start, end):
            inside, closed = match[1], match[0].endswith("]]")
            if closed and valid(inside):
                yield Mention(match.start(), match.end(), inside)
            elif meant.fullmatch(inside):
                yield Mention(match.start(), match.end(), None)

    return find


def _pair_reading(labels: Mapping[str, str]) -> Callable[[str, FreeText], PairAnswer]:
    find = bracketed(labels.__contains__, _MEANT_AS_PAIR)

    def read(text: str, space: FreeText) -> PairAnswer:
        label = last_label(text, find)
        return pair_answer(labels[label], label, space)

    return read


_find_score: Final = bracketed(lambda inside: NUMBER.fullmatch(inside) is not None, _MEANT_AS_SCORE)


def _read_score(text: str, space: FreeText) -> ScoreAnswer:
    label = last_label(text, _find_score)
    return ScoreAnswer({"": checked_score(label, scale_of(space, _MT_BENCH_SCALE))}, label)


def _arena_closing(space: FreeText) -> str:
    tie = ", [[A=B]] if they are about equally good" if space.ties else ""
    return (
        "First weigh both responses in a few sentences. Then end with one of these, exactly, on a line of its own:\n"
        f"[[A>>B]] if Response A is much better, [[A>B]] if A is slightly better{tie}, "
        "[[B>A]] if B is slightly better, [[B>>A]] if Response B is much better."
    )


def _mt_bench_closing(space: FreeText) -> str:
    tie = ", [[C]] if they are equally good" if space.ties else ""
    return (
        "First weigh both responses in a few sentences. Then end with one of these, exactly, on a line of its own:\n"
        f"[[A]] if Response A is better, [[B]] if Response B is better{tie}."
    )


def _score_closing(space: FreeText) -> str:
    low, high = scale_of(space, _MT_BENCH_SCALE)
    return (
        "First weigh the response in a few sentences. Then end with your score on a line of its own, in this form:\n"
        f"Rating: [[n]]\nwhere n is a number on the scale of {low} to {high}, in double brackets."
    )


ARENA_HARD: Final = Reading("arena-hard", frozenset(("pair",)), True, _pair_reading(_ARENA), _arena_closing)
MT_BENCH_PAIR: Final = Reading("mt-bench-pair", frozenset(("pair",)), True, _pair_reading(_MT_BENCH), _mt_bench_closing)
MT_BENCH_SCORE: Final = Reading("mt-bench-score", frozenset(("score",)), False, _read_score, _score_closing)
