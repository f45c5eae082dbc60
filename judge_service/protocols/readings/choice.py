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

_MARKUP: Final = r"[ \t*_#`]*"
_NOUNS: Final = ("response", "assistant", "output", "option", "candidate", "answer")
_LEADS: Final = ("so", "thus", "hence", "therefore", "overall", "finally", "in conclusion", "in summary")
_NOUN: Final = f"(?:{'|'.join(_NOUNS)})"
_LEAD: Final = f"(?:{'|'.join(_LEADS)})"
_TOKEN: Final = re.compile(r"(?<![\w'’.-])(?:[ABC12ab]|[Tt]ie|TIE)(?![\w'’+<>=-])")
_SIDES: Final = {"A": "first", "1": "first", "B": "second", "2": "second", "C": "tie", "tie": "tie"}

# A label can only stand right behind one of these: looked at first, since most letters are no label.
_OPENS: Final = ("\n", ".", "!", "?", ":", "=", ">", "•", "+", "-", "。", "！", "？", " is", " a")
_WORDS: Final = (*_NOUNS, *_LEADS)

_START: Final = rf"(?:\n|[.!?]\s|[。！？])(?:[ \t]*[>•+-]\s)?{_MARKUP}"
_NAMED: Final = rf"(?:(?P<noun>{_NOUN})[ \t]+|(?P<article>(?-i:a))[ \t]+)?[(*_]*\Z"
_BARE: Final = re.compile(rf"{_START}(?:{_LEAD},?\s+)?{_NAMED}", re.IGNORECASE)
_KEYED: Final = re.compile(
    rf"(?:{_START}|[,;:]\s)(?:{_LEAD},?\s+)?(?:(?:my|the)\s+)?(?:(?:final|overall|better|best|preferred)\s+)*"
    rf"(?:choice|answer|verdict|decision|judge?ment|winner|preference|response){_MARKUP}(?::|=|\sis\b:?){_MARKUP}{_NAMED}",
    re.IGNORECASE,
)

_LABEL: Final = rf"{_MARKUP}(?:{_NOUN}\s+)?[(*_]*(?-i:[ABC12]|[Tt]ie|TIE)\b\)?"
_LINE_END: Final = rf"[.!]?{_MARKUP}(?=\r?\n|\r?\Z)"
_IS_BETTER: Final = r"\s(?:is|was)\s+(?:(?:\w+ly|much|far)\s+)*(?:the\s+)?better\b(?:\s+(?:response|answer|one))?"
_AFTER: Final = re.compile(
    rf"""\)?{_MARKUP}(?:
        (?P<end>{_LINE_END})
        |(?P<denied>\s+(?:is|was)\s+(?:not|never|no)\b|\s+(?:isn|wasn)['’]t)
        |(?P<whole>(?:{_IS_BETTER}(?:\s+than\s+{_LABEL})?|\s+over\s+{_LABEL}){_MARKUP}(?:[.!](?=\s|\Z)|(?=\r?\n|\r?\Z)))
        |(?P<several>\s*(?:[,;/&(]|\b(?:or|and|nor|not)\b)\s*(?:(?:or|and|not)\s+)?{_LABEL}(?P<only>{_MARKUP}{_LINE_END})?)
        |(?P<goes_on>[.,;!](?=\s)|\s+[—–-]\s|\s+\(|\s+(?:because|since|as)\b|{_IS_BETTER}|\s+over\s+{_LABEL})
    )""",
    re.VERBOSE | re.IGNORECASE,
)


def _find(text: str, start: int, end: int) -> Iterator[Mention]:
    for token in _TOKEN.finditer(text, start, end):
        after = _AFTER.match(text, token.end()) if _may_stand(text, token) else None
        verdict = _verdict(text, token, after) if after else None
        if verdict is not None:
            yield Mention(token.start(), token.end(), token[0] if verdict else None)


def _may_stand(text: str, token: re.Match[str]) -> bool:
    place = token.start()
    before = text[max(0, place - 16) : place].rstrip(" \t*_#`(")
    if token[0] in "12":
        return before.lower().endswith(_NOUNS)
    return not before or before.endswith(_OPENS) or before.rstrip(",").lower().endswith(_WORDS)


def _verdict(text: str, token: re.Match[str], after: re.Match[str]) -> bool | None:
    """True if the label is the verdict, False if it is none of the form, None if it is only spoken of."""
    before = words_before(text, token.start(), 80)
    keyed = _KEYED.search(before)
    said = keyed or _BARE.search(before)
    ends = after["end"] is not None
    if not said or not (keyed or ends or after["denied"] or after["whole"] or after["only"] is not None):
        return None
    if token[0] in "ab":
        return False if ends else None
    if (token[0] in "12" and not said["noun"]) or (len(token[0]) == 1 and said["article"]):
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
