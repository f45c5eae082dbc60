"""Finds the question and the options in a prompt that asks for one of them."""

from __future__ import annotations

import re
from typing import Final

_FLAGS: Final = re.MULTILINE | re.DOTALL
_SIGN: Final = "\n[Option A "
_ASKED: Final = re.compile(r"^\[Question (?P<code>\w+)\]\n(?P<text>.*?)\n\[/Question (?P=code)\]$", _FLAGS)
_NUMBERED: Final = "\n[Option 1 "
_OPTION: Final = r"^\[Option (?P<label>\w+) {code}\]\n(?P<text>.*?)\n\[/Option (?P=label) {code}\]$"


def options_in(text: str) -> tuple[str, tuple[str, ...]] | None:
    """What is asked, and the options in the order shown; None if the prompt is of another kind."""
    if _SIGN not in text and _NUMBERED not in text:
        return None
    asked = _ASKED.search(text)
    if asked is None:
        return None
    pattern = re.compile(_OPTION.format(code=asked["code"]), _FLAGS)
    found = tuple([match["text"] for match in pattern.finditer(text, asked.end())])
    return (asked["text"], found) if found else None
