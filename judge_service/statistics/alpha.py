"""Krippendorff's alpha: agreement of any number of raters, of whom none has to rate everything."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from judge_service.statistics.agreement import mid_ranks
from judge_service.statistics.estimates import Estimate, unknown
from judge_service.statistics.resampling import Numbers, percentile_interval

Level = Literal["nominal", "ordinal", "interval"]


def krippendorff_alpha(ratings: ArrayLike, level: Level = "nominal", confidence: float = 0.95) -> Estimate:
    """1 - Do / De: disagreement within units over that between any two ratings, with a bootstrap over units.

    Krippendorff 2011, Computing Krippendorff's alpha-reliability. Ordinal differences are those of mid-ranks, which is
    what his sums of frequencies come to; the bootstrap leaves the ranks as they were found on all units.

    Args:
        ratings: (units, raters), NaN where one is missing; units with fewer than two are left out, as is usual.
    """
    table = np.asarray(ratings, dtype=np.float64)
    # In one order, whatever the raters' was: sums are the same to the last digit then.
    table = np.sort(table[(~np.isnan(table)).sum(axis=1) >= 2], axis=1)
    n = len(table)
    if n < 2:
        return unknown(n, "it takes two cases or more that were rated twice or more")
    rows = _nominal(table) if level == "nominal" else _squared(_ranked(table) if level == "ordinal" else table)
    statistic = _nominal_alpha if level == "nominal" else _squared_alpha
    value = float(statistic(rows.sum(axis=0, keepdims=True))[0])
    if not np.isfinite(value):
        return unknown(n, "all ratings are the same")
    bounds = percentile_interval(rows, statistic, confidence)
    if bounds is None or bounds[0] == bounds[1]:
        return Estimate(value, None, None, n, "cases drawn again tell nothing of the error")
    return Estimate(value, *bounds, n)


def _ranked(table: Numbers) -> Numbers:
    there = ~np.isnan(table)
    out = np.full_like(table, np.nan)
    out[there] = mid_ranks([float(value) for value in table[there]])
    return out


def _nominal(table: Numbers) -> Numbers:
    """By unit: the pairs that differ over (m - 1), the number m of ratings, and how often each value was given."""
    values = np.unique(table[~np.isnan(table)])
    counts = (table[:, :, None] == values).sum(axis=1).astype(np.float64)
    m = counts.sum(axis=1)
    differ = (m * m - (counts * counts).sum(axis=1)) / (m - 1)
    return np.column_stack([differ, m, counts])


def _nominal_alpha(sums: Numbers) -> Numbers:
    total, squares = sums[:, 1], (sums[:, 2:] ** 2).sum(axis=1)
    return _one_less(sums[:, 0] / total, (total * total - squares) / (total * (total - 1)))


def _squared(table: Numbers) -> Numbers:
    """By unit: the squared differences of its pairs over (m - 1), m, and the sums of its ratings and of their squares.

    Ratings are counted from their mean, so that large ones with a small spread lose nothing.
    """
    there = ~np.isnan(table)
    off = table - np.sort(table[there]).mean()
    m = there.sum(axis=1).astype(np.float64)
    sums, squares = np.nansum(off, axis=1), np.nansum(off * off, axis=1)
    within = np.nansum((off - (sums / m)[:, None]) ** 2, axis=1)
    return np.column_stack([2.0 * m * within / (m - 1), m, sums, squares])


def _squared_alpha(sums: Numbers) -> Numbers:
    differ, total, plain, squares = sums.T
    return _one_less(differ / total, 2.0 * (total * squares - plain * plain) / (total * (total - 1)))


def _one_less(observed: Numbers, expected: Numbers) -> Numbers:
    known = expected > 1e-12
    return np.where(known, 1.0 - observed / np.where(known, expected, 1.0), np.nan)
