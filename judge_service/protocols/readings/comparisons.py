"""Sentences that name both: which of the two they put first, and when they put neither."""

from __future__ import annotations

import re
from typing import Final

_OPEN: Final = r"[\s*_`\"'(\[]*"
_CLOSE: Final = r"[\s*_`\"')\]]*"

WINS: Final = r"""(?:
    (?:is|was|seems|appears|remains)\s+(?:(?:\w+ly|much|far|still|also|even|to\s+be)\s+)*(?:an?\s+|the\s+)?
        (?:better|superior|stronger|preferable)(?:\s+(?:answer|response|output|choice|option|one|assistant))?\s+(?:than|to)
    |(?:is|was)\s+(?:\w+ly\s+)?preferred\s+(?:over|to)
    |(?:\w+ly\s+)?(?:beats|outperforms|surpasses|outshines|exceeds|wins\s+(?:over|against))
)"""
"""A verbose pattern: what may stand between the better one and the other."""

_BETWEEN: Final = re.compile(
    rf"{_CLOSE}(?:{WINS}|over){_OPEN}(?:the\s+)?(?:(?:output|response|assistant|answer)\s+)?{_OPEN}",
    re.VERBOSE | re.IGNORECASE,
)
_DOUBT: Final = re.compile(
    r"\b(?:not|never|no|neither|nor|none|hardly|cannot|whether|if|unless|would|could|might|may)\b|n['’]t\b",
    re.IGNORECASE,
)
_DENIED_BEFORE: Final = re.compile(
    rf"(?:\b(?:not|never|neither|nor)|n['’]t)\s+(?:(?!but\b|only\b)\w+\s+){{0,2}}{_OPEN}\Z", re.IGNORECASE
)
_DENIED_BEHIND: Final = re.compile(rf"{_CLOSE}\s(?:(?:is|was)\s+(?:not|never|no)|(?:isn|wasn)['’]t)\b", re.IGNORECASE)
_REASON: Final = re.compile(r"\b(?:because|since)\b", re.IGNORECASE)
_TURN: Final = re.compile(r"\b(?:but|however|although|though|yet|nevertheless|nonetheless)\b", re.IGNORECASE)
_REACH: Final = 80


def beats(between: str) -> bool:
    """Whether these words between two labels say that the first is better."""
    return len(between) <= 200 and _BETWEEN.fullmatch(between) is not None


def reason_from(words: str, start: int) -> int:
    """Where, after `start`, the words turn to giving a reason and to nothing else; their length if they never do."""
    reason = _REASON.search(words, start)
    return reason.start() if reason and not _TURN.search(words, reason.end()) else len(words)


def doubted(words: str) -> bool:
    """Whether these words deny what they say, or leave it open."""
    return _DOUBT.search(words) is not None


def denied(text: str, start: int, end: int, first: int, last: int) -> bool:
    """Whether the sentence text[first:last] says of its label text[start:end] that it is not the one."""
    before = text[max(first, start - _REACH) : start]
    return bool(_DENIED_BEFORE.search(before) or _DENIED_BEHIND.match(text, end, last))
