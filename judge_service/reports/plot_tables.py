"""Plots as tables: the same numbers for who cannot see them, and for pages that cannot draw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from judge_service.reports.page import Histogram, Intervals, Matrix, Plot, Reliability, Scatter, Table

FEW_POINTS = 40
"""Up to so many points are told one by one."""
GROUPS = 10


def table_of(plot: Plot) -> Table:
    """The plot's numbers in rows."""
    if isinstance(plot, Intervals):
        return _intervals_table(plot)
    if isinstance(plot, Matrix):
        rows = tuple((name, *values) for name, values in zip(plot.rows, plot.values, strict=True))
        return Table(plot.title, ("", *plot.columns), rows, plot.note, plot.digits)
    if isinstance(plot, Histogram):
        return _histogram_table(plot)
    if isinstance(plot, Reliability):
        return Table(plot.title, (plot.x, plot.y, "how many"), plot.bins, plot.note, 3)
    return _scatter_table(plot)


def digits_for(values: Sequence[float]) -> int:
    """Decimals that tell values apart: a tenth of their range at least, and one; two where they are all the same."""
    span = max(values) - min(values) if values else 0.0
    same = 1e-9 * max(map(abs, values), default=0.0)
    return min(max(1 - math.floor(math.log10(span)), 1), 8) if span > same else 2


def _intervals_table(plot: Intervals) -> Table:
    rows = tuple((row.label, row.value, row.low, row.high) for row in plot.rows)
    return Table(plot.title, ("", plot.axis, "low", "high"), rows, plot.note, interval_digits(plot))


def interval_digits(plot: Intervals) -> int:
    """Decimals that the values of an interval plot are shown with."""
    ends = [end for row in plot.rows for end in (row.value, row.low, row.high) if end is not None]
    return digits_for(ends)


def _histogram_table(plot: Histogram) -> Table:
    rows = tuple((low, high, count) for (low, high), count in zip(pairwise(plot.edges), plot.counts, strict=True))
    columns = (f"{plot.axis}, from", "to", "how many")
    return Table(plot.title, columns, rows, plot.note, histogram_digits(plot) if rows else 2)


def histogram_digits(plot: Histogram) -> int:
    """Decimals that the edges are shown with: as many as they have, or enough to tell them apart."""
    least = min(high - low for low, high in pairwise(plot.edges))
    for digits in range(6):
        if all(abs(round(edge, digits) - edge) < 1e-6 * least for edge in plot.edges):
            return digits
    return digits_for((0.0, least)) + 1


def _scatter_table(plot: Scatter) -> Table:
    """A few points one by one; many by tenths along x."""
    points = sorted(plot.points)
    digits = max((digits_for([point[i] for point in points]) for i in (0, 1)), default=1) + 1
    if len(points) <= FEW_POINTS:
        return Table(plot.title, (plot.x, plot.y), tuple(points), plot.note, digits)
    cuts = [len(points) * i // GROUPS for i in range(GROUPS + 1)]
    groups = [points[low:high] for low, high in pairwise(cuts)]
    rows = tuple((g[0][0], g[-1][0], len(g), median(y for _, y in g)) for g in groups)
    columns = (f"{plot.x}, from", "to", "points", f"{plot.y}, median")
    return Table(plot.title, columns, rows, plot.note, digits)
