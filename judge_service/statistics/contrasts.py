"""Shares, and differences of shares, of cases that come in clusters."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np

from judge_service.statistics.estimates import Estimate, share, unknown
from judge_service.statistics.intervals import Interval, clustered_mean, clustered_share
from judge_service.statistics.students import t_critical

FEW = "fewer than two prompts: nothing is known of the error"


def clustered_rate(values: Sequence[float], clusters: Sequence[Hashable], confidence: float = 0.95) -> Estimate:
    """The mean of values that are 0, 1, or a half for a tie.

    Wilson's interval where each is a cluster of its own and none is a half; else that of `clustered_share`.
    """
    if not values:
        return unknown(0, "no case")
    if len(set(clusters)) == len(values) and all(value in (0.0, 1.0) for value in values):
        return share(sum(value == 1.0 for value in values), len(values), confidence)
    return _estimate(clustered_share(values, clusters, confidence))


def clustered_estimate(values: Sequence[float], clusters: Sequence[Hashable], confidence: float = 0.95) -> Estimate:
    """The mean of any values, with Student's t over clusters."""
    if not values:
        return unknown(0, "no case")
    return _estimate(clustered_mean(values, clusters, confidence))


def _estimate(found: Interval) -> Estimate:
    return Estimate(found.value, found.low, found.high, found.n, FEW if found.low is None else "")


def clustered_difference(
    values: Sequence[float], in_first: Sequence[bool], clusters: Sequence[Hashable], confidence: float = 0.95
) -> Estimate:
    """The mean of the values in the first group less that of the others; a cluster may have values in both.

    The variance is that of sums over clusters, as in `clustered_mean`, with Student's t over them.
    """
    numbers, first = np.asarray(values, dtype=np.float64), np.asarray(in_first, dtype=bool)
    if first.sum() == 0 or first.all():
        return unknown(len(numbers), "one of the two groups is empty")
    means = float(numbers[first].mean()), float(numbers[~first].mean())
    own = np.where(first, (numbers - means[0]) / first.sum(), -(numbers - means[1]) / (~first).sum())
    sums: dict[Hashable, float] = {}
    for cluster, part in zip(clusters, own.tolist(), strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + part
    value, groups = means[0] - means[1], len(sums)
    if groups < 3:
        return Estimate(value, None, None, len(numbers), FEW)
    error = math.sqrt(math.fsum(total * total for total in sums.values()) * groups / (groups - 1))
    if error == 0.0:
        return Estimate(
            value, None, None, len(numbers), "no case differs within its group: nothing is known of the error"
        )
    reach = t_critical(groups - 1, confidence) * error
    return Estimate(value, value - reach, value + reach, len(numbers))
