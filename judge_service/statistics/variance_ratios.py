"""Fisher's F: how far two mean squares may differ by chance."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from judge_service.statistics.students import incomplete_beta

_STEPS: Final = 200
_CLOSE: Final = 1e-14


def f_below(ratio: float, above: float, below: float) -> float:
    """P(F <= ratio) with `above` and `below` degrees of freedom (Abramowitz and Stegun 26.6.2)."""
    return incomplete_beta(above * ratio / (below + above * ratio), above / 2.0, below / 2.0)


@lru_cache(maxsize=1024)
def f_quantile(probability: float, above: float, below: float) -> float:
    """The ratio that F stays below with this probability, in (0, 1); degrees of freedom may be fractions."""
    low, high = 0.0, 1.0
    while f_below(high, above, below) < probability:
        low, high = high, 2.0 * high
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if f_below(middle, above, below) < probability else (low, middle)
        if high - low <= _CLOSE * high:
            break
    return (low + high) / 2.0
