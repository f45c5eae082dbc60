"""What a reading is: a way to turn a judge's text into an answer, and how the judge is told to end its reply."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from judge_service.domain.answers import Answer, FreeText
from judge_service.protocols.readings.quotations import without_quotations

Ask = Literal["pair", "score", "scores", "rank", "option"]


@dataclass(frozen=True, slots=True)
class Reading:
    """One of the forms in which judges answer.

    Attributes:
        asks: what it can settle.
        has_tie: whether a judge can say in this form that neither is better.
        read: a cleaned text to its answer; raises Unreadable.
        closing: the last lines of a prompt, 1 to 4 of them; the very last names the labels.
        clean: takes out what was quoted, before `read`; given the texts that were in the prompt.
        parts: the reading of each ask by name, where they are others joined.
    """

    name: str
    asks: frozenset[Ask]
    has_tie: bool
    read: Callable[[str, FreeText], Answer]
    closing: Callable[[FreeText], str]
    clean: Callable[[str, Sequence[str]], str] = without_quotations
    parts: Mapping[Ask, str] = field(default_factory=dict)


def as_written(text: str, quoted: Sequence[str]) -> str:
    """The text as it is: for forms in which fences and quotation marks belong to the answer."""
    return text
