"""Student's t: how far a mean of few may lie from the truth."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

_STEPS: Final = 200
_CLOSE: Final = 1e-15
_TINY: Final = 1e-300


@lru_cache(maxsize=1024)
def t_critical(freedom: float, confidence: float = 0.95) -> float:
    """The t that is exceeded to either side with probability 1 - confidence.

    Args:
        freedom: degrees of freedom, above 0.
        confidence: in (0, 1).
    """
    tail, low, high = 1.0 - confidence, 0.0, 1.0
    while t_tails(high, freedom) > tail:
        low, high = high, 2.0 * high
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if t_tails(middle, freedom) > tail else (low, middle)
        if high - low <= _CLOSE * high:
            break
    return (low + high) / 2.0


def t_tails(t: float, freedom: float) -> float:
    """P(|T| > |t|): I_x(freedom / 2, 1 / 2) at x = freedom / (freedom + t^2) (Abramowitz and Stegun 26.7.1)."""
    return incomplete_beta(freedom / (freedom + t * t), freedom / 2.0, 0.5)


def incomplete_beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction (A&S 26.5.8, Lentz 1976).

    Args:
        x: in [0, 1].
        a, b: above 0.
    """
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - incomplete_beta(1.0 - x, b, a)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) * _fraction(x, a, b) / a


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, _inverse(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = _inverse(1.0 + even * d), _not_zero(1.0 + even / c)
        value *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = _inverse(1.0 + odd * d), _not_zero(1.0 + odd / c)
        value *= d * c
        if abs(d * c - 1.0) < _CLOSE:
            break
    return value


def _inverse(value: float) -> float:
    return 1.0 / _not_zero(value)


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
