"""In which script a text is written: what can be told of its language without a model."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import lru_cache
from typing import Final

_LOOKED_AT: Final = 2_000
_JAPANESE: Final = ("hiragana", "katakana")
_KANA: Final = 0.1
"""Japanese is told from Chinese by its kana; so much of it is enough."""


def script_of(text: str) -> str | None:
    """The script that most of its letters are of, in small letters; None where it has no letters.

    Languages that share a script are not told apart: English and French are both `latin`. Chinese is `cjk`.
    """
    counted = Counter(filter(None, map(_script, text[:_LOOKED_AT])))
    if not counted:
        return None
    kana = sum(counted[name] for name in _JAPANESE)
    if kana >= _KANA * counted.total() and kana + counted["cjk"] > counted.total() / 2:
        return "japanese"
    return min(counted, key=lambda name: (-counted[name], name))


@lru_cache(maxsize=8_192)
def _script(character: str) -> str | None:
    if not character.isalpha():
        return None
    return unicodedata.name(character, "").partition(" ")[0].lower() or None
