"""How many prompts it takes to see a difference: at a number fixed before, and when looking after each prompt.

All rates are means of values in [0, 1], one to a prompt, tested against 1/2 from both sides.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np

from judge_service.statistics.betting import Numbers, log_capitals

SOFT_CONCENTRATION: Final = 6.0
"""Of the beta distribution that soft verdicts are taken to have where none were seen: a variance of 1/28 at 1/2."""

_STRETCH: Final = 256
_RUNS: Final = 400
_STEPS: Final = 200


class Sequential(NamedTuple):
    """What stopping as soon as it is decided would take, of simulated runs.

    Attributes:
        mean: prompts at which the runs stopped; None where the limit cut some of them off.
        median, most: the prompts after which half, and nine of ten, had stopped; None where fewer did.
        limit: prompts after which a run was given up.
        share: of the runs, those that decided before the limit.
        wrong: of the runs, those that decided for the wrong side.
    """

    mean: float | None
    median: int | None
    most: int | None
    limit: int
    share: float
    wrong: float
    runs: int


def prompts_for(difference: float, deviation: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """Prompts at which a two-sided test of a mean of 1/2 finds a difference so large with this power.

    ((z_(1 - alpha/2) + z_power) * deviation / difference)^2 (Cochran 1977, Sampling Techniques, 4.9), the deviation
    being the same at both means.

    Args:
        difference: of the mean from 1/2, above 0.
        deviation: standard deviation of one prompt's value.
    """
    return math.ceil((_quantiles(power, alpha)[0] * deviation / difference) ** 2 - 1e-9)


def votes_for(difference: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """The same for hard votes of 0 or 1, one to a prompt, whose variance depends on their mean.

    ((z_(1 - alpha/2) sqrt(p0 q0) + z_power sqrt(p1 q1)) / difference)^2 with p0 = 1/2 (Fleiss, Levin and Paik 2003,
    Statistical Methods for Rates and Proportions, 2.14).

    Args:
        difference: in (0, 1/2).
    """
    _, low, high = _quantiles(power, alpha)
    return math.ceil(((low / 2.0 + high * math.sqrt(0.25 - difference**2)) / difference) ** 2 - 1e-9)


def difference_for(prompts: int, deviation: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest difference that so many prompts find with this power."""
    return _quantiles(power, alpha)[0] * deviation / math.sqrt(prompts)


def design_effect(answers: float, correlation: float) -> float:
    """How many times the variance is that of independent answers, with so many alike ones to a prompt (Kish 1965)."""
    return 1.0 + (answers - 1.0) * correlation


def intraclass(values: Numbers, clusters: Numbers) -> float | None:
    """The correlation of two values of one cluster: ICC(1) of a one-way analysis of variance (Shrout and Fleiss 1979).

    Clusters may be of several sizes (Donner 1986, eq. 2.1). Never below 0, where chance alone would take it.

    Args:
        values: of shape (n,).
        clusters: the number of each one's cluster, from 0 on, of shape (n,).

    Returns:
        None where no cluster has two values, or all values are the same.
    """
    sizes = np.bincount(clusters.astype(np.int64)).astype(np.float64)
    groups, n = len(sizes), len(values)
    if groups < 2 or n == groups:
        return None
    means = np.bincount(clusters.astype(np.int64), weights=values) / sizes
    between = float(sizes @ (means - values.mean()) ** 2) / (groups - 1)
    within = float(((values - means[clusters.astype(np.int64)]) ** 2).sum()) / (n - groups)
    size = (n - float(sizes @ sizes) / n) / (groups - 1)
    total = between + (size - 1.0) * within
    return max(0.0, (between - within) / total) if total > 0.0 else None


def moved(values: Numbers, mean: float) -> Numbers:
    """Weights that sum to 1, under which the values have this mean: as near to equal ones as can be.

    Exponential tilting: the weights of least Kullback-Leibler distance from equal ones (Efron 1981).

    Raises:
        ValueError: the mean does not lie between the values.
    """
    if not values.min() < mean < values.max():
        raise ValueError("the mean does not lie between the values")
    low, high = -1e3, 1e3
    weights = np.full(len(values), 1.0 / len(values))
    for _ in range(_STEPS):
        tilt = (low + high) / 2.0
        logs = tilt * values
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        low, high = (tilt, high) if float(weights @ values) < mean else (low, tilt)
    return weights


def sequential(
    difference: float, values: Numbers | None, limit: int, alpha: float = 0.05, seed: int = 0, runs: int = _RUNS
) -> Sequential:
    """What betting until it is decided would take, by simulation.

    Args:
        difference: of the mean from 1/2, in (0, 1/2).
        values: one to a prompt, that prompts are drawn from, moved to the mean; or None for hard votes, 0 or 1.
        limit: prompts after which a run is given up.
    """
    draws = np.random.default_rng(seed)
    mean = 0.5 + difference
    pool = np.array([0.0, 1.0]) if values is None else values
    weights = moved(pool, mean)
    enough = math.log(2.0 / alpha)
    stops: list[int] = []
    wrong = 0
    ups = downs = np.zeros((runs, 1))
    done = 0
    while done < limit and len(ups):
        length = min(_STRETCH, limit - done)
        told = draws.choice(pool, size=(len(ups), length), p=weights)
        above, ups = log_capitals(told, 0.5, ups)
        below, downs = log_capitals(1.0 - told, 0.5, downs)
        hits = np.maximum(above, below) >= enough
        ended = hits.any(axis=1)
        at = hits.argmax(axis=1)
        stops += [done + int(place) + 1 for place in at[ended]]
        wrong += int((below[ended, at[ended]] >= enough).sum())
        ups, downs = ups[~ended], downs[~ended]
        done += length
    return _told(sorted(stops), wrong, limit, runs)


def soft_values(seed: int = 0, count: int = 4096) -> Numbers:
    """Soft verdicts around 1/2 as they are taken to be where none were seen."""
    half = SOFT_CONCENTRATION / 2.0
    return np.random.default_rng(seed).beta(half, half, size=count)


def _told(stops: list[int], wrong: int, limit: int, runs: int) -> Sequential:
    def after(share: float) -> int | None:
        place = math.ceil(share * runs) - 1
        return stops[place] if place < len(stops) else None

    mean = math.fsum(stops) / runs if len(stops) == runs else None
    return Sequential(mean, after(0.5), after(0.9), limit, len(stops) / runs, wrong / runs, runs)


def _quantiles(power: float, alpha: float) -> tuple[float, float, float]:
    """The sum of the two normal quantiles of a test, and each of them."""
    ends = NormalDist()
    false_alarm, found = ends.inv_cdf(1.0 - alpha / 2.0), ends.inv_cdf(power)
    return false_alarm + found, false_alarm, found
