"""How far two raters agree beyond chance, with its interval, where some categories are nearer than others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from judge_service.statistics.estimates import Estimate, around, unknown

Weighting = Literal["none", "linear", "quadratic"]
_POWERS: Mapping[str, int] = {"linear": 1, "quadratic": 2}


def kappa(table: ArrayLike, weighting: Weighting = "none", confidence: float = 0.95) -> Estimate:
    """Cohen's kappa, weighted or not, with its large-sample interval.

    Cohen 1968, Psychological Bulletin 70(4); the variance is that of Fleiss, Cohen and Everitt 1969, Psychological
    Bulletin 72(5), eq. 10 and 14. Weights are 1 - |i - j| / (c - 1), or the same with squares.

    Args:
        table: (c, c), how many things one rater put into category i and the other into j; in their order, if weighted.
    """
    counts = np.asarray(table, dtype=np.float64)
    n = int(counts.sum())
    if n == 0:
        return unknown(0, "nothing was rated by both")
    shares = counts / n
    one, other = shares.sum(axis=1), shares.sum(axis=0)
    weights = _weights(len(counts), weighting)
    found = float((weights * shares).sum())
    by_chance = float(one @ weights @ other)
    if by_chance >= 1.0 - 1e-12:
        return unknown(n, "both gave one and the same rating to all")
    value = (found - by_chance) / (1.0 - by_chance)
    means = (weights @ other)[:, None] + (one @ weights)[None, :]
    spread = float((shares * (weights * (1.0 - by_chance) - means * (1.0 - found)) ** 2).sum())
    variance = spread - (found * by_chance - 2.0 * by_chance + found) ** 2
    error = math.sqrt(max(0.0, variance) / n) / (1.0 - by_chance) ** 2
    if error < 1e-9:
        return Estimate(value, None, None, n, "no disagreement was seen: nothing is known of the error")
    return around(value, error, n, confidence)


def _weights(categories: int, weighting: Weighting) -> NDArray[np.float64]:
    if weighting == "none" or categories < 2:
        return np.eye(categories)
    places = np.arange(categories)
    apart = np.abs(places[:, None] - places[None, :]) / (categories - 1)
    return np.asarray(1.0 - apart ** _POWERS[weighting], dtype=np.float64)
