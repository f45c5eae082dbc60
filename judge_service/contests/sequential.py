"""Judging until it is decided who is better: prompts in a drawn order, looked at in that order alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from judge_service.batch.rows import case_of_row
from judge_service.domain.digests import draw
from judge_service.domain.frozen import frozen
from judge_service.evaluation.contests.comparisons import Comparison, name_of_prompt
from judge_service.evaluation.contests.rates import Unscored
from judge_service.files.reading import Row
from judge_service.statistics.asymptotic_sequence import AsymptoticSequence
from judge_service.statistics.betting import BettingSequence

Kind = Literal["betting", "asymptotic"]
Value = Literal["soft", "discrete"]
Bounds = tuple[float, float]

_UNKNOWN: Final[Bounds] = (0.0, 1.0)


class Sequential(Protocol):
    """A test, and an interval, that hold at every moment."""

    decided: int

    @property
    def n(self) -> int:
        """How many values were taken."""
        ...

    def add(self, low: float, high: float | None = None) -> int:
        """Takes the next prompt's value, or the bounds it lies between."""
        ...

    @property
    def interval(self) -> tuple[float, float]:
        """Where the mean lies, at every moment at once."""
        ...


def sequence_of(kind: Kind, alpha: float) -> Sequential:
    """A sequence that tests a mean of 1/2, wrong with probability alpha at the most."""
    return BettingSequence(alpha) if kind == "betting" else AsymptoticSequence(alpha)


def drawn_order(prompts: Iterable[str], seed: int) -> list[str]:
    """The prompts, each once, in an order that depends on the seed and on them, and never on where they stood."""
    return sorted(set(prompts), key=lambda prompt: (draw(seed, "prompt order", prompt), prompt))


@frozen
class Drawn:
    """Cases in the order in which they are judged and looked at: prompt by prompt, those of one prompt together.

    Attributes:
        names: the prompt of each case, by its place in `rows`.
        prompts: in their order, with the number of cases each has.
    """

    rows: tuple[Row, ...]
    names: tuple[str, ...]
    prompts: tuple[tuple[str, int], ...]

    def first(self, prompts: int | None) -> Drawn:
        """The cases of the first so many prompts; all of them if None."""
        if prompts is None or prompts >= len(self.prompts):
            return self
        kept = self.prompts[:prompts]
        count = sum(cases for _, cases in kept)
        return Drawn(self.rows[:count], self.names[:count], kept)


def drawn(rows: Sequence[Row], seed: int) -> Drawn:
    """A contest's cases in the drawn order.

    Raises:
        InvalidCase: a row is no case.
    """
    by_prompt: dict[str, list[Row]] = {}
    for row in rows:
        by_prompt.setdefault(name_of_prompt(case_of_row(row, "compare", {})), []).append(row)
    order = drawn_order(by_prompt, seed)
    names = tuple(prompt for prompt in order for _ in by_prompt[prompt])
    prompts = tuple((prompt, len(by_prompt[prompt])) for prompt in order)
    return Drawn(tuple(row for prompt in order for row in by_prompt[prompt]), names, prompts)


@dataclass(slots=True)
class UntilDecided:
    """Takes verdicts as they come, and looks at them in the drawn order.

    A verdict waits until all prompts drawn before its own are there: what is short comes early, and a test that took
    verdicts as they came would stop for the answers that are quickly judged. The answers of one prompt count as one
    value, their mean. A case without a verdict counts as anything from 0 to 1, unless the caller says otherwise.

    Attributes:
        prompts: in the drawn order, with the number of cases each has.
        taken: prompts that were looked at.
        left_out: prompts of which no case has a verdict, where these are dropped.
        unknown: cases without a verdict among those that were looked at.
    """

    prompts: Sequence[tuple[str, int]]
    sequence: Sequential
    value: Value = "soft"
    unscored: Unscored = "bounds"
    taken: int = 0
    left_out: int = 0
    unknown: int = 0
    _lows: list[float] = field(default_factory=list)
    _highs: list[float] = field(default_factory=list)
    _waiting: dict[str, list[Bounds | None]] = field(default_factory=dict)

    @property
    def decided(self) -> int:
        """1 where the first model is better, -1 where the second is, 0 where that is not decided."""
        return self.sequence.decided

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be looked at: it is decided, or the prompts are used up."""
        return bool(self.decided) or self.taken == len(self.prompts)

    @property
    def mean(self) -> Bounds | None:
        """The mean of what was looked at, one value a prompt: between what it lies; None where there is nothing."""
        if not self._lows:
            return None
        return math.fsum(self._lows) / len(self._lows), math.fsum(self._highs) / len(self._highs)

    def take(self, comparison: Comparison) -> bool:
        """Takes one case's outcome, its first model being the one whose win rate is asked for; whether it is over."""
        return self.take_at(comparison.prompt, self._bounds_of(comparison))

    def take_at(self, prompt: str, bounds: Bounds | None) -> bool:
        """The same of a case of which no more is known than its prompt."""
        if not self.is_over:
            self._waiting.setdefault(prompt, []).append(bounds)
            self._look()
        return self.is_over

    def _look(self) -> None:
        while not self.is_over:
            prompt, cases = self.prompts[self.taken]
            outcomes = self._waiting.get(prompt, [])
            if len(outcomes) < cases:
                return
            self._waiting.pop(prompt)
            self.taken += 1
            self._add([bounds for bounds in outcomes if bounds is not None])
            self.unknown += outcomes.count(_UNKNOWN)

    def _add(self, known: Sequence[Bounds]) -> None:
        if not known:
            self.left_out += 1
            return
        # Summed in an order of their own: an answer that came in first must not move the last digit.
        low, high = (sum(sorted(side)) / len(known) for side in zip(*known, strict=True))
        self._lows.append(min(1.0, low))
        self._highs.append(min(1.0, high))
        self.sequence.add(self._lows[-1], self._highs[-1])

    def _bounds_of(self, comparison: Comparison) -> Bounds | None:
        """Between what a case's value lies; None where it is dropped."""
        known = comparison.soft if self.value == "soft" else comparison.won
        if known is not None:
            return known, known
        return {"bounds": _UNKNOWN, "tie": (0.5, 0.5), "drop": None}[self.unscored]
