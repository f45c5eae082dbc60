"""Where the sentence or line around a place begins and ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

# Not after "e.g.", "vs." and their like, not before a small letter, and never at a number's point.
_END: Final = re.compile(
    r"""[.!?](?<!\b[eE]\.g\.)(?<!\b[iI]\.e\.)(?<!\bvs\.)(?<!\bcf\.)(?<!\bNo\.)(?<!\bDr\.)(?<!\bMr\.)(?<!\bMs\.)
        ["'”’»)\]*_`]*\s+(?![a-z\s])
        |[。！？]["'”’»」』)\]*_`]*\s*""",
    re.VERBOSE,
)

# A line that breaks off here goes on in the next: the two are one sentence.
_GOES_ON: Final = re.compile(
    r"\b(?:than|over|to|and|or|nor|not|neither|either|versus|vs\.?|with|against|between)[ \t*_]*$", re.IGNORECASE
)
_BREAKS: Final = ".,;!?()\n"
_FIRST_WINDOW: Final = 256

# No sentence is longer: a text of one endless line takes no more time than others.
_LONGEST: Final = 20_000


def windows(text: str) -> Iterator[int]:
    """Starts of ever longer tails of the text, each at the start of a line if one is near; the last is 0."""
    size = _FIRST_WINDOW
    while size < len(text):
        start = _line_start(text, len(text) - size)
        if start == 0:
            break
        yield start
        size = (len(text) - start) * 8
    yield 0


def sentence_around(text: str, start: int, end: int) -> tuple[int, int]:
    """The bounds of the sentence, within its line, that holds text[start:end]."""
    line_start, line_end = _line_start(text, start), text.find("\n", end, end + _LONGEST)
    first, last = line_start, min(len(text), end + _LONGEST) if line_end < 0 else line_end
    for boundary in _END.finditer(text, line_start, start):
        first = boundary.end()
    later = _END.search(text, end, last)
    if first == line_start:
        first = _whole_from(text, line_start)
    return first, later.end() if later else last


def words_before(text: str, place: int, reach: int = 120) -> str:
    """Up to `reach` characters before the place; the start of the text shows as the start of a line."""
    return text[place - reach : place] if place > reach else "\n" + text[:place]


def clause_before(text: str, place: int, reach: int = 120) -> str:
    """What stands before the place, back to the last comma, stop, bracket or line break."""
    words = text[max(0, place - reach) : place]
    return words[max(map(words.rfind, _BREAKS)) + 1 :]


def _line_start(text: str, place: int) -> int:
    floor = max(0, place - _LONGEST)
    newline = text.rfind("\n", floor, place)
    return floor if newline < 0 else newline + 1


def _whole_from(text: str, line_start: int) -> int:
    """Where the sentence begins that reaches into the line from lines wrapped before it."""
    while line_start > 0:
        previous = text.rfind("\n", 0, line_start - 1) + 1
        if not _GOES_ON.search(text, max(previous, line_start - 40), line_start - 1):
            break
        line_start = previous
    return line_start
