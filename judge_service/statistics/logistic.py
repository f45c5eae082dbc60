"""Logistic regression on outcomes in [0, 1], and how far its coefficients and predictions may lie from the truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from judge_service.statistics.intervals import Interval, numbered
from judge_service.statistics.students import t_critical

FloatArray = npt.NDArray[np.float64]
_Loss = Callable[[FloatArray], float]

_STEPS: Final = 100
_HALVINGS: Final = 40
_CLOSE: Final = 1e-10
_FARTHEST: Final = 30.0
"""Logits beyond which rounding hides that coefficients would grow without end."""
_SLACK: Final = 1e-12
"""Of the loss: what rounding may add to it in a step that is none."""
_NO_VARIANCE: Final = 1e-12
"""Of the largest eigenvalue: a direction below it is one that nothing is known of."""


class Logistic(NamedTuple):
    """A fitted regression.

    Attributes:
        coefficients: in logits per unit of each column, shape (k,).
        converged: False where no finite coefficients are best: some columns tell the outcomes apart without error and
            nothing holds them, or the steps ran out.
        influences: what each row moves the coefficients by, shape (n, k); their sums over clusters, squared, are the
            sandwich.
    """

    coefficients: FloatArray
    converged: bool
    influences: FloatArray


def sigmoid(logits: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x)), without overflow."""
    small = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1.0, small) / (1.0 + small), dtype=np.float64)


def fit_logistic(
    rows: FloatArray,
    outcomes: FloatArray,
    weights: FloatArray | None = None,
    offset: FloatArray | None = None,
    ridge: FloatArray | float = 0.0,
) -> Logistic:
    """The coefficients b at the least of sum_i w_i (log(1 + exp(z_i)) - y_i z_i) + sum_j ridge_j b_j^2 / 2, z = x b.

    A quasi-likelihood for outcomes that are shares (Papke and Wooldridge 1996, Journal of Applied Econometrics 11): all
    it takes is that the mean of y given x is sigmoid(x b). By Newton's method, with steps halved until the loss falls.
    A column of zeros, or one that others add up to, gets the coefficients of least length.

    Args:
        rows: x, shape (n, k), with a column of ones where there is to be an intercept.
        outcomes: y in [0, 1], shape (n,).
        weights: w, not negative, shape (n,); ones if None.
        offset: added to z, shape (n,).
        ridge: for each column or for all, not negative; scikit-learn's C is its inverse.
    """
    n, k = rows.shape
    weight = np.ones(n) if weights is None else weights
    base = np.zeros(n) if offset is None else offset
    hold = np.broadcast_to(np.asarray(ridge, dtype=np.float64), (k,))

    def loss(b: FloatArray) -> float:
        z = base + rows @ b
        return float(weight @ (np.logaddexp(0.0, z) - outcomes * z) + hold @ (b * b) / 2.0)

    found, least, converged = np.zeros(k), loss(np.zeros(k)), False
    for _ in range(_STEPS):
        chance = sigmoid(base + rows @ found)
        gradient = rows.T @ (weight * (outcomes - chance)) - hold * found
        step = _curvature_inverse(rows, weight * chance * (1.0 - chance), hold) @ gradient
        moved, reached = _descended(loss, found, step, least)
        converged = bool(np.abs(step).max(initial=0.0) <= _CLOSE * (1.0 + np.abs(found).max(initial=0.0)))
        if moved is None or converged:
            break
        found, least = moved, reached
    converged = converged and bool(np.abs(rows @ found).max(initial=0.0) <= _FARTHEST)
    chance = sigmoid(base + rows @ found)
    inverse = _curvature_inverse(rows, weight * chance * (1.0 - chance), hold)
    influences = (rows * (weight * (outcomes - chance))[:, None]) @ inverse
    return Logistic(found, converged, np.asarray(influences, dtype=np.float64))


def _descended(loss: _Loss, found: FloatArray, step: FloatArray, least: float) -> tuple[FloatArray | None, float]:
    """A step, halved until the loss does not rise; None where none is short enough."""
    share = 1.0
    for _ in range(_HALVINGS):
        moved = found + share * step
        reached = loss(moved)
        if reached <= least + _SLACK * (1.0 + abs(least)):
            return moved, reached
        share /= 2.0
    return None, least


def _curvature_inverse(rows: FloatArray, weights: FloatArray, hold: FloatArray) -> FloatArray:
    """The inverse of x' w x + ridge, and 0 in directions that it says nothing of, whatever the columns' units."""
    curvature = (rows * weights[:, None]).T @ rows + np.diag(hold)
    units = np.sqrt(np.diag(curvature))
    scale = np.divide(1.0, units, out=np.zeros_like(units), where=units > 0.0)
    values, vectors = np.linalg.eigh(curvature * scale[:, None] * scale[None, :])
    told = values > _NO_VARIANCE * values.max(initial=0.0)
    inverse = (vectors[:, told] / values[told]) @ vectors[:, told].T
    return np.asarray(inverse * scale[:, None] * scale[None, :], dtype=np.float64)


def sandwich(fit: Logistic, clusters: Sequence[Hashable]) -> FloatArray | None:
    """The covariance of the coefficients, whatever the outcomes' spread, when those of a cluster hang together.

    H^-1 (sum of s_g s_g') H^-1 G / (G - 1), with s_g the score of cluster g of G (Liang and Zeger 1986, Biometrika 73;
    Cameron and Miller 2015, JHR 50).

    Args:
        clusters: the cluster of each row.

    Returns:
        Shape (k, k); None of one cluster or none.
    """
    groups, places = numbered(clusters)
    if groups < 2:
        return None
    sums = _summed(fit.influences, places, groups)
    return np.asarray(sums.T @ sums * (groups / (groups - 1)), dtype=np.float64)


def predicted_mean(fit: Logistic, rows: FloatArray, clusters: Sequence[Hashable], confidence: float = 0.95) -> Interval:
    """The mean of what is predicted at other rows, with what the fit and the drawing of the rows may be wrong by.

    By the delta method on the influence of each cluster: that of its own predictions on their mean, and that which it
    has through the coefficients (Stefanski and Boos 2002, The American Statistician 56: both as one M-estimator). The
    interval is symmetric in logits, with Student's t over the clusters, so that it stays within [0, 1].

    Args:
        rows: where to predict for each row of the fit, in its order, shape (n, k).
        clusters: the cluster of each row.
        confidence: in (0, 1).
    """
    chance = sigmoid(rows @ fit.coefficients)
    mean = float(chance.mean())
    groups, places = numbered(clusters)
    if groups < 2:
        return Interval(mean, None, None, None, len(rows), groups)
    slope = rows.T @ (chance * (1.0 - chance)) / len(rows)
    moved = (chance - mean) / len(rows) + fit.influences @ slope
    sums = np.bincount(places, weights=moved, minlength=groups)
    error = math.sqrt(float(sums @ sums) * groups / (groups - 1))
    low, high = _between(mean, error, t_critical(groups - 1, confidence))
    return Interval(mean, low, high, error, len(rows), groups)


def _between(share: float, error: float, reach: float) -> tuple[float, float]:
    spread = share * (1.0 - share)
    if spread <= 0.0:
        return share, share
    logit, far = math.log(share / (1.0 - share)), reach * error / spread
    low, high = sigmoid(np.asarray([logit - far, logit + far]))
    return float(low), float(high)


def _summed(rows: FloatArray, places: Sequence[int], groups: int) -> FloatArray:
    sums = np.zeros((groups, rows.shape[1]))
    np.add.at(sums, np.asarray(places), rows)
    return sums
