"""What a judge thought before it answered is no part of its answer."""

from __future__ import annotations

import re
from typing import Final

_NAMES: Final = "think|thinking|thought|reasoning|seed:think"

# A tag between quotation marks or backticks is talked about, not used.
_TAG: Final = re.compile(
    rf"""(?:<(?<![`"'“‘«]<)(?P<close>/)?(?P<name>{_NAMES})>
        |\[(?<![`"'“‘«]\[)(?P<close2>/)?(?P<name2>THINK)\]
        |◁(?P<close3>/)?(?P<name3>think)▷
        |<\|channel\|>(?:(?P<name4>analysis|commentary)|(?P<close4>final))(?:<\|message\|>)?)""",
    re.VERBOSE | re.IGNORECASE,
)


def without_thoughts(text: str) -> str:
    """The text outside thinking blocks: an unclosed block takes the rest, a lone closing tag all that went before."""
    kept: list[str] = []
    inside, start = "", 0
    for tag in _TAG.finditer(text):
        kind, closes = _kind(tag)
        if not inside:
            if closes:
                kept.clear()
            else:
                kept.append(text[start : tag.start()])
                inside = kind
            start = tag.end()
        elif closes and kind == inside:
            inside, start = "", tag.end()
    if not inside:
        kept.append(text[start:])
    return "\n".join(kept) if len(kept) > 1 else "".join(kept)


def _kind(tag: re.Match[str]) -> tuple[str, bool]:
    if tag["close4"] or tag["name4"]:
        return "channel", tag["close4"] is not None
    name = tag["name"] or tag["name2"] or tag["name3"]
    closes = tag["close"] or tag["close2"] or tag["close3"]
    return tag[0][0] + name.lower(), closes is not None
