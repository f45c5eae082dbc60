"""What is judged by: a rubric of criteria or a constitution of principles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from judge_service.domain.digests import digest
from judge_service.domain.lazy import lazy

Aggregate = Literal["weighted-mean", "min", "lexicographic", "first"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One quality.

    Attributes:
        text: what a rater needs to know; shared text that goes first in the prompt.
        question: one line that goes last.
        weight: relative, above 0.
        anchors: what a step of the scale means, by step.
    """

    name: str
    text: str
    question: str
    weight: float = 1.0
    anchors: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Principle:
    """One sentence of a constitution."""

    name: str
    text: str


@dataclass(frozen=True)
class _Standard:
    id: str
    version: str
    title: str
    description: str = ""
    takes: tuple[str, ...] = ("prompt", "candidates")
    scale: tuple[int, int] = (1, 5)
    prompts: Mapping[str, str] = field(default_factory=dict)
    compare: Literal["together", "per-criterion"] = "together"
    aggregate: Aggregate = "weighted-mean"
    margin: float = 0.5
    ties: bool = False
    reading: str = "json"
    protocol: str | None = None
    source: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rubric(_Standard):
    """Criteria with weights and a scale.

    Attributes:
        takes: what a case must bring: prompt, candidates, reference, context.
        scale: lowest and highest score, whole numbers.
        prompts: the template of each task (compare, score, rank).
        margin: the logit a criterion has to reach before it decides, when `aggregate` is lexicographic.
        ties: whether a tie label is offered in comparisons.
        reading: how a text answer is read.
        source: the paper or page the method is from.
    """

    criteria: tuple[Criterion, ...] = ()

    @lazy
    def digest(self) -> str:
        """Changes with everything in the file that can change an answer or a verdict."""
        parts = [[c.name, c.text, c.question, c.weight, sorted(c.anchors.items())] for c in self.criteria]
        return digest([*_common(self), "rubric", parts])


@dataclass(frozen=True)
class Constitution(_Standard):
    """Principles, each a sentence that a response can follow or break."""

    principles: tuple[Principle, ...] = ()

    @lazy
    def digest(self) -> str:
        """Changes with everything in the file that can change an answer or a verdict."""
        return digest([*_common(self), "constitution", [[p.name, p.text] for p in self.principles]])


Standard = Rubric | Constitution


def _common(standard: _Standard) -> list[Any]:
    return [
        standard.id,
        standard.version,
        standard.title,
        standard.description,
        list(standard.takes),
        list(standard.scale),
        sorted(standard.prompts.items()),
        standard.compare,
        standard.aggregate,
        standard.margin,
        standard.ties,
        standard.reading,
        standard.protocol,
    ]
