"""Means with the interval they may lie in, where several values may come of one prompt."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple

from judge_service.statistics.students import t_critical, t_tails

_ROUNDING: Final = 1e-12
"""A standard error below this, and below this part of the largest value, is that of values which are all the same."""


class Interval(NamedTuple):
    """An estimate and where the truth lies with the confidence that was asked for.

    Attributes:
        standard_error: None, with `low` and `high`, where one cluster or none tells nothing of it.
        n: values it rests on.
        clusters: groups that these come in, such as prompts.
    """

    value: float
    low: float | None
    high: float | None
    standard_error: float | None
    n: int
    clusters: int


def clustered_mean(values: Sequence[float], clusters: Sequence[Hashable], confidence: float = 0.95) -> Interval:
    """The mean of values that are alike within clusters, with Student's t over the clusters.

    The variance is G / (G - 1) times the sum, over G clusters, of the squared sums of their residuals, over n^2: the
    sandwich of a regression on a constant with its CR1 correction (Liang and Zeger 1986, Biometrika 73; Cameron and
    Miller 2015, JHR 50, eq. 11-12). With one value to a cluster it is s^2 / n.

    Args:
        values: one or more.
        clusters: the cluster of each.
        confidence: in (0, 1).
    """
    # Exact sums: what is told does not depend on the order of rows, and a client needs no numpy for it.
    mean = math.fsum(values) / len(values)
    deviations: dict[Hashable, list[float]] = {}
    for cluster, value in zip(clusters, values, strict=True):
        deviations.setdefault(cluster, []).append(value - mean)
    groups = len(deviations)
    if groups < 2:
        return Interval(mean, None, None, None, len(values), groups)
    squares = math.fsum(math.fsum(own) ** 2 for own in deviations.values())
    error = math.sqrt(squares * groups / (groups - 1)) / len(values)
    if error < _ROUNDING * max(1.0, *map(abs, values)):
        error = 0.0
    reach = t_critical(groups - 1, confidence) * error
    return Interval(mean, mean - reach, mean + reach, error, len(values), groups)


def clustered_share(values: Sequence[float], clusters: Sequence[Hashable], confidence: float = 0.95) -> Interval:
    """`clustered_mean` of values in [0, 1], whose interval stays within [0, 1] and is never empty.

    Where all values are v, none of G clusters told anything else: of clusters that do there may be a share u with
    (1 - u)^G = (1 - confidence) / 2, as Clopper and Pearson have it, and each may be 0 or 1.
    """
    found = clustered_mean(values, clusters, confidence)
    if found.low is None or found.high is None:
        return found
    if found.standard_error == 0.0:
        unseen = 1.0 - ((1.0 - confidence) / 2.0) ** (1.0 / found.clusters)
        return found._replace(low=found.value * (1.0 - unseen), high=found.value + unseen * (1.0 - found.value))
    return found._replace(low=max(0.0, found.low), high=min(1.0, found.high))


def p_value(found: Interval | None) -> float | None:
    """The chance of a mean so far from 0 were it 0: Student's t over its clusters; None if its error is unknown."""
    if found is None or found.standard_error is None:
        return None
    if found.standard_error == 0.0:
        return float(found.value == 0.0)
    return t_tails(found.value / found.standard_error, found.clusters - 1)


def numbered(clusters: Sequence[Hashable]) -> tuple[int, list[int]]:
    numbers: dict[Hashable, int] = {}
    places = [numbers.setdefault(cluster, len(numbers)) for cluster in clusters]
    return len(numbers), places
