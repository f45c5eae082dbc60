"""What the tiny judge is taught: questions as the product asks them, and the answers of this world's raters.

A rater decides by the truth, but not always (`SHARP`, and `BLUNT` where the standard came after the texts), and leans
towards the text shown first (`LEAN`). What is taught is the expected answer over many such raters: it makes the same
model as drawn answers do, from fewer of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from asking import Asked, brief_for, questions
from world import SHARP, Exercise, Quality, Text, exercises

from judge_service.backends.canary import canaries
from judge_service.backends.rendering import messages
from judge_service.domain.answers import LETTERS, AnswerSpace, Choice, Scale
from judge_service.domain.options import Task
from judge_service.domain.parsing import unnamed

LEAN: Final = 0.7
"""What a rater adds to the text shown first, in logits."""
BLUNT: Final = 0.5
"""How much one step of a quality moves a rater who learnt the standard after the texts, in logits."""
LEVEL: Final = 0.3
"""How far a tie stands above the mean of the two texts to a rater who may call one, in logits."""
_SPREAD: Final = 0.5
"""The standard deviation of a rater's score, in steps of the scale."""
_CANARIES: Final = 0.002


@dataclass(frozen=True, slots=True)
class Subject:
    """One way of asking.

    Attributes:
        share: how much of the training it takes, relative to the others.
        texts: how many candidates.
        quality: what the rubric asks for; None where each question names a criterion or principle.
        sharp: how much one step of the quality moves its raters, in logits.
    """

    share: float
    task: Task
    rubric: str
    texts: int = 2
    quality: Quality | None = None
    sharp: float = SHARP
    options: Mapping[str, Any] = field(default_factory=dict)


_NAMED: Final[Mapping[str, Quality]] = {"warm": "warm", "exact": "exact"}
"""Criteria and principles have the names of the qualities they ask for."""
_LIST: Final = {"strategy": "listwise", "repeats": 2}
_TIES: Final = {"ties": "allow"}
_EACH: Final = {"principle": "per-principle"}
SUBJECTS: Final = (
    Subject(4, "compare", "tiny-warm", quality="warm"),
    Subject(4, "compare", "tiny-exact", quality="exact"),
    Subject(4, "compare", "tiny-warm-late", quality="warm", sharp=BLUNT),
    Subject(4, "compare", "tiny-exact-late", quality="exact", sharp=BLUNT),
    Subject(1.5, "compare", "tiny-both"),
    Subject(0.7, "compare", "tiny-warm", quality="warm", options=_TIES),
    Subject(0.7, "compare", "tiny-exact", quality="exact", options=_TIES),
    Subject(1, "compare", "tiny-values", options=_EACH),
    Subject(0.5, "compare", "tiny-values", options={"principle": "warm"}),
    Subject(0.5, "compare", "tiny-values", options={"principle": "exact"}),
    Subject(1, "compare", "tiny-values", quality="both"),
    Subject(1, "score", "tiny-warm", texts=1),
    Subject(1, "score", "tiny-exact", texts=1),
    Subject(1, "score", "tiny-both", texts=1),
    Subject(0.5, "score", "tiny-values", texts=1, options=_EACH),
    *(Subject(0.4, "rank", "tiny-warm", n, "warm", options=_LIST) for n in (3, 4)),
    *(Subject(0.4, "rank", "tiny-exact", n, "exact", options=_LIST) for n in (3, 4)),
    *(Subject(0.3, "rank", "tiny-both", n, options=_LIST) for n in (3, 4)),
)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A chat, the probability each label should have as its answer, and the texts in the order shown."""

    chat: list[dict[str, str]]
    labels: Mapping[str, float]
    texts: tuple[Text, ...] = ()


def lessons(seed: int) -> Iterator[Lesson]:
    """Lessons without end, the same for the same seed; nothing of the held-out part is among them."""
    random = Random(seed)
    shares = [subject.share for subject in SUBJECTS]
    courses = [_course(subject, f"{seed}/{i}") for i, subject in enumerate(SUBJECTS)]
    while True:
        if random.random() < _CANARIES:
            # The service asks these of every judge; one that has never seen them may answer with anything at all.
            yield from (Lesson(messages(prompt), {"A": 0.5, "B": 0.5}) for prompt in canaries("tiny"))
        else:
            yield from next(random.choices(courses, shares)[0])


def _course(subject: Subject, seed: str) -> Iterator[list[Lesson]]:
    """All questions about one exercise after another."""
    brief = brief_for(subject.task, subject.rubric, **subject.options)
    for part in range(1_000_000):
        for exercise in exercises(f"{seed}/{part}", 1000, subject.texts, part="training"):
            yield [_lesson(asked, exercise, subject) for asked in questions(exercise.case, brief)]


def _lesson(asked: Asked, exercise: Exercise, subject: Subject) -> Lesson:
    by_id = {unnamed(place): text for place, text in enumerate(exercise.texts)}
    shown = tuple(by_id[name] for name in asked.vote.order)
    quality = subject.quality or _NAMED[asked.vote.criterion or asked.vote.principle or ""]
    worths = [text.worth(quality) for text in shown]
    space = asked.prompt.space
    if isinstance(space, Scale):
        labels = {step: -(((float(step) - space.low - worths[0]) / _SPREAD) ** 2) / 2 for step in space.labels}
    else:
        labels = _chosen(worths, subject.sharp, space)
    return Lesson(messages(asked.prompt), _softmax(labels), shown)


def _chosen(worths: Sequence[float], sharp: float, space: AnswerSpace) -> dict[str, float]:
    """What each label of a choice has to a rater, in logits."""
    labels = {LETTERS[i]: sharp * worth + (LEAN if i == 0 else 0.0) for i, worth in enumerate(worths)}
    if isinstance(space, Choice) and space.tie:
        labels[space.tie] = sum(labels.values()) / len(labels) + LEVEL
    return labels


def _softmax(logits: Mapping[str, float]) -> dict[str, float]:
    weights = {label: math.exp(value) for label, value in logits.items()}
    total = math.fsum(weights.values())
    return {label: weight / total for label, weight in weights.items()}
