"""The bare label, `Choice: A`, or `Answer: Response 2`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from judge_service.domain.answers import Answer, FreeText, PairAnswer, ScoreAnswer
from judge_service.protocols.readings.bare_scores import last_score
from judge_service.protocols.readings.binding import Mention, last_label
from judge_service.protocols.readings.reading import Reading
from judge_service.protocols.readings.scores import scale_of
from judge_service.protocols.readings.sentences import words_before
from judge_service.protocols.readings.unreadable import pair_answer

MARKUP: Final = r"[ \t*_#`]*"
_NOUN: Final = r"(?:[Rr]esponse|[Aa]ssistant|[Oo]utput|[Oo]ption|[Cc]andidate|[Aa]nswer)"
_TOKEN: Final = re.compile(r"(?<![\w'’.-])(?:[ABC12ab]|[Tt]ie|TIE)(?![\w'’+<>=-])")
_SIDES: Final = {"A": "first", "1": "first", "B": "second", "2": "second", "C": "tie", "tie": "tie"}
_LABEL: Final = rf"{MARKUP}(?:{_NOUN}\s+)?[(*_]*(?:[ABC12]|[Tt]ie|TIE)\b"

_START: Final = rf"(?:\n|[.!?]\s|[。！？])(?:[ \t]*[>•+-]\s)?{MARKUP}"
_LEAD: Final = r"(?:(?:so|thus|hence|therefore|overall|finally|in (?:conclusion|summary)),?\s+)?"
_NAMED: Final = rf"(?:(?P<noun>{_NOUN})\s+|a\s+)?[(*_]*$"
_BARE: Final = re.compile(rf"{_START}{_LEAD}{_NAMED}", re.IGNORECASE)
_KEYED: Final = re.compile(
    rf"(?:{_START}|[,;:]\s){_LEAD}(?:(?:my|the)\s+)?(?:(?:final|overall|better|best|preferred)\s+)*"
    rf"(?:choice|answer|verdict|decision|judge?ment|winner|preference|response){MARKUP}(?::|=|\sis\b:?){MARKUP}{_NAMED}",
    re.IGNORECASE,
)

_ENDS: Final = rf"{MARKUP}[.!]?{MARKUP}(?=\r?\n|\r?\Z)"
_IS_BETTER: Final = r"\s(?:is|was)\s+(?:(?:\w+ly|much|far)\s+)*(?:the\s+)?better\b(?:\s+(?:response|answer|one))?"
_AFTER: Final = re.compile(
    rf"""\)?{MARKUP}(?:
        (?P<end>[.!]?{MARKUP}(?=\r?\n|\r?\Z))
        |(?P<denied>\s+(?:is|was)\s+(?:not|never|no)\b|\s+(?:isn|wasn)['’]t)
        |(?P<whole>(?:{_IS_BETTER}(?:\s+than{_LABEL}\)?)?|\s+over\s+{_LABEL}\)?){MARKUP}(?:[.!](?=\s|\Z)|(?=\r?\n|\r?\Z)))
        |(?P<several>\s*(?:[,;/&(]|\b(?:or|and|nor|not)\b)\s*(?:(?:or|and|not)\s+)?{_LABEL}\)?(?P<only>{_ENDS})?)
        |(?P<goes_on>[.,;!](?=\s)|\s+[—–-]\s|\s+\(|\s+(?:because|since|as)\b|{_IS_BETTER}|\s+over\s{_LABEL})
    )""",
    re.VERBOSE,
)


def _find(text: str, start: int, end: int) -> Iterator[Mention]:
    for token in _TOKEN.finditer(text, start, end):
        after = _AFTER.match(text, token.end())
        if after and (verdict := _verdict(text, token, after)) is not None:
            label = token[0] if verdict else None
            yield Mention(token.start(), token.end(), label)


def _verdict(text: str, token: re.Match[str], after: re.Match[str]) -> bool | None:
    """True if the label is the verdict, False if it is none of the form, None if it is only spoken of."""
    before = words_before(text, token.start())
    keyed = _KEYED.search(before)
    bare = None if keyed else _BARE.search(before)
    said = keyed or bare
    if not said or not (keyed or after["end"] or after["denied"] or after["whole"] or after["only"]):
        return None
    if token[0] in "ab":
        return False if after["end"] else None
    if token[0] in "12" and not said["noun"]:
        return None
    return not (after["denied"] or after["several"])


def _read_pair(text: str, space: FreeText) -> PairAnswer:
    label = last_label(text, _find)
    return pair_answer(_SIDES[label.lower() if len(label) > 1 else label], label, space)


def _read(text: str, space: FreeText) -> Answer:
    if space.asks == "pair":
        return _read_pair(text, space)
    score, label = last_score(text, scale_of(space, (1, 10)))
    return ScoreAnswer({"": score}, label)


def _closing(space: FreeText) -> str:
    if space.asks == "score":
        low, high = scale_of(space, (1, 10))
        return (
            "First weigh the response in a few sentences. Then end with your score on a line of its own, in the form\n"
            f"Score: n\nwhere n is a whole number from {low} to {high}. The scale is {low} to {high}."
        )
    tie = ", or Choice: Tie if they are equally good" if space.ties else ""
    return (
        "First weigh both responses in a few sentences. Then end with your choice on a line of its own, exactly:\n"
        f"Choice: A if Response A is better, or Choice: B if Response B is better{tie}."
    )


CHOICE: Final = Reading("choice", frozenset(("pair", "score")), True, _read, _closing)
