"""Many comparisons become one scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from judge_service.statistics.orders import components
from judge_service.statistics.strengths import Prior, fitted, paired

FloatArray = npt.NDArray[np.float64]

PRIOR_VARIANCE: Final = 9.0
HUBER: Final = 1.345
_NORMAL: Final = 1.4826
_LEAST_SCALE: Final = 0.1
_ABSOLUTE_STEPS: Final = 50
_HUBER_STEPS: Final = 500
_CLIPPED_STEPS: Final = 50
_CLOSE: Final = 1e-11


def least_squares(
    n: int,
    pairs: Sequence[tuple[int, int]],
    logits: Sequence[float],
    prior: Sequence[float] | None = None,
    bias: tuple[float, float] | None = None,
    limit: float | None = None,
) -> tuple[FloatArray, float]:
    """Strengths and position bias from logits of single answers.

    Minimises sum (z_k - (s_first - s_second) - b)^2 + |s - m|^2 / v + (b - b_0)^2 / v_0: the Gaussian form of
    Bradley-Terry on logits ("PoE", arXiv 2405.05894), with an intercept b for the lean to the first-shown and a weak
    prior of variance v = 9 that keeps an unconnected design solvable.

    Args:
        pairs: (first-shown, second-shown) of each answer.
        logits: of the first-shown being better.
        prior: m, a strength for each thing known beforehand, in logits; v is then 1. Zeros if None.
        bias: b_0 and v_0, where the lean is known from other answers; 0 and 9 if None.
        limit: logits were clipped there: one of that size says only that it is as large or larger, and counts for
            nothing where the fit is (the squared hinge; Tobin 1958 for the likelihood's form of it). None: none was.

    Returns:
        Zero-mean strengths, shape (n,), and the bias, both in logits.
    """
    system = _system(n, pairs, prior, bias)
    answers: FloatArray = np.asarray(logits, dtype=np.float64)
    found = _weighted(system, answers, np.ones(len(answers)))
    clipped = np.zeros(len(answers), dtype=bool) if limit is None else np.abs(answers) >= limit
    return _split(_unclipped(system, answers, clipped, found) if clipped.any() else found)


class RobustFit(NamedTuple):
    """A fit by Huber's loss.

    Attributes:
        strengths: zero-mean, in logits, shape (n,).
        bias: the lean to the first-shown, in logits.
        scale: the spread of the residuals but for outliers, in logits: their standard deviation, and up to twice that
            where there are hardly more answers than unknowns; None where there are not even so many.
    """

    strengths: FloatArray
    bias: float
    scale: float | None


def huber(
    n: int,
    pairs: Sequence[tuple[int, int]],
    logits: Sequence[float],
    prior: Sequence[float] | None = None,
    bias: tuple[float, float] | None = None,
    threshold: float = HUBER,
) -> RobustFit:
    """As `least_squares`, but beyond `threshold` scales a residual counts by its size and no longer by its square.

    Huber (1964, "Robust estimation of a location parameter"), by iteratively reweighted least squares; 1.345 keeps 95 %
    of the efficiency under normal errors. The scale is 1.4826 times the median of the absolute residuals (MAD) of a fit
    by least absolute deviations, those left out that such a fit makes zero anyway, and at least 0.1 logit, so that
    exact answers remain all alike. Where the pairs leave nothing to compare, it is plain least squares.
    """
    system = _system(n, pairs, prior, bias)
    answers: FloatArray = np.asarray(logits, dtype=np.float64)
    start = _weighted(system, answers, np.ones(len(answers)))
    absolute = _reweighted(system, answers, start, _LEAST_SCALE, _ABSOLUTE_STEPS)
    sizes: FloatArray = np.abs(answers - system.design @ absolute)
    left = np.sort(sizes)[n - len(components(n, pairs)) + 1 :]
    if not len(left):
        strengths, lean = _split(start)
        return RobustFit(strengths, lean, None)
    scale = max(_LEAST_SCALE, _NORMAL * float(left[(len(left) - 1) // 2]))
    strengths, lean = _split(_reweighted(system, answers, start, threshold * scale, _HUBER_STEPS))
    return RobustFit(strengths, lean, scale)


class _System(NamedTuple):
    """Normal equations but for the answers: design, penalty matrix, and what the prior adds to the right-hand side."""

    design: FloatArray
    penalty: FloatArray
    pull: FloatArray


def _system(
    n: int, pairs: Sequence[tuple[int, int]], prior: Sequence[float] | None, bias: tuple[float, float] | None
) -> _System:
    design = np.zeros((len(pairs), n + 1))
    for k, (first, second) in enumerate(pairs):
        design[k, first], design[k, second], design[k, n] = 1.0, -1.0, 1.0
    mean, precision = prior_of(n, prior)
    lean, variance = bias or (0.0, PRIOR_VARIANCE)
    weights = np.append(np.full(n, precision), 1.0 / variance)
    return _System(design, np.diag(weights), np.append(mean, lean) * weights)


def _weighted(system: _System, answers: FloatArray, weights: FloatArray) -> FloatArray:
    design, penalty, pull = system
    by_weight = (design * weights[:, None]).T
    solved = np.linalg.solve(by_weight @ design + penalty, by_weight @ answers + pull)
    return np.asarray(solved, dtype=np.float64)


def _unclipped(system: _System, answers: FloatArray, clipped: npt.NDArray[np.bool_], start: FloatArray) -> FloatArray:
    """The fit in which clipped answers that the fit goes beyond have no weight, by active sets."""
    found, beyond = start, np.zeros(len(answers), dtype=bool)
    for _ in range(_CLIPPED_STEPS):
        further = clipped & ((system.design @ found - answers) * np.sign(answers) > 0.0)
        if (further == beyond).all():
            break
        beyond = further
        found = _weighted(system, answers, np.where(beyond, 0.0, 1.0))
    return found


def _reweighted(system: _System, answers: FloatArray, start: FloatArray, bound: float, steps: int) -> FloatArray:
    """The minimum of Huber's loss with that bound, in logits."""
    found = start
    for _ in range(steps):
        size: FloatArray = np.abs(answers - system.design @ found)
        fresh = _weighted(system, answers, np.asarray(bound / np.maximum(size, bound), dtype=np.float64))
        moved = float(np.abs(fresh - found).max())
        found = fresh
        if moved < _CLOSE:
            break
    return found


def _split(solved: FloatArray) -> tuple[FloatArray, float]:
    return solved[:-1] - solved[:-1].mean(), float(solved[-1])


def prior_of(n: int, prior: Sequence[float] | None) -> tuple[FloatArray, float]:
    """Mean and precision of the prior: vague around zero, or one logit wide around what is known."""
    if prior is None:
        return np.zeros(n), 1.0 / PRIOR_VARIANCE
    return np.asarray(prior, dtype=np.float64), 1.0


def bradley_terry(
    n: int, pairs: Sequence[tuple[int, int]], wins: Sequence[float], prior: Sequence[float] | None = None
) -> FloatArray:
    """Strengths from votes: the maximum a posteriori of Bradley-Terry (1952) under s ~ N(m, v), by Newton's method.

    A step is at most one logit long: where votes contradict the prior, full steps would swing to and fro.

    Args:
        pairs: (one, other) of each vote.
        wins: what *one* won, in [0, 1]; a tie is half a win.
        prior: m, with v = 1; or None for m = 0 and v = 9.

    Returns:
        Zero-mean strengths in logits, shape (n,).
    """
    mean, precision = prior_of(n, prior)
    return fitted(paired(n, pairs, wins), Prior(mean, precision, 0.0)).strengths


def beat_probabilities(strengths: FloatArray) -> FloatArray:
    """The mean probability of beating another member, in (0, 1), shape (n,), from strengths in logits."""
    n = len(strengths)
    gaps = strengths[:, None] - strengths[None, :]
    wins = 1.0 / (1.0 + np.exp(-np.clip(gaps, -30.0, 30.0)))
    share: FloatArray = (wins.sum(axis=1) - 0.5) / (n - 1)
    return share
