"""How wide texts are, without a font at hand: as in the widest of the usual ones, so that they fit in the others."""

from __future__ import annotations

import unicodedata
from html import escape
from typing import Final

from judge_service.reports.drawing.svg import TEXT_SIZE, tag, tooltip
from judge_service.reports.wording import on_one_line

LINE: Final = 16
"""Pixels from one line of text to the next."""
_MOST_LINES: Final = 3
_DESCENT: Final = 2
"""Pixels that a name may reach into the rows above and below it."""
_WIDTHS: Final = {
    **dict.fromkeys("ijlI.,:;'|! ", 0.34),
    **dict.fromkeys("frt()[]/-J\\", 0.43),
    **dict.fromkeys("abcdeghknopqsuvxyz0123456789_", 0.64),
    **dict.fromkeys("mwMW%@…+=<>~−&", 1.0),
}


def width_of(told: str, size: float = TEXT_SIZE) -> float:
    """About how many pixels a line of text takes, rather too many than too few."""
    return size * sum(map(_em, told))


def _em(letter: str) -> float:
    known = _WIDTHS.get(letter)
    if known is not None:
        return known
    if letter.isascii():
        return 0.8
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0.0
    return 0.8 if unicodedata.category(letter) in ("Ll", "Lu") else 1.1


def fitted(told: str, room: float, size: float = TEXT_SIZE) -> str:
    """The text, or as much of its beginning as there is room for."""
    flat = on_one_line(told)
    if width_of(flat, size) <= room:
        return flat
    left = room - width_of("…", size)
    end = 0
    while end < len(flat) and left >= _em(flat[end]) * size:
        left -= _em(flat[end]) * size
        end += 1
    return f"{flat[:end].rstrip()}…"


def lines_of(told: str, room: float) -> list[str]:
    """The text on so many lines as there are words for, three at most."""
    lines = [""]
    for word in on_one_line(told).split():
        longer = f"{lines[-1]} {word}".strip()
        if width_of(longer) <= room or not lines[-1] or len(lines) == _MOST_LINES:
            lines[-1] = longer
        else:
            lines.append(word)
    return [fitted(words, room) for words in lines]


def label(
    told: str, x: float, top: float, room: float, height: float, anchor: str = "start", size: float = TEXT_SIZE
) -> str:
    """A name within a box of its own, which nothing in it can leave; the whole name stands in its tooltip."""
    short = fitted(told, room, size)
    at = {"start": 0.0, "middle": room / 2, "end": room}[anchor]
    words = tag("tspan", escape(short)) + (tooltip(told) if short != told else "")
    y = height / 2 + _DESCENT
    inner = tag("text", words, class_="label", x=at, y=y, dominant_baseline="central", text_anchor=anchor)
    return tag("svg", inner, x=x, y=top - _DESCENT, width=max(room, 1), height=height + 2 * _DESCENT)
