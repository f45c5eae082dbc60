"""Auto-J closes with `final decision is Response 1`, `Response 2` or `Tie`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from judge_service.domain.answers import FreeText, PairAnswer
from judge_service.protocols.readings.binding import Mention, last_label
from judge_service.protocols.readings.reading import Reading
from judge_service.protocols.readings.unreadable import pair_answer

_DECISION: Final = re.compile(
    r"final decision is\b[ \t:*_]*(?:(Response [12]|(?:a )?tie)\b(?![.,]?[0-9]))?", re.IGNORECASE
)
_ANOTHER: Final = re.compile(
    r"[\s*_)]*(?:,|/|&|\bor\b|\band\b)[\s*_(]*(?:response\s+)?(?:[12]|a\s+tie|tie)\b", re.IGNORECASE
)
_SIDES: Final = {"response 1": "first", "response 2": "second", "tie": "tie", "a tie": "tie"}


def _find(text: str, start: int, end: int) -> Iterator[Mention]:
    for match in _DECISION.finditer(text, start, end):
        several = _ANOTHER.match(text, match.end(), end)
        yield Mention(match.start(), match.end(), None if several else match[1])


def _read(text: str, space: FreeText) -> PairAnswer:
    label = last_label(text, _find)
    return pair_answer(_SIDES[label.lower()], label, space)


def _closing(space: FreeText) -> str:
    tie = ", or Tie if they are equally good" if space.ties else ""
    return (
        "First weigh both responses in a few sentences. Then end with one line in this form, exactly:\n"
        "So, the final decision is Response 1\n"
        f"with Response 1 if Response A is better, Response 2 if Response B is better{tie}."
    )


AUTO_J: Final = Reading("auto-j-pair", frozenset(("pair",)), True, _read, _closing)
