"""An estimate with the interval it may lie in, or why there is none."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple


class Estimate(NamedTuple):
    """A coefficient of agreement, or a share.

    Attributes:
        value: None where it cannot be told; `why` says so.
        low, high: None where nothing is known of how far it may be off.
        n: what it rests on, in cases.
        why: in words, why there is no value or no interval; empty where there are both.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    why: str = ""


def unknown(n: int, why: str) -> Estimate:
    """No estimate."""
    return Estimate(None, None, None, n, why)


def z_critical(confidence: float) -> float:
    """The standard normal deviate that is exceeded to either side with probability 1 - confidence."""
    return NormalDist().inv_cdf(0.5 + confidence / 2.0)


def share(successes: int, trials: int, confidence: float = 0.95) -> Estimate:
    """A share with Wilson's score interval (Wilson 1927, JASA 22).

    Args:
        successes: at most `trials`.
        confidence: in (0, 1).
    """
    if trials == 0:
        return unknown(0, "no case")
    z2 = z_critical(confidence) ** 2
    p = successes / trials
    middle = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    reach = math.sqrt(z2 * (p * (1 - p) + z2 / (4 * trials)) / trials) / (1 + z2 / trials)
    low = 0.0 if successes == 0 else middle - reach
    high = 1.0 if successes == trials else middle + reach
    return Estimate(p, low, high, trials)


def around(value: float, error: float, n: int, confidence: float = 0.95) -> Estimate:
    """A coefficient with its normal interval, cut where no coefficient of agreement can lie: beyond 1 and below -1."""
    reach = z_critical(confidence) * error
    return Estimate(value, max(-1.0, value - reach), min(1.0, value + reach), n)
