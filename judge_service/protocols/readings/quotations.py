"""What a judge quotes is not what it says: quotations are taken out before a verdict is looked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from judge_service.protocols.readings.forms import half_width
from judge_service.protocols.readings.sentences import words_before

GAP: Final = "\ufffc"
"""Stands where a quotation was."""

_QUOTE: Final = re.compile(
    r"""
     "(?<![\w"]")[^"\n]*"(?!\w)
    |“[^“”]*”
    |„[^„“”\n]*[“”]
    |«[^«»]*»
    |「[^「」]*」
    |『[^『』]*』
    |``*[^`\n]+`+
    |'(?<![\w']')(?:[^'\n]|(?<=\w)'(?=\w))*'(?!\w)
    |‘[^‘’\n]*’(?!\w)
    """,
    re.VERBOSE,
)
_BLOCK_LINE: Final = re.compile(r"\n[ \t]*>[^\n]*")
_FENCE: Final = re.compile(r"\n[ \t]*(`{3,}|~{3,})([^\n]*)")

# A quotation that can be nothing but a verdict: it counts where it stands as one.
_ONLY_A_LABEL: Final = re.compile(
    r"""[\s*_]*(?:
        \[\[[^\[\]\n]{1,80}\]\]
        |\[RESULT\]\s*\S{1,8}
        |(?:(?:the\s+)?final\s+decision\s+is\s+)?(?:(?:output|response|assistant|answer|option)\s+)?\(?(?:[A-Za-z]|\d{1,3}(?:\.\d+)?|tie)\)?(?:\s+is\s+better)?
    )[\s*_.!]*""",
    re.VERBOSE | re.IGNORECASE,
)
_STANDS_AFTER: Final = re.compile(r"(?:\n|:|\bis|\bbe)[ \t*_#>(-]*$", re.IGNORECASE)
_OF_ANOTHER: Final = re.compile(
    r"\b(?:says?|said|saying|writes?|wrote|ends?|contains?|includes?|reads|claims?|states?|asks?|tells?|quote[sd]?|text)\b"
    r"[^\n]*\Z",
    re.IGNORECASE,
)
_CALLED_VERDICT: Final = re.compile(
    r"\b(?:my|final|overall)\s+(?:verdict|decision|choice|answer|judge?ment|rating|score)(?:\s+is)?:?\s*[*_(]*\Z"
    r"|\b(?:selecting|choosing|picking|I\s+(?:(?:will|would|must)\s+)?(?:select|choose|pick))\s+[*_(]*\Z",
    re.IGNORECASE,
)
_CALLING: Final = (" is", "ing", "ct", "ose", "ick", "verdict", "decision", "choice", "answer", "ment", "score")
_NOTHING_BEHIND: Final = re.compile(r"[ \t*_.,!;:)\]]*(?=\n|$)")
_MARKS: Final = "\"“”„«»「」『』`'‘’"


def without_quotations(text: str, quoted: Sequence[str]) -> str:
    """The text with a gap for each blockquote, fenced block and quotation.

    A quotation that is only a label and stands as the verdict itself stays, without its marks, unless it is a label's
    full form, or three words or more, out of one of the texts `quoted`.
    """
    text = without_blockquotes(_without_fences(text))
    return _QUOTE.sub(lambda match: _spoken(match, quoted), text)


def without_blockquotes(text: str) -> str:
    """The text with a gap for each line that begins with `>`."""
    return _BLOCK_LINE.sub("\n" + GAP, "\n" + text)[1:] if ">" in text else text


def _spoken(quote: re.Match[str], quoted: Sequence[str]) -> str:
    words = quote[0].strip(_MARKS)
    if len(words) > 120 or not _ONLY_A_LABEL.fullmatch(words) or not _stands(quote.string, quote.start(), quote.end()):
        return GAP
    return GAP if _is_from(words.strip(), quoted) else f" {words} "


def _stands(text: str, start: int, end: int) -> bool:
    """Whether the quotation text[start:end] is the verdict by where it stands."""
    before = words_before(text, start, 60)
    if _NOTHING_BEHIND.match(text, end):
        return _STANDS_AFTER.search(before) is not None and not _OF_ANOTHER.search(before)
    return before.rstrip(" \t*_(:").endswith(_CALLING) and _CALLED_VERDICT.search(before) is not None


def _is_from(words: str, quoted: Sequence[str]) -> bool:
    telling = "[" in words or len(words.split()) >= 3
    return telling and any(words in half_width(text) for text in quoted)


def _without_fences(text: str) -> str:
    """The text without fenced blocks; one that is never closed takes the rest, one around the whole text is opened."""
    if "```" not in text and "~~~" not in text:
        return text
    kept: list[str] = []
    opener, start = "", 0
    source = "\n" + text
    for fence in _FENCE.finditer(source):
        marks, info = fence[1], fence[2].strip()
        if not opener and not (marks[0] == "`" and "`" in info):
            kept.append(source[start : fence.start()])
            opener, start = marks, fence.start()
        elif opener and not info and marks[0] == opener[0] and len(marks) >= len(opener):
            if len(kept) == 1 and not kept[0].strip() and not source[fence.end() :].strip():
                return source[source.index("\n", start + 1) : fence.start()]
            kept.append("\n" + GAP)
            opener, start = "", fence.end()
    kept.append("\n" + GAP if opener else source[start:])
    return "".join(kept)[1:]
