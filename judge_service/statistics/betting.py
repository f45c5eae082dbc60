"""Betting against a mean: a test, and an interval, that hold however often one looks.

Whoever bets that values in [0, 1] lie above m, at odds that are fair if their mean is m, wins money only by luck: with
probability alpha at most the capital ever reaches 1 / alpha (Ville's inequality). So a capital that has got there is
evidence against m, at whatever moment one stops (Waudby-Smith and Ramdas 2024, JRSS-B 86, "Estimating means of bounded
random variables by betting": the hedged capital process, eq. 23 to 26).

The bets are fixed shares of what may be lost, with the capital divided among them (their "diversified Kelly betting").
Bets that follow the values (aGRAPA) need a third more prompts where these are hard votes, and no fewer otherwise;
and a fixed bet pays more for a higher value, so that a bound on a value gives a bound on the capital.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

SHARES: Final = (0.01, 0.04, 0.1, 0.25, 0.5, 0.9)
"""Of what may be lost on one value: small ones for means near m, large ones for means far from it.

The smallest decides hard votes of a mean as near as a quarter of a point, in the end."""
PARTS: Final = (0.05, 0.1, 0.2, 0.2, 0.2, 0.25)
"""Of the capital that each share is bet with."""

_STEPS: Final = 50
_NOTHING: Final = 1e-12
_ROOM: Final = 256


class BettingSequence:
    """Values in [0, 1], one after the other, and what may be said of their mean after each.

    A value that is not known is given as the two bounds it lies between: the bet on a high mean takes the lower one,
    the bet on a low mean the upper, so that what is decided holds whatever the value was.

    Args:
        alpha: the probability of ever deciding wrongly, in (0, 1).
        mean: what the mean is tested against, in (0, 1).
    """

    def __init__(self, alpha: float = 0.05, mean: float = 0.5) -> None:
        self._enough = math.log(2.0 / alpha)
        self._mean = mean
        self._lows = np.empty(_ROOM)
        self._highs = np.empty(_ROOM)
        self._logs = np.zeros((2, len(SHARES)))
        self.n = 0
        self.decided = 0
        """1 once the mean is above the one tested, -1 once it is below, 0 before that; it stays as it is."""

    def add(self, low: float, high: float | None = None) -> int:
        """Takes the next value, in [0, 1], or the bounds it lies between; what is decided."""
        high = low if high is None else high
        if self.n == len(self._lows):
            self._lows, self._highs = (np.concatenate([held, held]) for held in (self._lows, self._highs))
        self._lows[self.n], self._highs[self.n] = low, high
        self.n += 1
        self._logs += _gains(np.array([[low], [1.0 - high]]), np.array([[self._mean], [1.0 - self._mean]]))
        above, below = (_capital(logs) for logs in self._logs)
        if not self.decided:
            self.decided = int(above >= self._enough) - int(below >= self._enough)
        return self.decided

    @property
    def interval(self) -> tuple[float, float]:
        """Where the mean is with probability 1 - alpha, at this and every other moment; (0, 1) at the start.

        It leaves the mean tested out at the very moment in which that is decided.
        """
        low = _bound(self._lows[: self.n], self._enough)
        return low, 1.0 - _bound(1.0 - self._highs[: self.n], self._enough)


def log_capitals(values: Numbers, mean: float, before: Numbers | None = None) -> tuple[Numbers, Numbers]:
    """The logarithm of the capital bet on a mean above `mean`, after each of the values.

    Args:
        values: in [0, 1], of shape (..., n).
        before: what a call for the values before these gave as its second.

    Returns:
        The capital, (..., n), and what each share has come to after the last, (..., shares).
    """
    logs = np.cumsum(_gains(values[..., None], mean), axis=-2)
    if before is not None:
        logs += before[..., None, :]
    most = logs.max(axis=-1)
    capital: Numbers = most + np.log((np.exp(logs - most[..., None]) * PARTS).sum(axis=-1))
    return capital, logs[..., -1, :]


def _gains(values: Numbers, mean: float | Numbers) -> Numbers:
    """What one value adds to the logarithm of each share."""
    gains: Numbers = np.log1p(np.asarray(SHARES) * (values / mean - 1.0))
    return gains


def _capital(logs: Numbers) -> float:
    most = float(logs.max())
    return most + math.log(float(np.exp(logs - most) @ PARTS))


def _bound(values: Numbers, enough: float) -> float:
    """The largest mean against which the capital bet on a higher one has come to enough; it falls as the mean grows."""
    low, high = 0.0, float(values.mean()) if len(values) else 0.0
    for _ in range(_STEPS if high > _NOTHING else 0):
        middle = (low + high) / 2.0
        won = _capital(_gains(values[:, None], middle).sum(axis=0)) >= enough
        low, high = (middle, high) if won else (low, middle)
    return low
