"""How numbers and other people's texts stand on a page."""

from __future__ import annotations

import re
from typing import Final

from judge_service.reports.page import Cell

NONE: Final = "–"
"""What stands where there is no value."""

# Control characters, what turns the direction of the text around it, and lone surrogates, which are no text.
_UNREADABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def shown(cell: Cell, digits: int) -> str:
    """A cell of a table: thousands apart, and fractions with so many decimals."""
    if cell is None:
        return NONE
    if isinstance(cell, str):
        return plain(cell)
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return f"{cell:,}" if isinstance(cell, int) else fixed(cell, digits)


def fixed(value: float, digits: int) -> str:
    """A number with so many decimals; nothing is minus zero."""
    told = f"{value:,.{digits}f}"
    return told.removeprefix("-") if not any(c in "123456789" for c in told) else told


def plain(text: str) -> str:
    """A text without what no page should obey: a model's name may hold anything."""
    return _UNREADABLE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def on_one_line(text: str) -> str:
    """The same on one line."""
    return " ".join(plain(text).split())
