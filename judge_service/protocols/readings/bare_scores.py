"""A score without brackets: the bare number, `Score: 4`, `Answer: 4`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from judge_service.protocols.readings.binding import Mention, last_label
from judge_service.protocols.readings.scores import NUMBER, checked_step
from judge_service.protocols.readings.sentences import words_before

_MARKUP: Final = r"[ \t*_#`]*"
_TOKEN: Final = re.compile(r"(?<![\w.,/+-])-?[0-9]+(?:[.,/:-][0-9]+)*%?(?![\w+])")
_START: Final = rf"(?:\n|[.!?]\s|[。！？])(?:[ \t]*[>•+-]\s)?{_MARKUP}"
_BARE: Final = re.compile(rf"{_START}[(*_]*\Z")
_KEYED: Final = re.compile(
    rf"(?:{_START}|[,;:]\s)(?:(?:so|thus|hence|therefore|overall|finally),?\s+)?(?:(?:my|the)\s+)?(?:(?:final|overall)\s+)*"
    rf"(?:score|rating|grade|answer|verdict|choice){_MARKUP}(?::|=|\sis\b:?){_MARKUP}[(*_]*\Z",
    re.IGNORECASE,
)
_AFTER: Final = re.compile(
    rf"""\)?{_MARKUP}(?:
        (?P<end>[.!]?{_MARKUP}(?=\r?\n|\r?\Z))
        |(?P<goes_on>[.,;!](?=\s)(?!\s*[0-9])|\s*[—–-]\s|\s*\((?![^)\n]*[0-9])|\s*(?:because|since|as)\b)
    )""",
    re.VERBOSE,
)


def last_score(text: str, scale: tuple[int, int]) -> tuple[float, str]:
    """The score that binds, and as it was written; raises Unreadable."""
    label = last_label(text, _find)
    return checked_step(label, scale), label


def _find(text: str, start: int, end: int) -> Iterator[Mention]:
    for token in _TOKEN.finditer(text, start, end):
        after = _AFTER.match(text, token.end())
        before = words_before(text, token.start())
        ends = after is not None and after["end"] is not None
        if _KEYED.search(before) or (ends and _BARE.search(before)):
            good = after and NUMBER.fullmatch(token[0])
            yield Mention(token.start(), token.end(), token[0] if good else None)
