"""A contest that ends as soon as it is decided, and what it came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from judge_service.batch.rows import id_of_row
from judge_service.contests.sequential import (
    Bounds,
    Drawn,
    Kind,
    UntilDecided,
    Value,
    drawn,
    sequence_of,
)
from judge_service.domain.frozen import frozen
from judge_service.domain.judgments import Judgment
from judge_service.evaluation.contests.comparisons import comparison_of
from judge_service.evaluation.contests.rates import Unscored
from judge_service.files.reading import Row

AHEAD: Final = 16
Ended = Literal["decided", "budget", "all prompts"]


@frozen
class Terms:
    """When to stop.

    Attributes:
        alpha: the probability of deciding wrongly where there is nothing to decide.
        kind: of sequence.
        value: which verdicts decide.
        prompts, calls: the budget; None for none.
        seed: of the order.
    """

    alpha: float = 0.05
    kind: Kind = "betting"
    value: Value = "soft"
    unscored: Unscored = "bounds"
    prompts: int | None = None
    calls: int | None = None
    seed: int = 0


@frozen
class Decision:
    """What it came to.

    Attributes:
        better: 1: the model, -1: the baseline, 0: it is not decided.
        taken: prompts that were looked at, of `prompts`.
        mean: of what was looked at, one value a prompt, between what it lies; None where nothing was.
        interval: where the win rate lies, in [0, 1], however often one looks.
        cases: that were looked at, of `of_cases`.
        judged: cases that were judged, those included that were under way when it was decided.
        calls: judge calls that these took, those of earlier runs and those that a cache answered included.
        saved: about as many more would have been made for all prompts.
        unknown: cases without a verdict among those looked at.
        left_out: prompts without any, where these are dropped.
    """

    terms: Terms
    ended: Ended
    better: int
    taken: int
    prompts: int
    mean: Bounds | None
    interval: Bounds
    cases: int
    of_cases: int
    judged: int
    calls: int
    saved: int
    unknown: int
    left_out: int


@dataclass(slots=True)
class Deciding:
    """Looks at a contest's judgments in the drawn order, the baseline's answer being the first candidate of each.

    Attributes:
        order: the cases that are judged, in order.
    """

    terms: Terms
    order: Drawn
    _of: Drawn
    _until: UntilDecided
    _prompts: dict[str, str]
    _seen: int = 0
    _looked_at: int = 0
    _judged: int = 0
    _calls: int = 0

    @property
    def rows(self) -> Sequence[Row]:
        """The cases to judge, in the order in which they are looked at."""
        return self.order.rows

    def is_enough(self, judgment: Judgment) -> bool:
        """Takes the next judgment; whether no more are needed."""
        self._seen += 1
        self._looked_at += _calls_of(judgment)
        self._until.take(comparison_of(judgment, self._prompts[judgment.case_id]).turned())
        return self._until.is_over or self._is_spent

    @property
    def _is_spent(self) -> bool:
        return self.terms.calls is not None and self._looked_at >= self.terms.calls

    def note(self, judgment: Judgment) -> None:
        """Counts a judgment, whether it is looked at or not."""
        if judgment.case_id in self._prompts:
            self._judged += 1
            self._calls += _calls_of(judgment)

    def ahead(self, seen: int) -> int:
        """Cases that may be begun before they can be looked at: what is judged in vain stays about a quarter."""
        return AHEAD + seen // 4

    def decision(self) -> Decision:
        """What was decided by what was looked at so far."""
        until = self._until
        cases = len(self._of.rows)
        each = self._calls / self._judged if self._judged else 0.0
        return Decision(
            self.terms, self._ended(), until.decided, until.taken, len(self._of.prompts), until.mean,
            until.sequence.interval, self._seen, cases, self._judged, self._calls,
            round(each * (cases - self._judged)),
            until.unknown, until.left_out,
        )  # fmt: skip

    def _ended(self) -> Ended:
        if self._until.decided:
            return "decided"
        return "all prompts" if self._until.taken == len(self._of.prompts) else "budget"


def _calls_of(judgment: Judgment) -> int:
    return judgment.usage.judge_calls + judgment.usage.cache_hits


def deciding(rows: Sequence[Row], terms: Terms) -> Deciding:
    """A contest's cases, drawn.

    Raises:
        InvalidCase: a row is no case.
    """
    whole = drawn(rows, terms.seed)
    order = whole.first(terms.prompts)
    sequence = sequence_of(terms.kind, terms.alpha)
    until = UntilDecided(order.prompts, sequence, terms.value, terms.unscored)
    named = {id_of_row(row, {}) or row.where: name for row, name in zip(order.rows, order.names, strict=True)}
    return Deciding(terms, order, whole, until, named)
