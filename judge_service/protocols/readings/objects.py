"""JSON objects inside a text: in a fence, after prose, with braces in their strings."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from judge_service.protocols.readings.forms import half_width
from judge_service.protocols.readings.quotations import GAP, without_blockquotes

_START: Final = re.compile(r'\{\s*"')
_QUOTED_START: Final = re.compile(r"""["'`“‘«「『]\s*(\{)""")
_QUOTED_END: Final = re.compile(r"""\s*["'`”’»」』]""")
_TAIL: Final = 400_000
_STARTS: Final = 500

CONTRADICTED: Final = object()
"""The value of a key that one object gives twice, differently."""


@dataclass(frozen=True, slots=True)
class Found:
    """A JSON object at text[start:end]."""

    start: int
    end: int
    value: dict[str, Any]


def objects(text: str) -> list[Found]:
    """The outermost objects of the text, in order; of a very long text those near its end, so that time is bounded."""
    floor = max(0, len(text) - _TAIL)
    tail = text[floor:]
    found: list[Found] = []
    end = 0
    for match in list(_START.finditer(tail))[-_STARTS:]:
        if match.start() >= end and (here := _object_at(tail, match.start())):
            end = here.end
            found.append(Found(floor + here.start, floor + end, here.value))
    return found


def _object_at(text: str, start: int) -> Found | None:
    """The object that begins at the brace there, if it is whole."""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return Found(start, end, value) if isinstance(value, dict) else None


def without_quoted_objects(text: str, quoted: Sequence[str]) -> str:
    """The text with a gap for each blockquote line, and for each object in quotation marks or backticks.

    An object in marks that stands alone on its line is the answer itself, unless it is out of one of `quoted`.
    """
    text = without_blockquotes(text)
    if "{" not in text:
        return text
    floor = max(0, len(text) - _TAIL)
    tail = text[floor:]
    kept = [text[:floor]]
    start = 0
    for match in list(_QUOTED_START.finditer(tail))[-_STARTS:]:
        if match.start() >= start and (end := _quoted_end(tail, match, quoted)):
            kept += (tail[start : match.start()], GAP)
            start = end
    return "".join((*kept, tail[start:]))


def _quoted_end(text: str, match: re.Match[str], quoted: Sequence[str]) -> int | None:
    here = _object_at(text, match.start(1))
    closed = _QUOTED_END.match(text, here.end) if here else None
    if not here or not closed:
        return None
    line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    line_end = text.find("\n", closed.end())
    rest = text[closed.end() : line_end if line_end >= 0 else len(text)]
    words = text[here.start : here.end]
    spoken = (
        not line.strip(" \t`*") and not rest.strip(" \t`*.") and not any(words in half_width(one) for one in quoted)
    )
    return None if spoken else closed.end()


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        found[key] = CONTRADICTED if key in found and found[key] != value else value
    return found


_DECODER: Final = json.JSONDecoder(strict=False, object_pairs_hook=_pairs)
