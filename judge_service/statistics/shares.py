"""Shares with exact bounds, where several trials may come of one prompt."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Final

from judge_service.statistics.intervals import Interval, clustered_mean
from judge_service.statistics.students import incomplete_beta, t_critical

_STEPS: Final = 60


def exact_share(hits: Sequence[bool], clusters: Sequence[Hashable], confidence: float = 0.95) -> Interval:
    """The share of hits with Clopper and Pearson's bounds at as many independent trials as these are worth.

    With one trial to a cluster these are the exact bounds at n (1934, Biometrika 26). Else n is divided by the design
    effect and lowered by Student's t for few clusters (Korn and Graubard 1998, Survey Methodology 24); where all trials
    are hits or none is, the design effect is not known, and only clusters are counted.

    Args:
        hits: one or more.
        clusters: the cluster of each.
        confidence: in (0, 1), of both bounds together.
    """
    found = clustered_mean([float(hit) for hit in hits], clusters, confidence)
    if found.clusters < 2 or found.standard_error is None:
        return found._replace(low=None, high=None, standard_error=None)
    worth = _worth(found, confidence)
    won, tail = found.value * worth, (1.0 - confidence) / 2.0
    low = 0.0 if won <= 0.0 else _quantile(lambda p: incomplete_beta(p, won, worth - won + 1.0), tail)
    lost = worth - won
    high = 1.0 if lost <= 0.0 else _quantile(lambda p: incomplete_beta(p, won + 1.0, lost), 1.0 - tail)
    return found._replace(low=low, high=high)


def _worth(found: Interval, confidence: float) -> float:
    """How many independent trials these are worth, from the number of clusters at certainty to n at the most."""
    if found.n == found.clusters:
        return float(found.n)
    assert found.standard_error is not None
    spread = found.value * (1.0 - found.value)
    if spread <= 0.0 or found.standard_error <= 0.0:
        return float(found.clusters)
    ratio = t_critical(found.n - 1, confidence) / t_critical(found.clusters - 1, confidence)
    return min(float(found.n), max(1.0, spread / found.standard_error**2 * ratio * ratio))


def _quantile(below: Callable[[float], float], tail: float) -> float:
    """The p at which a rising share below it is `tail`, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if below(middle) < tail else (low, middle)
    return (low + high) / 2.0
