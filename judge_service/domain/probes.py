"""Probes: changes of a case that should not change its verdict, and texts that try to change it. They are data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from judge_service.domain.cases import Case, Conversation

Kind = Literal["prompt", "candidate", "history", "paraphrase", "contrast", "authors"]
KINDS: Final[tuple[Kind, ...]] = ("prompt", "candidate", "history", "paraphrase", "contrast", "authors")
Quantity = Literal[
    "shift", "flips", "success", "wins", "changed", "consistency", "by_response", "by_instruction", "both", "excess"
]
QUANTITIES: Final[Mapping[Kind, tuple[Quantity, ...]]] = {
    "prompt": ("shift", "flips"),
    "candidate": ("shift", "flips", "success", "wins"),
    "history": ("changed", "consistency"),
    "paraphrase": ("changed", "consistency"),
    "contrast": ("by_response", "by_instruction", "both"),
    "authors": ("shift", "excess"),
}
"""What can be measured with each kind of probe."""
SLOTS: Final = ("prompt", "text", "sentences", "opening")
_SLOT: Final = re.compile(rf"\$({'|'.join(SLOTS)})\b")


@dataclass(frozen=True, slots=True)
class ProbeText:
    """One text of a probe.

    Attributes:
        text: with slots: $prompt, $text (the candidate's), $sentences (its sentences, each laid out by `sentence`),
            $opening (the first words of the candidate that is spoken of).
        sentence: how one of $sentences is laid out, $text being the sentence.
        against: whether it speaks against the candidate it names, and so for the other.
        placebo: whether it should sway nobody: what it changes is what any change of the text does.
        turns: of kind history, the turns that go before.
    """

    id: str
    text: str = ""
    sentence: str = ""
    against: bool = False
    placebo: bool = False
    turns: Conversation = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """A suite of texts that try a judge in one way.

    Attributes:
        kind: what is changed: the prompt, a candidate, the turns before it; or what is compared: paraphrases of one
            prompt, prompts with the same candidates (contrast), authors.
        side: which candidate is favoured: each in turn, or the worse alone.
        measures: what is measured, the most telling first.
        unguarded: whether the same is asked without what keeps candidates apart from our own words.
        most, least: by measure, what a judge should not go beyond: a suggestion.
    """

    id: str
    version: str
    title: str
    kind: Kind
    side: Literal["each", "worse"]
    measures: tuple[Quantity, ...]
    texts: tuple[ProbeText, ...] = ()
    unguarded: bool = False
    source: Mapping[str, str] = field(default_factory=dict)
    most: Mapping[str, float] = field(default_factory=dict)
    least: Mapping[str, float] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """A case that probes change.

    Attributes:
        better: the place of the better candidate, 0 or 1, where somebody said so; None where only the judge says.
        paraphrases: other wordings of the same prompt.
    """

    case: Case
    better: int | None = None
    paraphrases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two prompts that read alike and have different right answers; the first response answers the first prompt."""

    id: str
    prompts: tuple[str, str]
    responses: tuple[str, str]


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its slots filled in one pass; a dollar sign that begins no slot stays as it is."""
    return _SLOT.sub(lambda slot: values.get(slot[1], slot[0]), text)


def slots_in(text: str) -> frozenset[str]:
    """The names of the slots in a text."""
    return frozenset(_SLOT.findall(text))
