"""Questions about one state of things, each with its few possible answers, and what a judge decides on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Literal

from judge_service.domain.cases import Content, content_digest
from judge_service.domain.digests import draw
from judge_service.domain.frozen import frozen
from judge_service.domain.images import Image
from judge_service.domain.lazy import lazy
from judge_service.domain.verdicts import Evidence, Failure

DecisionType = Literal["predicate", "choice", "score"]


@dataclass(frozen=True, slots=True)
class Option:
    """One possible answer.

    Attributes:
        value: what the caller calls it; a boolean is another value than the word for it.
        description: what it means, if that is told.
    """

    value: str | bool
    description: str | None = None


YES: Final = Option("yes")
NO: Final = Option("no")


@frozen
class DecisionQuestion:
    """One question.

    Attributes:
        type: predicate: is it so (the options are yes and no, in this order); choice: which of the options; score:
            which level (the options are the levels, the lowest first).
        instructions: what is asked; a text, or one message with images.
        name: the caller's; None if it gave none.
    """

    type: DecisionType
    instructions: Content
    options: tuple[Option, ...]
    name: str | None = None

    @lazy
    def digest(self) -> bytes:
        """32 bytes that name what is asked; the options, and the question's name, are no part of it."""
        return sha256(self.type.encode() + content_digest(self.instructions)).digest()


@frozen
class Inquiry:
    """What is to be decided: questions, and the state of things they are all about.

    Attributes:
        state: a text or a conversation.
        instructions: what the caller says of all questions together, if anything.
    """

    state: Content
    questions: tuple[DecisionQuestion, ...]
    instructions: str | None = None

    @lazy
    def digest(self) -> bytes:
        """32 bytes that name what all questions share."""
        return sha256(content_digest(self.state) + content_digest(self.instructions)).digest()

    @lazy
    def lot(self) -> int:
        """What random draws start from: the texts that all questions share."""
        return int.from_bytes(self.digest[:8], "big")

    def order(self, question: DecisionQuestion, seed: int) -> tuple[int, ...]:
        """The places of a question's options in an order drawn by content, whatever order they were given in."""

        def lot(place: int) -> tuple[int, str]:
            option = question.options[place]
            named = f"{option.value!r}\x1f{option.description!r}"
            return draw("option", seed, self.lot, question.digest.hex(), named), named

        return tuple(sorted(range(len(question.options)), key=lot))

    @property
    def images(self) -> tuple[Image, ...]:
        """All images it holds."""
        contents = (self.state, *(question.instructions for question in self.questions))
        return tuple([i for content in contents if isinstance(content, tuple) for m in content for i in m.images])


@frozen
class OptionVote:
    """One judge call's answer to a question, told of the options themselves and not of the labels they had.

    Attributes:
        shown: the places of the options shown, in the order shown; a question of many shows some of them.
        weights: one to each option shown, in the same order, summing to 1; None for a failure.
        label: the answer as the judge gave it, in the labels it was shown.
    """

    shown: tuple[int, ...]
    method: Literal["direct", "cot"]
    repeat: int = 0
    evidence: Evidence | None = None
    weights: tuple[float, ...] | None = None
    label: str | None = None
    label_mass: float | None = None
    explanation: str | None = None
    cached: bool = False
    failure: Failure | None = None
    prompt: str | None = None
    raw: str | None = None


@frozen
class DecisionAnswer:
    """What was decided on one question.

    Attributes:
        probabilities: one to each option, in the order in which the caller gave them, summing to 1; None without an
            answer.
        label_mass: what the judge gave to the labels before normalising, in [0, 1], the mean over its votes; None for
            texts.
        consistent: whether every way of showing the same options names the same one; None with one way.
        position_bias: the logit that the first-shown gains over the others; None with one order, or for texts.
        failure: why there is no answer: one way of showing the options that failed is enough.
    """

    question: DecisionQuestion
    probabilities: tuple[float, ...] | None
    label_mass: float | None = None
    consistent: bool | None = None
    position_bias: float | None = None
    evidence: Evidence | None = None
    votes: tuple[OptionVote, ...] = field(default=(), repr=False)
    failure: Failure | None = None

    @property
    def top(self) -> int:
        """The place of the likeliest option; the first of those that are equally likely."""
        assert self.probabilities is not None
        return max(range(len(self.probabilities)), key=self.probabilities.__getitem__)

    @property
    def confidence(self) -> float:
        """The probability of the likeliest option over all that the judge could have said, in [0, 1]."""
        assert self.probabilities is not None
        return self.probabilities[self.top] * (1.0 if self.label_mass is None else self.label_mass)

    @property
    def level(self) -> float:
        """The expected place on a scale of levels, from 0."""
        assert self.probabilities is not None
        return sum(place * p for place, p in enumerate(self.probabilities))
