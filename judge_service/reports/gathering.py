"""Many values as few that can be drawn."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import fmean

from judge_service.reports.page import Histogram

GROUPS = 10


def counted(title: str, values: Iterable[float], edges: Sequence[float], axis: str, note: str = "") -> Histogram:
    """A histogram of values; each bar takes in its lower edge, and the last its upper one, too.

    Raises:
        ValueError: a value lies beyond the edges.
    """
    counts = [0] * (len(edges) - 1)
    for value in values:
        if not edges[0] <= value <= edges[-1]:
            raise ValueError(f"{title}: {value} lies beyond {edges[0]} to {edges[-1]}")
        counts[min(bisect_right(edges, value), len(counts)) - 1] += 1
    return Histogram(title, tuple(edges), tuple(counts), axis, note)


def trend(points: Iterable[tuple[float, float]], groups: int = GROUPS) -> tuple[tuple[float, float], ...]:
    """The means of groups of about one size, from the least x to the greatest; none with less than ten points each."""
    ascending = sorted(points)
    if len(ascending) < 10 * groups:
        return ()
    cuts = [len(ascending) * i // groups for i in range(groups + 1)]
    parts = [ascending[low:high] for low, high in pairwise(cuts)]
    return tuple((fmean(x for x, _ in part), fmean(y for _, y in part)) for part in parts)
