"""The rule: the verdict is in the last sentence or line that holds a label, and one distinct label there binds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from judge_service.protocols.readings.comparisons import beats, denied, doubted, reason_from
from judge_service.protocols.readings.sentences import sentence_around, windows
from judge_service.protocols.readings.unreadable import Unreadable


@dataclass(frozen=True, slots=True)
class Mention:
    """A label in a text, or what is shaped like one and is none (`label` is None): that is not passed over."""

    start: int
    end: int
    label: str | None


Finder = Callable[[str, int, int], Iterable[Mention]]
"""Finds the labels in text[start:end], in order."""


def last_label(text: str, find: Finder) -> str:
    """The label that binds; raises Unreadable."""
    for start in windows(text):
        mentions = list(find(text, start, len(text)))
        if mentions:
            first, end = sentence_around(text, mentions[-1].start, mentions[-1].end)
            if first < start:
                return _bound(text, list(find(text, first, end)), first, end)
            return _bound(text, [m for m in mentions if m.start >= first], first, end)
    raise Unreadable("the text holds no verdict in the form asked for")


def _bound(text: str, mentions: Sequence[Mention], first: int, end: int) -> str:
    """The one label of the sentence text[first:end]."""
    labels = [m.label for m in mentions if m.label is not None]
    if len(labels) < len(mentions):
        wrong = next(m for m in mentions if m.label is None)
        raise Unreadable(f"{text[wrong.start : wrong.end][:60]!r} is not a verdict in the form asked for")
    if len(set(labels)) > 1:
        return _preferred(text, mentions, first, end)
    if any(denied(text, m.start, m.end, first, end) for m in mentions):
        raise Unreadable(f"the last sentence with a verdict denies it: {text[first:end].strip()[-200:]!r}")
    return labels[-1]


def _preferred(text: str, mentions: Sequence[Mention], first: int, end: int) -> str:
    """Of several labels the one that the sentence calls better than the others; names in its reason are passed over."""
    winners: set[str | None] = set()
    losers: set[int] = set()
    compared = first
    for place, (one, other) in enumerate(pairwise(mentions)):
        if one.label != other.label and beats(text[one.end : other.start]):
            winners.add(one.label)
            losers.add(place + 1)
            compared = other.end
    said = first + reason_from(text[first:end], compared - first)
    left = {m.label for place, m in enumerate(mentions) if place not in losers and m.start < said}
    if len(winners) == 1 and left == winners and not doubted(text[first:compared]):
        return str(winners.pop())
    raise Unreadable(f"the last sentence with a verdict holds several: {text[first:end].strip()[-200:]!r}")
