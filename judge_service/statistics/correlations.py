"""Rank correlations of two lists of scores, in which ties are common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from judge_service.statistics.agreement import mid_ranks
from judge_service.statistics.estimates import Estimate, unknown, z_critical

Ranks = NDArray[np.int64]
_LEAST: Final = 5
_MOST: Final = 2000
"""The variance of tau-b is worked out on so many cases, spread evenly over the scores: it takes all their pairs."""


def spearman(one: Sequence[float], other: Sequence[float], confidence: float = 0.95) -> Estimate:
    """Spearman's rho: the correlation of mid-ranks.

    The interval is Fisher's z with the variance (1 + rho^2 / 2) / (n - 3) of Bonett and Wright 2000, Psychometrika 65.
    """
    why = _unfit(one, other)
    if why:
        return unknown(len(one), why)
    x, y = (np.array(mid_ranks(list(scores))) - (len(scores) + 1) / 2 for scores in (one, other))
    value = float(x @ y / math.sqrt(float(x @ x) * float(y @ y)))
    return _by_fishers_z(value, len(one), (1.0 + value * value / 2.0) / max(1, len(one) - 3), confidence)


def kendall(one: Sequence[float], other: Sequence[float], confidence: float = 0.95) -> Estimate:
    """Kendall's tau-b: (concordant - discordant) pairs over the geometric mean of those that either does not tie.

    Kendall 1945, Biometrika 33. The interval is Fisher's z with the variance over cases by the delta method (Brown and
    Benedetti 1977, JASA 72): Fieller's 0.437 / (n - 4) is for lists without ties, and covers 80 % of the time on scales
    of two or three steps.
    """
    why = _unfit(one, other)
    if why:
        return unknown(len(one), why)
    n = len(one)
    x, y = _dense(one), _dense(other)
    order = np.lexsort((y, x))
    discordant = _inversions(y[order])
    pairs = n * (n - 1) // 2
    ties_x, ties_y, ties_both = _tied(x), _tied(y), _tied(x * (int(y.max()) + 1) + y)
    concordant = pairs - ties_x - ties_y + ties_both - discordant
    value = (concordant - discordant) / math.sqrt((pairs - ties_x) * (pairs - ties_y))
    part = order[np.linspace(0, n - 1, min(n, _MOST)).round().astype(np.int64)]
    spread = _spread_of_tau(x[part], y[part], value)
    return _by_fishers_z(value, n, spread / n / max(1e-12, 1.0 - value * value) ** 2, confidence)


def _spread_of_tau(x: Ranks, y: Ranks, value: float) -> float:
    """The variance of what one case adds to tau-b, over all pairs of these cases."""
    sides = [np.sign(ranks[:, None] - ranks[None, :]).astype(np.int8) for ranks in (x, y)]
    n = len(x)
    together = np.einsum("ij,ij->i", *sides, dtype=np.int64) / (n - 1)
    apart_x, apart_y = (np.abs(side).sum(axis=1, dtype=np.int64) / (n - 1) for side in sides)
    mean_x, mean_y = float(apart_x.mean()), float(apart_y.mean())
    if mean_x == 0.0 or mean_y == 0.0:
        return 0.0
    own = together / math.sqrt(mean_x * mean_y) - value / 2.0 * (apart_x / mean_x + apart_y / mean_y)
    return 4.0 * float(((own - own.mean()) ** 2).sum()) / (n - 1)


def _unfit(one: Sequence[float], other: Sequence[float]) -> str:
    if len(one) != len(other):
        raise ValueError(f"{len(one)} scores beside {len(other)}")
    if len(one) < 2:
        return "it takes two cases or more"
    return "one side has the same score for all" if min(one) == max(one) or min(other) == max(other) else ""


def _by_fishers_z(value: float, n: int, variance: float, confidence: float) -> Estimate:
    value = max(-1.0, min(1.0, value))
    if n < _LEAST:
        return Estimate(value, None, None, n, f"an interval takes {_LEAST} cases or more")
    if abs(value) > 1.0 - 1e-12 or variance <= 0.0:
        return Estimate(value, None, None, n, "no case differs from the others: nothing is known of the error")
    middle, reach = math.atanh(value), z_critical(confidence) * math.sqrt(variance)
    return Estimate(value, math.tanh(middle - reach), math.tanh(middle + reach), n)


def _dense(scores: Sequence[float]) -> Ranks:
    return np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True)[1].astype(np.int64)


def _tied(ranks: Ranks) -> int:
    counts = np.unique(ranks, return_counts=True)[1].astype(np.int64)
    return int((counts * (counts - 1)).sum()) // 2


def _inversions(ranks: Ranks) -> int:
    """Pairs that stand the larger first: by halves of the values, as a radix sort comes by them, in n log n."""
    total = 0
    for bit in reversed(range(int(ranks.max()).bit_length())):
        groups, ones = ranks >> (bit + 1), (ranks >> bit) & 1
        before = np.cumsum(ones) - ones
        starts = np.flatnonzero(np.diff(groups, prepend=-1))
        before -= np.repeat(before[starts], np.diff(starts, append=len(ranks)))
        total += int(before[ones == 0].sum())
        ranks = ranks[np.argsort(ranks >> bit, kind="stable")]
    return total
