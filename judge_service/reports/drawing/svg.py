"""Elements of SVG as text; whatever is written into them is escaped."""

from __future__ import annotations

import re
from html import escape
from typing import Final, NamedTuple

from judge_service.reports.wording import on_one_line

TEXT_SIZE: Final = 12.5
"""Pixels, as the page's style sets them for all text in plots."""
_SIGN: Final = re.compile(r"(?<![\w.])-(?=\d)")


class Picture(NamedTuple):
    """What is drawn on an area of so many pixels."""

    width: float
    height: float
    body: str


def tag(element: str, inside: str = "", /, **attributes: str | float) -> str:
    """An element; `inside` is SVG already, `class_` stands for class and `_` within names for a hyphen."""
    told = "".join(f' {name.rstrip("_").replace("_", "-")}="{_value(value)}"' for name, value in attributes.items())
    return f"<{element}{told}>{inside}</{element}>" if inside else f"<{element}{told}/>"


def text(told: str, x: float, y: float, kind: str, **attributes: str | float) -> str:
    """A line of text with its baseline at `y`."""
    return tag("text", escape(on_one_line(told)), class_=kind, x=x, y=y, **attributes)


def signed(told: str) -> str:
    """Numbers with minus signs in the place of hyphens."""
    return _SIGN.sub("\N{MINUS SIGN}", told)


def number(told: str, x: float, y: float, kind: str, anchor: str) -> str:
    """A line of numbers."""
    return text(signed(told), x, y, kind, text_anchor=anchor)


def tooltip(told: str) -> str:
    """What is read aloud for the element that this stands in, and shown where the pointer rests."""
    return tag("title", escape(on_one_line(told)))


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return tag("line", class_=kind, x1=x1, y1=y1, x2=x2, y2=y2)


def pixels(value: float) -> str:
    """A length or place with a tenth of a pixel: finer cannot be seen."""
    return f"{value:.1f}".removesuffix(".0")


def _value(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else pixels(value)
