"""LLMBar's judges say `Output (a)`, or `Output (b) is better` somewhere in their reasons."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from judge_service.domain.answers import FreeText, PairAnswer
from judge_service.protocols.readings.binding import Mention, last_label
from judge_service.protocols.readings.reading import Reading
from judge_service.protocols.readings.sentences import words_before
from judge_service.protocols.readings.unreadable import pair_answer

_MARKED: Final = re.compile(r"\(([ab])\)")
_OUTPUT_BEFORE: Final = re.compile(r"\boutput\s+[*_]*$", re.IGNORECASE)
_BARE_BEFORE: Final = re.compile(r"(?:[.!?,:;]\s|\n|\b(?:that|so|therefore|hence|thus)\s)[\s*_]*$", re.IGNORECASE)

_ADVERBS: Final = r"(?:(?:\w+ly|much|far|still|also|indeed|by\s+far)\s+)*"
_IS_BETTER: Final = re.compile(rf"[*_\"'”]*\s+[*_]*(?:is|was)\s+{_ADVERBS}[*_]*(?:the\s+)?better\b", re.IGNORECASE)
_IS_NOT_BETTER: Final = re.compile(
    r"[*_\"'”]*\s+(?:(?:is|was)\s+(?:not|never|no|neither)\b|(?:isn|wasn)['’]t\b|(?:can|could|may|might|would)(?:not)?\s+(?:\w+\s+){0,2}be\b)"
    r"[^.\n]{0,40}\bbetter\b",
    re.IGNORECASE,
)
_CHOSEN: Final = re.compile(
    r"(?:\n|\b(?:would|must|will|should|I|we|to)\s+)(?:choose|select|prefer|pick|favou?r)\s+[*_]*output\s+[*_]*$", re.IGNORECASE
)
_BETTER_IS: Final = re.compile(r"\b(?:better|best|preferred|superior)\s[^.;,:\n]{0,60}\bis:?\s+[*_]*output\s+[*_]*$", re.IGNORECASE)
_ALONE_BEFORE: Final = re.compile(r"(?:\n|[.!?]\s)[ \t*_#>-]*(?:(?:\w+\s+){0,3}\w+:\s*)?[*_]*output\s+[*_]*$", re.IGNORECASE)
_ALONE_AFTER: Final = re.compile(r"[ \t*_.!]*(?=\n|$)")
_NEITHER: Final = re.compile(r"\b(?:neither|nor|cannot|not|n['’]t|whether|if)\b[^.;,\n]*$", re.IGNORECASE)
_REPORTED: Final = re.compile(
    r"\b(?:argue[sd]|claim(?:s|ed)|believes|states|says|asserts|thinks|contends|maintains|insists|evaluates)(?:\s+that)?\s+[*_]*(?:output\s+)?[*_]*$",
    re.IGNORECASE,
)


def _find(text: str, start: int, end: int) -> Iterator[Mention]:
    for match in _MARKED.finditer(text, start, end):
        before = words_before(text, match.start())
        verdict = _verdict(before, text, match.end())
        if verdict is not None:
            label = f"Output ({match[1]})" if verdict else None
            yield Mention(match.start(), match.end(), label)


def _verdict(before: str, text: str, behind: int) -> bool | None:
    """True if the mention is the verdict, False if it denies one, None if it only speaks of an output."""
    named = _OUTPUT_BEFORE.search(before)
    if not named and not _BARE_BEFORE.search(before):
        return None
    if _REPORTED.search(before):
        return None
    if _IS_NOT_BETTER.match(text, behind):
        return False
    if _IS_BETTER.match(text, behind) or _CHOSEN.search(before):
        return not _NEITHER.search(before)
    alone = (_ALONE_BEFORE.search(before) or _BETTER_IS.search(before)) and _ALONE_AFTER.match(text, behind)
    return True if named and alone else None


def _read(text: str, space: FreeText) -> PairAnswer:
    label = last_label(text, _find)
    return pair_answer("first" if label == "Output (a)" else "second", label, space)


def _closing(space: FreeText) -> str:
    return (
        "Response A is Output (a), Response B is Output (b). First weigh both in a few sentences.\n"
        'Then end with one line, exactly: "Output (a) is better." if A is better, or "Output (b) is better." if B is better.'
    )


LLMBAR: Final = Reading("llmbar", frozenset(("pair",)), False, _read, _closing)
