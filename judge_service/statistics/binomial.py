"""Bounds on a share, exact at every number of trials."""

from __future__ import annotations

import math
from collections.abc import Sequence

_STEPS = 60


def clopper_pearson(successes: int, trials: int, confidence: float) -> tuple[float, float]:
    """One-sided exact bounds on a probability: each holds by itself with `confidence`.

    Clopper and Pearson (1934, Biometrika 26): the lower bound is the p at which `successes` or more have probability
    1 - confidence, the upper one that at which `successes` or fewer have it.

    Args:
        confidence: in (0, 1).

    Returns:
        The lower and the upper bound, in [0, 1]; (0, 1) without trials.
    """
    if trials == 0:
        return 0.0, 1.0
    failures = trials - successes
    upper = 1.0 if failures == 0 else _upper(successes, trials, 1.0 - confidence)
    lower = 0.0 if successes == 0 else 1.0 - _upper(failures, trials, 1.0 - confidence)
    return lower, upper


def _upper(successes: int, trials: int, tail: float) -> float:
    """The p at which so few successes have probability `tail`, by bisection."""
    weights = [_log_choose(trials, k) for k in range(successes + 1)]
    low, high = successes / trials, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _at_most(weights, trials, middle) > tail:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _at_most(weights: Sequence[float], trials: int, p: float) -> float:
    """P(X < len(weights)) for X ~ Binomial(trials, p), 0 < p < 1."""
    won, lost = math.log(p), math.log1p(-p)
    return math.fsum(math.exp(w + k * won + (trials - k) * lost) for k, w in enumerate(weights))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def sign_test(one: int, other: int) -> float:
    """The two-sided p-value of so uneven a count where either side is as likely, exact.

    McNemar's test (1947, Psychometrika 12) in its exact form, on the two counts of what changed.

    Args:
        one, other: how many went to each side; 0 or more.
    """
    trials, few = one + other, min(one, other)
    weights = [_log_choose(trials, k) for k in range(few + 1)]
    return min(1.0, 2.0 * _at_most(weights, trials, 0.5))
