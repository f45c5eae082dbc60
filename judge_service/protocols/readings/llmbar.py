"""LLMBar's judges say `Output (a)`, or `Output (b) is better` somewhere in their reasons."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from judge_service.domain.answers import FreeText, PairAnswer
from judge_service.protocols.readings.binding import Mention, last_label
from judge_service.protocols.readings.comparisons import WINS
from judge_service.protocols.readings.reading import Reading
from judge_service.protocols.readings.sentences import clause_before, words_before
from judge_service.protocols.readings.unreadable import pair_answer

_MARKED: Final = re.compile(
    r"\(([ab])\)|[Nn]either (?:output|one|of them) (?:is|can be considered) better\b|are (?:both )?equally good\b"
)
_ADVERBS: Final = r"(?:(?:\w+ly|much|far|still|also|indeed|by\s+far)\s+)*"

# What follows a mention that is a verdict, or that denies one.
_BEHIND: Final = re.compile(
    rf"""(?P<end>[ \t*_.!]*(?=\r?\n|\r?\Z))
        |[*_]*\s+[*_]*(?:
            (?P<better>(?:is|was)\s+{_ADVERBS}[*_]*(?:the\s+)?better\b|{WINS}\s+[*_]*output\s)
            |(?P<denied>(?:(?:is|was)\s+(?:not|never|no|neither)\b|(?:isn|wasn)['’]t\b
                |(?:can|could|may|might|would)(?:not)?\s+(?:\w+\s+){{0,2}}be\b)[^.\n]{{0,40}}\bbetter\b))
        |(?=[*_]*\s)""",
    re.VERBOSE | re.IGNORECASE,
)
# What stands before one: in its clause "I choose", or "the better one is", or in its sentence nothing but "Verdict:".
_NAMED: Final = re.compile(
    r"(?:.*\b(?:that|so|therefore|hence|thus)\b)?[\s*_]*|.*\boutput\s+[*_]*", re.IGNORECASE | re.DOTALL
)
_ALONE: Final = re.compile(r"(?:\n|[.!?]\s)[\s*_#>-]*(?:(?:\w+\s+){0,3}\w+:[\s*_]*)?output\s+[*_]*$", re.IGNORECASE)
_BETTER_IS: Final = re.compile(r".*\b(?:better|best|preferred|superior)\s.*\bis:?\s+[*_]*output\s+[*_]*", re.IGNORECASE)
_CHOSEN: Final = re.compile(
    r"(?:.*\b(?:would|must|will|should|I|we|(?:have|me)\s+to)\s+|\s*)(?:choose|select|prefer|pick|favou?r)\s+[*_]*output\s+[*_]*",
    re.IGNORECASE,
)

# What another is said to think, and what is denied, is not the judge's verdict. A denial reaches no farther than its
# clause: LLMBar's published statistics count "I cannot claim that either Output (a) or Output (b) is better" for (b).
_REPORTED: Final = re.compile(
    r".*\b(?:argue[sd]|claim(?:s|ed)|believes|states|says|asserts|thinks|contends|maintains|insists|evaluates)(?:\s+that)?"
    r"\s+[*_]*(?:output\s+)?[*_]*",
    re.IGNORECASE,
)
_DENIED: Final = re.compile(r"\b(?:neither|nor|cannot|never|not|whether|if)\b|n['’]t\b", re.IGNORECASE)


def _find(text: str, start: int, end: int) -> Iterator[Mention]:
    for match in _MARKED.finditer(text, start, end):
        behind = _BEHIND.match(text, match.end())
        verdict = _verdict(text, match.start(), behind) if match[1] and behind else None
        if verdict is not None or not match[1]:
            yield Mention(match.start(), match.end(), f"Output ({match[1]})" if verdict else None)


def _verdict(text: str, place: int, behind: re.Match[str]) -> bool | None:
    """True if the mention there is the verdict, False if it denies one, None if it only speaks of an output."""
    clause = clause_before(text, place)
    if behind["better"] or behind["denied"]:
        said = _NAMED.fullmatch(clause) is not None and not _REPORTED.fullmatch(clause)
    else:
        alone = behind["end"] is not None and (
            _BETTER_IS.fullmatch(clause) or _ALONE.search(words_before(text, place, 60))
        )
        said = bool(alone or _CHOSEN.fullmatch(clause))
    return not (behind["denied"] or _DENIED.search(clause)) if said else None


def _read(text: str, space: FreeText) -> PairAnswer:
    label = last_label(text, _find)
    return pair_answer("first" if label == "Output (a)" else "second", label, space)


def _closing(space: FreeText) -> str:
    return (
        "Response A is Output (a), Response B is Output (b). First weigh both in a few sentences.\n"
        "Then end with one of these, exactly, on a line of its own:\n"
        "Output (a) is better. (if Response A is better) or: Output (b) is better. (if Response B is better)"
    )


LLMBAR: Final = Reading("llmbar", frozenset(("pair",)), False, _read, _closing)
