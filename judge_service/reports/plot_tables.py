"""Plots as tables: the same numbers for who cannot see them, and for pages that cannot draw."""

from __future__ import annotations

import math
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


def digits_for(span: float) -> int:
    """Decimals that tell values apart that lie so far from each other, a hundredth of it at least."""
    if span <= 0:
        return 2
    return min(max(2 - math.floor(math.log10(span)), 0), 8)


def _intervals_table(plot: Intervals) -> Table:
    rows = tuple((row.label, row.value, row.low, row.high) for row in plot.rows)
    return Table(plot.title, ("", plot.axis, "low", "high"), rows, plot.note, interval_digits(plot))


def interval_digits(plot: Intervals) -> int:
    """Decimals that the values of an interval plot are shown with."""
    ends = [end for row in plot.rows for end in (row.value, row.low, row.high) if end is not None]
    return digits_for(max(ends) - min(ends)) if ends else 2


def _histogram_table(plot: Histogram) -> Table:
    digits = digits_for(plot.edges[1] - plot.edges[0]) if plot.counts else 2
    rows = tuple(zip(plot.edges, plot.edges[1:], plot.counts, strict=False))
    return Table(plot.title, (f"{plot.axis}, from", "to", "how many"), rows, plot.note, digits)


def _scatter_table(plot: Scatter) -> Table:
    """A few points one by one; many by tenths along x."""
    points = sorted(plot.points)
    ys = [y for _, y in points]
    digits = digits_for(max(max(ys) - min(ys), points[-1][0] - points[0][0])) if points else 2
    if len(points) <= FEW_POINTS:
        return Table(plot.title, (plot.x, plot.y), tuple(points), plot.note, digits)
    cuts = [len(points) * i // GROUPS for i in range(GROUPS + 1)]
    groups = [points[low:high] for low, high in zip(cuts, cuts[1:], strict=False)]
    rows = tuple((g[0][0], g[-1][0], len(g), median(y for _, y in g)) for g in groups)
    columns = (f"{plot.x}, from", "to", "points", f"{plot.y}, median")
    return Table(plot.title, columns, rows, plot.note, digits)
