"""A confidence sequence from the central limit theorem: an interval that holds however often one looks, in the limit.

Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024, Annals of Statistics 52, "Time-uniform central limit theory and
asymptotic confidence sequences", theorem 2.2): with the variance estimated from the values so far, Robbins' normal
mixture of parameter rho gives, after t of them, mean -+ sd * sqrt(2 (t rho^2 + 1) / (t rho)^2 * log(sqrt(t rho^2 + 1) /
alpha)). It is narrower than what betting gives for hard votes, and exact only in the limit.
"""

from __future__ import annotations

import math
from typing import Final

LEAST: Final = 20
"""Values before which nothing is decided: a limit theorem says little of fewer."""


class AsymptoticSequence:
    """Values in [0, 1], one after the other, and what may be said of their mean after each.

    A value that is not known is given as the two bounds it lies between; the lower limit is that of the lower bounds,
    the upper one that of the upper.

    Args:
        alpha: the probability of ever deciding wrongly, in (0, 1); kept to in the limit.
        mean: what the mean is tested against.
        narrowest: after how many values the interval is as narrow as it can be made.
    """

    def __init__(self, alpha: float = 0.05, mean: float = 0.5, narrowest: int = 200) -> None:
        self._alpha, self._mean = alpha, mean
        self._squared = tuned(alpha, narrowest)
        self._lows, self._highs = _Spread(), _Spread()
        self.decided = 0
        """1 once the mean is above the one tested, -1 once it is below, 0 before that; it stays as it is."""

    @property
    def n(self) -> int:
        """How many values were taken."""
        return self._lows.n

    def add(self, low: float, high: float | None = None) -> int:
        """Takes the next value, in [0, 1], or the bounds it lies between; what is decided."""
        self._lows.add(low)
        self._highs.add(low if high is None else high)
        if not self.decided and self.n >= LEAST:
            least, most = self.interval
            self.decided = int(least > self._mean) - int(most < self._mean)
        return self.decided

    @property
    def interval(self) -> tuple[float, float]:
        """Where the mean is with probability 1 - alpha in the limit, within [0, 1]; (0, 1) before the first value."""
        if not self.n:
            return 0.0, 1.0
        reach = radius(self.n, self._alpha, self._squared)
        low = self._lows.mean - self._lows.deviation * reach
        return max(0.0, low), min(1.0, self._highs.mean + self._highs.deviation * reach)


def radius(n: int, alpha: float, squared: float) -> float:
    """How far the mean of n values of variance 1 may lie from theirs, at every n at once.

    Args:
        squared: the square of the mixture's parameter.
    """
    grown = n * squared + 1.0
    return math.sqrt(2.0 * grown / (n * n * squared) * math.log(math.sqrt(grown) / alpha))


def tuned(alpha: float, narrowest: int) -> float:
    """The squared parameter of the mixture at which the interval is narrowest after so many values (their eq. 12)."""
    spent = -2.0 * math.log(alpha)
    return (spent + math.log(spent + 1.0)) / narrowest


class _Spread:
    """Mean and standard deviation as values come (Welford 1962), the latter with one more value of variance 1/4.

    Values that happen to be the same would otherwise look like certainty.
    """

    def __init__(self) -> None:
        self.n = 0
        self.mean = 0.0
        self._squares = 0.25

    def add(self, value: float) -> None:
        self.n += 1
        apart = value - self.mean
        self.mean += apart / self.n
        self._squares += apart * (value - self.mean)

    @property
    def deviation(self) -> float:
        return math.sqrt(self._squares / (self.n + 1))
