"""How often one of two models wins, what was not judged, and how far that could move the rate."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal, get_args

import numpy as np

from judge_service.domain.frozen import frozen
from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.statistics.intervals import Interval, clustered_share

Unscored = Literal["bounds", "tie", "drop"]
UNSCORED: Final[tuple[Unscored, ...]] = get_args(Unscored)
MOST_MISSING: Final = 0.01
"""With more than this share without a verdict there is no single rate: what a judge cannot judge is not chance."""
UNPLACED: Final = "no case"
"""Why a verdict is missing whose row was no case."""
_NOBODY: Final = ("", "")


@frozen
class Bounds:
    """A rate if every missing verdict were lost, and if every one were won, each with its interval."""

    lost: Interval
    won: Interval


@frozen
class Rate:
    """The share of comparisons that a model wins, a draw half.

    Attributes:
        soft: the mean of the judge's soft verdicts, in [0, 1]; None where there is none to count.
        discrete: the mean of 1, 0.5 and 0.
        standard_error: of `soft` as AlpacaEval has it: over comparisons, whatever their prompts.
        wins, losses, draws: of what is counted; missing ones that are taken for ties are draws.
        judged: comparisons with a verdict.
        missing: how many have none, by status.
        soft_bounds, discrete_bounds: None where nothing is missing.
        withheld: why there is no single rate; "" where there is one.
    """

    soft: Interval | None
    discrete: Interval | None
    standard_error: float | None
    wins: int
    losses: int
    draws: int
    judged: int
    missing: Mapping[str, int]
    soft_bounds: Bounds | None
    discrete_bounds: Bounds | None
    withheld: str

    @property
    def total(self) -> int:
        """What is counted."""
        return self.wins + self.losses + self.draws

    @property
    def missing_share(self) -> float:
        """The share of all comparisons that have no verdict."""
        lacking = sum(self.missing.values())
        return lacking / (self.judged + lacking) if lacking else 0.0

    def without_headline(self, why: str) -> Rate:
        """The same with no single rate; a reason that it has already stays."""
        return self if self.withheld else replace(self, withheld=why)


def rate_of(
    comparisons: Sequence[Comparison], unscored: Unscored = "bounds", unplaced: int = 0, confidence: float = 0.95
) -> Rate:
    """The rate at which the first model of each comparison wins.

    Args:
        comparisons: all of one pair of models, the one whose rate it is first.
        unscored: what becomes of those without a verdict: "bounds" leaves them out and withholds the rate where they
            are more than one in a hundred, "drop" leaves them out, "tie" counts them as draws.
        unplaced: how many more have no verdict because their row was no case.
    """
    ordered = _with_unplaced(comparisons, unplaced)
    judged = [c for c in ordered if c.is_judged]
    missing = Counter(UNPLACED if c.models == _NOBODY else str(c.status) for c in ordered if not c.is_judged)
    counted = filled(ordered, 0.5) if unscored == "tie" else judged
    won = [c.won for c in counted]
    soft, discrete = (_mean(counted, name, confidence) for name in ("soft", "won"))
    lacks = sum(missing.values())
    rate = Rate(
        soft, discrete, alpaca_standard_error(counted),
        won.count(1.0), won.count(0.0), won.count(0.5), len(judged), dict(missing),
        _bounds(ordered, "soft", confidence) if lacks else None,
        _bounds(ordered, "won", confidence) if lacks else None,
        "" if counted else "nothing was judged",
    )  # fmt: skip
    if unscored == "bounds" and rate.missing_share > MOST_MISSING:
        return rate.without_headline(f"{lacks:,} of {len(ordered):,} ({rate.missing_share:.1%}) have no verdict")
    return rate


def filled(comparisons: Sequence[Comparison], value: float) -> list[Comparison]:
    """The comparisons with a verdict in place of every missing one: 1 won, 0 lost, 0.5 a draw."""
    return [c if c.is_judged else replace(c, status="judged", soft=value, won=value) for c in comparisons]


def alpaca_standard_error(comparisons: Sequence[Comparison]) -> float | None:
    """The sample standard deviation of soft verdicts over the root of their number, as pandas' `sem`."""
    soft = np.asarray([c.soft for c in comparisons if c.soft is not None], dtype=np.float64)
    return float(soft.std(ddof=1)) / math.sqrt(len(soft)) if len(soft) > 1 else None


def in_one_order(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons in an order of their own, so that sums come to the last digit whatever order they came in."""
    return sorted(comparisons, key=lambda c: (c.prompt, c.case_id, -1.0 if c.soft is None else c.soft))


def _with_unplaced(comparisons: Sequence[Comparison], unplaced: int) -> list[Comparison]:
    """Each that is nobody's stands for a prompt of its own."""
    nobody = [Comparison("", f"\x00{number}", _NOBODY, "unscored", None, None) for number in range(unplaced)]
    return [*in_one_order(comparisons), *nobody]


def _mean(comparisons: Sequence[Comparison], name: Literal["soft", "won"], confidence: float) -> Interval | None:
    if not comparisons:
        return None
    return clustered_share([getattr(c, name) for c in comparisons], [c.prompt for c in comparisons], confidence)


def _bounds(comparisons: Sequence[Comparison], name: Literal["soft", "won"], confidence: float) -> Bounds:
    lost, won = (_mean(filled(comparisons, value), name, confidence) for value in (0.0, 1.0))
    assert lost is not None
    assert won is not None
    return Bounds(lost, won)
