"""One of several options by its letter or number: bare on a line, `Choice: C`, or `the answer is option C`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from judge_service.domain.answers import FreeText, RankAnswer, option_labels
from judge_service.protocols.readings.binding import Mention, last_label
from judge_service.protocols.readings.reading import Reading

_MARKUP: Final = r"[ \t*_#`]*"
_NOUN: Final = r"(?:option|choice|answer|level)"
_LEAD: Final = r"(?:(?:so|thus|hence|therefore|overall|finally),?[ \t]+)?"
_LABEL: Final = r"(?-i:[A-Z]|[0-9]{1,3})"
_END: Final = rf"\)?{_MARKUP}(?:[.!](?=\s|\Z)|(?=\r?\n|\r?\Z))"
_ANOTHER: Final = rf"(?:,[ \t]*)?(?:\b(?:or|and|nor)\b|[/&])[ \t]*(?:{_NOUN}[ \t]+)?[(*_]*{_LABEL}(?![\w'’])"
_GOES_ON: Final = r"(?=[.,;:!](?:\s|\Z)|\r?\n|\r?\Z|(?:because|since|as)\b|[—–(-])"
_FOUND: Final = re.compile(
    rf"""(?:
        (?:^|(?<=\n)){_MARKUP}{_LEAD}(?:{_NOUN}[ \t]+)?[(*_]*(?P<bare>{_LABEL}){_END}
        |\b(?:choice|answer|decision|verdict){_MARKUP}(?::|=|\s(?:is|would[ ]be)\b:?){_MARKUP}(?:{_NOUN}[ \t]+)?[(*_]*
         (?P<keyed>{_LABEL})(?![\w'’])\)?{_MARKUP}(?:(?P<several>{_ANOTHER})|{_GOES_ON})
    )""",
    re.VERBOSE | re.IGNORECASE,
)


def _read(text: str, space: FreeText) -> RankAnswer:
    """The option named comes first; nothing is said of the others among themselves."""
    labels = {label: place for place, label in enumerate(option_labels(space.shown))} if space.shown else None

    def find(text: str, start: int, end: int) -> Iterator[Mention]:
        for match in _FOUND.finditer(text, start, end):
            group = "bare" if match["bare"] else "keyed"
            known = match["several"] is None and (labels is None or match[group] in labels)
            yield Mention(match.start(group), match.end(group), match[group] if known else None)

    label = last_label(text, find)
    if labels is None:
        # How many were shown is not known: a letter's, or a number's, own place.
        best = int(label) - 1 if label.isdigit() else ord(label) - ord("A")
        return RankAnswer(((best,),), label)
    best = labels[label]
    return RankAnswer(((best,), tuple([place for place in labels.values() if place != best])), label)


def _closing(space: FreeText) -> str:
    labels = option_labels(max(2, space.shown))
    if labels[0].isdigit():
        named = f"Choice: n\nwhere n is the number of one option, {labels[0]} to {labels[-1]}."
    else:
        named = f"Choice: A\nwhere the letter is that of the option you choose, {' or '.join(labels)}."
    end = "Then end with your choice on a line of its own, in the form"
    return f"First weigh the options in a few sentences. {end}\n{named}"


OPTION: Final = Reading("option", frozenset(("option",)), False, _read, _closing)
