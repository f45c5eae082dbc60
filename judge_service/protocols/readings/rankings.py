"""Whole rankings: `[[C>A>B]]`, `=` for ties, or `{"ranking": ["C", "A", "B"]}` with ties in a list of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from judge_service.domain.answers import LETTERS, FreeText, RankAnswer
from judge_service.protocols.readings.binding import last_label
from judge_service.protocols.readings.brackets import bracketed
from judge_service.protocols.readings.objects import objects, without_quoted_objects
from judge_service.protocols.readings.quotations import without_quotations
from judge_service.protocols.readings.reading import Reading
from judge_service.protocols.readings.unreadable import Unreadable

Tiers = tuple[tuple[str, ...], ...]

_ORDER: Final = re.compile(r"[A-Z](?:[>=][A-Z])+")
_MEANT: Final = re.compile(r"[\s0-9<>=,|/&-]*(?:[A-Za-z](?![A-Za-z])[\s0-9<>=,|/&-]*)+|", re.IGNORECASE)
_FENCE_BEFORE: Final = re.compile(r"(?:^|\n)[ \t]*```[ \t]*\w*[ \t]*\n\s*$")
_FENCE_BEHIND: Final = re.compile(r"\s*\n[ \t]*```[ \t]*(?=\n|$)")
_find: Final = bracketed(lambda inside: _ORDER.fullmatch(inside) is not None, _MEANT)


def rank_answer(tiers: Tiers | None, space: FreeText) -> RankAnswer:
    """The ranking, if it names each position shown exactly once; raises Unreadable."""
    if tiers is None:
        raise Unreadable("the ranking is no list of letters")
    letters = [letter for tier in tiers for letter in tier]
    shown = LETTERS[: space.shown or max(2, len(letters))]
    if sorted(letters) != list(shown):
        raise Unreadable(f"the ranking {_written(tiers)[:80]} does not name each of {', '.join(shown)} exactly once")
    if not space.ties and len(tiers) < len(letters):
        raise Unreadable(f"the ranking {_written(tiers)} holds a tie, and no tie was offered")
    places = tuple(tuple(LETTERS.index(letter) for letter in tier) for tier in tiers)
    return RankAnswer(places, _written(tiers))


def listed(value: Any) -> Tiers | None:
    """A JSON list of letters, or of lists of tied letters, as tiers."""
    if not isinstance(value, list):
        return None
    tiers = [tuple(tier) if isinstance(tier, list) else (tier,) for tier in value]
    sound = all(isinstance(letter, str) and len(letter) == 1 and letter in LETTERS for tier in tiers for letter in tier)
    return tuple(tiers) if sound and all(tiers) else None


def _written(tiers: Tiers) -> str:
    return ">".join("=".join(tier) for tier in tiers)


def _objects_as_brackets(text: str, quoted: Sequence[str]) -> str:
    """The text without quotations, each JSON ranking, fenced or not, written in brackets: one rule reads both."""
    text = without_quoted_objects(text, quoted)
    kept: list[str] = []
    start = 0
    for found in objects(text):
        if "ranking" in found.value:
            before = _FENCE_BEFORE.sub("\n", text[start : found.start])
            tiers = listed(found.value["ranking"])
            kept += (without_quotations(before, quoted), f" [[{_written(tiers) if tiers else ''}]] ")
            behind = _FENCE_BEHIND.match(text, found.end)
            start = behind.end() if behind else found.end
    kept.append(without_quotations(text[start:], quoted))
    return "".join(kept)


def _read(text: str, space: FreeText) -> RankAnswer:
    label = last_label(text, _find)
    return rank_answer(tuple(tuple(tier.split("=")) for tier in label.split(">")), space)


def _closing(space: FreeText) -> str:
    letters = LETTERS[: space.shown]
    ties = ", and = between those that are equally good" if space.ties else ""
    return (
        "First weigh the responses in a few sentences. Then end with all of them on a line of its own, best first,\n"
        f"in double brackets with > between them{ties}, for example: [[{'>'.join(reversed(letters))}]]\n"
        f"Name each response exactly once: {', '.join(letters)}."
    )


RANKING: Final = Reading("ranking", frozenset(("rank",)), True, _read, _closing, clean=_objects_as_brackets)
