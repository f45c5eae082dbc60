"""Who met whom how often, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from judge_service.errors import InvalidRequest
from judge_service.evaluation.comparisons import Comparison
from judge_service.statistics.intervals import Interval, clustered_mean

Unscored = Literal["tie", "drop"]
"""What becomes of comparisons without a verdict, where somebody said so: ties, or nothing."""

MOST_UNSCORED: Final = 0.01
MOST_APART: Final = 0.005
"""Shares without a verdict, of all and from model to model, up to which who is missing hardly matters."""


@dataclass(slots=True)
class Met:
    """One model against another, as it saw it.

    Attributes:
        soft: the sum of the probabilities that it is better, over what is judged.
        unscored: comparisons without a verdict.
    """

    wins: int = 0
    losses: int = 0
    ties: int = 0
    soft: float = 0.0
    unscored: int = 0

    @property
    def judged(self) -> int:
        """Comparisons with a verdict."""
        return self.wins + self.losses + self.ties

    @property
    def rate(self) -> float | None:
        """Percent won by probability; None without a verdict."""
        return 100.0 * self.soft / self.judged if self.judged else None

    @property
    def discrete_rate(self) -> float | None:
        """Percent won, a tie counting half; None without a verdict."""
        return 100.0 * (self.wins + self.ties / 2.0) / self.judged if self.judged else None

    def count(self, comparison: Comparison) -> None:
        """Adds a comparison in which it is the first."""
        if comparison.won is None:
            self.unscored += 1
            return
        self.wins += comparison.won > 0.5
        self.losses += comparison.won < 0.5
        self.ties += comparison.won == 0.5
        self.soft += softly(comparison)

    def add(self, other: Met) -> None:
        """Adds what another counted."""
        self.wins += other.wins
        self.losses += other.losses
        self.ties += other.ties
        self.soft += other.soft
        self.unscored += other.unscored


WinMatrix = Mapping[str, Mapping[str, Met]]
"""By model, and by the model it met: both by name."""


def softly(comparison: Comparison) -> float:
    """P(the first is better) of a comparison with a verdict; 0, 0.5 or 1 where there is nothing but that."""
    assert comparison.won is not None
    return comparison.won if comparison.soft is None else comparison.soft


def win_matrix(comparisons: Iterable[Comparison]) -> WinMatrix:
    """The matrix, each comparison in it once from either side.

    Raises:
        InvalidRequest: a model meets itself.
    """
    found: dict[str, dict[str, Met]] = {}
    for comparison in comparisons:
        one, other = comparison.models
        if one == other:
            raise InvalidRequest(
                f"case '{comparison.case_id}' compares '{one}' with itself: name who wrote which answer"
            )
        for side in (comparison, comparison.turned()):
            found.setdefault(side.models[0], {}).setdefault(side.models[1], Met()).count(side)
    return {name: dict(sorted(found[name].items())) for name in sorted(found)}


def total(row: Mapping[str, Met]) -> Met:
    """All that one model met, taken together."""
    found = Met()
    for met in row.values():
        found.add(met)
    return found


def is_missing_at_random(matrix: WinMatrix, unplaced: int = 0) -> bool:
    """Whether so few verdicts are missing, and so evenly, that it hardly matters which.

    At most one percent of all, and at most half a point more of one model's than of another's.

    Args:
        unplaced: verdicts that are missing nobody knows of whom.
    """
    totals = [total(row) for row in matrix.values()]
    shares = [met.unscored / (met.judged + met.unscored) for met in totals]
    missing = sum(met.unscored for met in totals) / 2 + unplaced
    every = sum(met.judged + met.unscored for met in totals) / 2 + unplaced
    return missing <= MOST_UNSCORED * every and max(shares, default=0.0) - min(shares, default=0.0) <= MOST_APART


def with_verdicts(comparisons: Iterable[Comparison], unscored: Unscored | None) -> list[Comparison]:
    """Those that a fit can use: without a verdict a comparison is a tie if it is said so, and else left out."""
    if unscored != "tie":
        return [comparison for comparison in comparisons if comparison.is_judged]
    return [each if each.is_judged else replace(each, soft=0.5, won=0.5) for each in comparisons]


def win_rate(comparisons: Sequence[Comparison], is_soft: bool, confidence: float) -> Interval | None:
    """Percent that the first of each comparison won, with its interval by prompts; None without a comparison."""
    if not comparisons:
        return None
    shares = [softly(each) if is_soft else each.won for each in comparisons]
    percents = [100.0 * share for share in shares if share is not None]
    return clustered_mean(percents, [each.prompt for each in comparisons], confidence)
