"""Intraclass correlations: how much of the spread of ratings is of what was rated, and not of who rated it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from judge_service.statistics.estimates import Estimate, unknown
from judge_service.statistics.variance_ratios import f_quantile


class Icc(NamedTuple):
    """The six coefficients of Shrout and Fleiss 1979, Psychological Bulletin 86(2).

    Attributes:
        one_way: ICC(1,1): each subject had raters of its own, and which rating is whose does not matter: repeats.
        agreement: ICC(2,1): the same raters, drawn from many; one who is stricter than another counts as disagreement.
        consistency: ICC(3,1): these raters and no others; how strict each one is does not matter.
        one_way_mean, agreement_mean, consistency_mean: ICC(1,k), (2,k) and (3,k), of the mean of all k ratings.
        subjects: that all raters rated.
        raters: k.
        left_out: subjects with a rating missing.
    """

    one_way: Estimate
    agreement: Estimate
    consistency: Estimate
    one_way_mean: Estimate
    agreement_mean: Estimate
    consistency_mean: Estimate
    subjects: int
    raters: int
    left_out: int


class _Squares(NamedTuple):
    """Mean squares: between subjects, within them, between raters, and what is left of those within."""

    subjects: float
    within: float
    raters: float
    rest: float


def icc(ratings: ArrayLike, confidence: float = 0.95) -> Icc:
    """Intraclass correlations with the F-based intervals of that paper.

    A coefficient is None with fewer than two subjects or raters, and where all ratings are the same. It has no interval
    where raters never differ: nothing is known of the error then.

    Args:
        ratings: (subjects, raters), NaN where one is missing: such a subject is left out.
        confidence: in (0, 1).

    Raises:
        ValueError: the ratings are no table.
    """
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"ratings are a table of subjects by raters, not of {table.ndim} dimensions")
    whole = table[~np.isnan(table).any(axis=1)]
    n, k = whole.shape
    why = _unfit(whole)
    if why:
        none = unknown(n, why)
        return Icc(none, none, none, none, none, none, n, k, len(table) - n)
    found = _squares(whole)
    tail = 0.5 + confidence / 2.0
    one_way = _of_ratio(found.subjects, found.within, (n, k), n * (k - 1), tail)
    consistency = _of_ratio(found.subjects, found.rest, (n, k), (n - 1) * (k - 1), tail)
    agreement = _agreement(found, n, k, tail)
    means = [_of_mean(single, k) for single in (one_way, agreement, consistency)]
    return Icc(one_way, agreement, consistency, means[0], means[1], means[2], n, k, len(table) - n)


def _unfit(whole: NDArray[np.float64]) -> str:
    n, k = whole.shape
    if n < 2 or k < 2:
        return "it takes two subjects or more that two raters or more rated"
    return "all ratings are the same" if bool((whole == whole[0, 0]).all()) else ""


def _squares(whole: NDArray[np.float64]) -> _Squares:
    n, k = whole.shape
    by_subject, by_rater = whole.mean(axis=1), whole.mean(axis=0)
    mean = float(whole.mean())
    between = float(k * ((by_subject - mean) ** 2).sum())
    within = float(((whole - by_subject[:, None]) ** 2).sum())
    raters = float(n * ((by_rater - mean) ** 2).sum())
    rest = float(((whole - by_subject[:, None] - by_rater[None, :] + mean) ** 2).sum())
    # What arithmetic leaves of a difference that is none would pass for a small error.
    between, within, rest = (0.0 if one <= 1e-12 * (between + within) else one for one in (between, within, rest))
    return _Squares(between / (n - 1), within / (n * (k - 1)), raters / (k - 1), rest / ((n - 1) * (k - 1)))


def _of_ratio(subjects: float, error: float, shape: tuple[int, int], freedom: int, tail: float) -> Estimate:
    """(BMS - error) / (BMS + (k - 1) error), by the F of their ratio."""
    n, k = shape
    whole = subjects + (k - 1) * error
    if error == 0.0:
        return _certain(1.0 if whole > 0 else None, n)
    ratio = subjects / error
    low = ratio / f_quantile(tail, n - 1, freedom)
    high = ratio * f_quantile(tail, freedom, n - 1)
    bounds = [(bound - 1.0) / (bound + k - 1.0) for bound in (low, high)]
    return Estimate((subjects - error) / whole, bounds[0], bounds[1], n)


def _agreement(found: _Squares, n: int, k: int, tail: float) -> Estimate:
    """ICC(2,1), with Satterthwaite's degrees of freedom."""
    subjects, raters, rest = found.subjects, found.raters, found.rest
    whole = subjects + (k - 1) * rest + k * (raters - rest) / n
    if whole <= 0.0:
        return unknown(n, "subjects and raters differ by no more than chance")
    value = (subjects - rest) / whole
    if rest == 0.0:
        return _certain(value, n)
    ratio = raters / rest
    shared = n * (1 + (k - 1) * value) - k * value
    above = (k - 1) * (n - 1) * (k * value * ratio + shared) ** 2
    below = (n - 1) * k * k * value * value * ratio * ratio + shared * shared
    freedom = max(above / below, 1.0)
    upper, lower = f_quantile(tail, n - 1, freedom), f_quantile(tail, freedom, n - 1)
    other = k * raters + (k * n - k - n) * rest
    low = n * (subjects - upper * rest) / (upper * other + n * subjects)
    high = n * (lower * subjects - rest) / (other + n * lower * subjects)
    return Estimate(value, min(low, value), max(high, value), n)


def _certain(value: float | None, n: int) -> Estimate:
    why = "raters never differ by more than how strict each is: nothing is known of the error"
    return Estimate(value, None, None, n, why)


def _of_mean(single: Estimate, k: int) -> Estimate:
    """Spearman and Brown: the same of the mean of k ratings."""
    value, low, high = (_stepped_up(bound, k) for bound in single[:3])
    return Estimate(value, low, high, single.n, single.why)


def _stepped_up(bound: float | None, k: int) -> float | None:
    if bound is None or 1.0 + (k - 1) * bound <= 1e-9:
        return None
    return k * bound / (1.0 + (k - 1) * bound)
