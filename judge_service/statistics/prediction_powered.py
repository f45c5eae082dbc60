"""A mean of people's labels, of which there are few, made sharper by a judge's, of which there are many."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from judge_service.statistics.estimates import Estimate, unknown
from judge_service.statistics.intervals import Interval, clustered_mean, numbered
from judge_service.statistics.resampling import percentile_interval
from judge_service.statistics.students import t_critical

Numbers = NDArray[np.float64]
LEAST_LABELS: Final = 10
"""With labels in fewer clusters the weight of the judge is not known well enough for any interval."""


class Powered(NamedTuple):
    """What people would say of all, from what they said of some.

    Attributes:
        estimate: of people's mean; `n` is how many have labels.
        people: from labels alone. judge: from the judge alone, which is no estimate of what people say.
        weight: how much of the judge's difference between all and labelled is taken off.
        rho: the correlation of judge and people on what has labels.
        judged: how many the judge judged.
        effective: how many labels alone would give as sharp an estimate; None where there is no interval.
        saving: the share of labels that the judge saves, rho^2 (1 - n / judged).
        most: the share it would save with no end of judged cases, rho^2.
    """

    estimate: Interval
    people: Interval
    judge: Interval
    weight: float
    rho: Estimate
    judged: int
    effective: float | None
    saving: float | None
    most: float | None


class Judged(NamedTuple):
    """One judged thing.

    Attributes:
        judge: what the judge says of it.
        people: what people say; None where nobody was asked.
        cluster: things of one cluster, such as a prompt, are alike.
        chance: with which it was drawn to be labelled, in (0, 1], but for a factor that all have in common.
    """

    judge: float
    people: float | None
    cluster: Hashable
    chance: float = 1.0


def prediction_powered_mean(things: Sequence[Judged], confidence: float = 0.95, weight: float | None = None) -> Powered:
    """people's mean - weight (the judge's mean on the labelled - the judge's mean on all), in clusters.

    The weight is that of the least variance: control variates (Accelerating Unbiased LLM Evaluation via Synthetic
    Feedback, 2025), which for a mean is PPI++ (Angelopoulos, Duchi and Zrnic 2023, example 6.1) in other letters: its
    lambda is the weight times the share without labels. The variance is that of sums over clusters as in
    `clustered_mean`; Student's t has a degree of freedom less for the weight. It is valid where chance alone, known as
    `Judged.chance`, decided what was labelled.

    Args:
        things: one or more have labels.
        weight: instead of the best one.

    Raises:
        ValueError: none has a label.
    """
    told = [thing for thing in things if thing.people is not None]
    if not told:
        raise ValueError("nothing has a label")
    judge = np.array([thing.judge for thing in things])
    people = np.array([0.0 if thing.people is None else thing.people for thing in things])
    drawn = np.array([0.0 if thing.people is None else 1.0 / thing.chance for thing in things])
    drawn /= drawn.sum()
    by_people, by_judge, by_judge_on_told = float(drawn @ people), float(judge.mean()), float(drawn @ judge)
    clusters = [thing.cluster for thing in things]
    own = _sums(drawn * (people - by_people), clusters)
    shared = _sums(drawn * (judge - by_judge_on_told) - (judge - by_judge) / len(things), clusters)
    fitted = int(weight is None)
    if weight is None:
        squares = float(shared @ shared)
        weight = float(own @ shared) / squares if squares > 1e-18 else 0.0
    value = by_people - weight * (by_judge_on_told - by_judge)
    groups = len({thing.cluster for thing in told})
    estimate = _interval(value, own - weight * shared, len(told), groups, fitted, confidence)
    alone = _interval(by_people, own, len(told), groups, 0, confidence)
    rho = _correlation(told, drawn[drawn > 0], confidence)
    return Powered(
        estimate, alone, clustered_mean(judge.tolist(), clusters, confidence), weight, rho, len(things),
        _effective(estimate, alone), *_savings(rho.value, len(told), len(things)),
    )  # fmt: skip


def _interval(value: float, sums: Numbers, n: int, groups: int, fitted: int, confidence: float) -> Interval:
    if groups < LEAST_LABELS:
        return Interval(value, None, None, None, n, groups)
    freedom = groups - 1 - fitted
    error = math.sqrt(float(sums @ sums) * groups / freedom)
    reach = t_critical(freedom, confidence) * error
    return Interval(value, value - reach, value + reach, error, n, groups)


def _effective(estimate: Interval, alone: Interval) -> float | None:
    if estimate.standard_error is None or alone.standard_error is None or estimate.standard_error == 0.0:
        return None
    return estimate.n * (alone.standard_error / estimate.standard_error) ** 2


def _savings(rho: float | None, labelled: int, judged: int) -> tuple[float | None, float | None]:
    return (None, None) if rho is None else (rho * rho * (1.0 - labelled / judged), rho * rho)


def _sums(values: Numbers, clusters: Sequence[Hashable]) -> Numbers:
    names, places = numbered(clusters)
    return np.bincount(places, weights=values, minlength=names).astype(np.float64)


def _correlation(told: Sequence[Judged], drawn: Numbers, confidence: float) -> Estimate:
    """With a bootstrap over clusters."""
    x = np.array([thing.judge for thing in told]) - 0.5
    y = np.array([thing.people or 0.0 for thing in told]) - 0.5
    clusters = [thing.cluster for thing in told]
    rows = np.column_stack([_sums(drawn * part, clusters) for part in (np.ones_like(x), x, y, x * x, y * y, x * y)])
    value = float(_pearson(rows.sum(axis=0, keepdims=True))[0])
    if not math.isfinite(value):
        return unknown(len(told), "the judge, or people, say the same of all that has labels")
    bounds = percentile_interval(rows, _pearson, confidence) if len(rows) >= LEAST_LABELS else None
    if bounds is None:
        return Estimate(value, None, None, len(told), f"an interval takes {LEAST_LABELS} labelled prompts or more")
    return Estimate(value, *bounds, len(told))


def _pearson(sums: Numbers) -> Numbers:
    mass, x, y, xx, yy, xy = sums.T
    over = np.sqrt(np.maximum(0.0, (xx * mass - x * x) * (yy * mass - y * y)))
    known = over > 1e-12 * mass * mass
    return np.where(known, (xy * mass - x * y) / np.where(known, over, 1.0), np.nan)
