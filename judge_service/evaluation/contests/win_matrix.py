"""Who met whom how often, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from judge_service.errors import InvalidRequest
from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.evaluation.contests.rates import MOST_MISSING
from judge_service.evaluation.contests.win_rates import MOST_APART


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
    def unscored_share(self) -> float:
        """Of all comparisons, those without a verdict, in [0, 1]."""
        return self.unscored / (self.judged + self.unscored) if self.unscored else 0.0

    @property
    def rate(self) -> float | None:
        """The share won by probability, in [0, 1]; None without a verdict."""
        return self.soft / self.judged if self.judged else None

    @property
    def discrete_rate(self) -> float | None:
        """The share won, a tie counting half, in [0, 1]; None without a verdict."""
        return (self.wins + self.ties / 2.0) / self.judged if self.judged else None

    def count(self, comparison: Comparison) -> None:
        """Adds a comparison in which it is the first."""
        if comparison.won is None or comparison.soft is None:
            self.unscored += 1
            return
        self.wins += comparison.won > 0.5
        self.losses += comparison.won < 0.5
        self.ties += comparison.won == 0.5
        self.soft += comparison.soft

    def add(self, other: Met) -> None:
        """Adds what another counted."""
        self.wins += other.wins
        self.losses += other.losses
        self.ties += other.ties
        self.soft += other.soft
        self.unscored += other.unscored


WinMatrix = Mapping[str, Mapping[str, Met]]
"""By model, and by the model it met: both by name."""


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
                f"case '{comparison.case_id}' compares '{one}' with itself: say who wrote which answer"
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


def missing(matrix: WinMatrix, unplaced: int = 0) -> str:
    """Why verdicts that are missing may be missing for a reason; "" where they are too few and too even to matter.

    Args:
        unplaced: verdicts that are missing nobody knows of whom.
    """
    totals = {name: total(row) for name, row in matrix.items()}
    lacking = sum(met.unscored for met in totals.values()) // 2 + unplaced
    every = sum(met.judged + met.unscored for met in totals.values()) // 2 + unplaced
    if lacking > MOST_MISSING * every:
        return f"{lacking:,} of {every:,} ({lacking / every:.1%}) have no verdict"
    shares = {name: met.unscored_share for name, met in totals.items()}
    low, high = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
    if shares[high] - shares[low] < MOST_APART:
        return ""
    return f"verdicts are missing unevenly: {shares[low]:.1%} of {low}, {shares[high]:.1%} of {high}"
