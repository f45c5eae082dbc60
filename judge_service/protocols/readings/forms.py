"""Full-width forms of brackets, colons, letters and digits, which judges use when they write Chinese or Japanese."""

from __future__ import annotations

import re
from typing import Final

_PAIRS: Final = {
    "【": "[",
    "】": "]",
    "［": "[",
    "］": "]",
    "（": "(",
    "）": ")",
    "：": ":",
    "＞": ">",
    "＝": "=",
    "＜": "<",
}
_LETTERS: Final = {chr(code + 0xFEE0): chr(code) for code in range(0x30, 0x7B) if chr(code).isalnum()}
_TABLE: Final = str.maketrans(_PAIRS | _LETTERS)
_ANY: Final = re.compile("[" + "".join(_PAIRS | _LETTERS) + "]")


def half_width(text: str) -> str:
    """The text with these forms, and no others, in their plain width; its length stays the same."""
    if text.isascii() or not _ANY.search(text):
        return text
    return text.translate(_TABLE)
