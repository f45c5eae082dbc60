"""Strengths of many things that were compared in pairs, with ties and with whatever else speaks for one of the two."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from judge_service.statistics.intervals import numbered

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

_STEPS: Final = 200
_LONGEST_STEP: Final = 1.0
_CLOSE: Final = 1e-10
NO_TIES: Final = 1e-12


class Paired(NamedTuple):
    """Comparisons of n things.

    Attributes:
        one, other: which two, shape (k,).
        outcomes: weights on *one*, on *other* and on a tie, shape (k, 3); a row may stand for many comparisons.
        beside: what else the two differ in, *one* less *other*, shape (k, p).
    """

    n: int
    one: IntArray
    other: IntArray
    outcomes: FloatArray
    beside: FloatArray

    @property
    def has_ties(self) -> bool:
        """Whether any weight is on a tie."""
        return float(self.outcomes[:, 2].sum()) > NO_TIES


class Prior(NamedTuple):
    """Normal priors: of the strengths, shape (n,), with one precision for all, and of log nu with its own."""

    mean: FloatArray
    precision: float
    ties: float


class Fit(NamedTuple):
    """Where the likelihood, or with a prior the posterior, is highest.

    Attributes:
        strengths: zero-mean, in logits, shape (n,).
        slopes: logits to each unit of what stands beside, shape (p,).
        nu: the readiness to call a tie: equals tie with probability nu / (2 + nu); 0 without a tie.
        information: the negative second derivatives by strengths, slopes and, where there are ties, log nu.
    """

    strengths: FloatArray
    slopes: FloatArray
    nu: float
    information: FloatArray

    @property
    def unknowns(self) -> FloatArray:
        """All of them in one row, log nu last where there are ties."""
        return np.concatenate([self.strengths, self.slopes, [math.log(self.nu)] if self.nu > 0.0 else []])


def paired(
    n: int,
    pairs: Sequence[tuple[int, int]] | IntArray,
    outcomes: npt.ArrayLike,
    beside: FloatArray | None = None,
) -> Paired:
    """Comparisons as arrays; `outcomes` is what *one* won, in [0, 1], or weights on one, other and tie."""
    places = np.asarray(pairs, dtype=np.intp).reshape(-1, 2)
    told: FloatArray = np.asarray(outcomes, dtype=np.float64)
    if told.ndim == 1:
        told = np.stack([told, 1.0 - told, np.zeros(len(told))], axis=1)
    return Paired(n, places[:, 0], places[:, 1], told, np.zeros((len(places), 0)) if beside is None else beside)


def fitted(told: Paired, prior: Prior | None = None, start: FloatArray | None = None) -> Fit:
    """Davidson's extension of Bradley-Terry to ties, by Newton's method.

    Davidson (1970, JASA 65): win, loss and tie are as exp(d/2), exp(-d/2) and nu, with d the difference of strengths
    and, as in a regression, of what stands beside times its slope. Without a tie it is Bradley-Terry (1952). A step is
    at most one logit long: where votes contradict a prior, full steps would swing to and fro.

    Args:
        prior: None for the maximum likelihood, where there is one (`statistics.joined`): else the strengths that come
            back are large and mean nothing.
        start: unknowns of a fit that is near to it.
    """
    p, has_ties = told.beside.shape[1], told.has_ties
    mean, penalty = _penalty(told.n, p, has_ties, prior)
    found = mean if start is None else start
    for _ in range(_STEPS):
        gradient, information = _derivatives(told, found, has_ties)
        information += penalty
        step = np.linalg.solve(information, gradient + penalty @ (mean - found))
        length = float(np.abs(step).max())
        found = np.asarray(found + step / max(1.0, length / _LONGEST_STEP), dtype=np.float64)
        if length < _CLOSE:
            break
    strengths = found[: told.n] - found[: told.n].mean()
    nu = math.exp(float(found[-1])) if has_ties else 0.0
    return Fit(strengths, found[told.n : told.n + p], nu, information)


def _penalty(n: int, p: int, has_ties: bool, prior: Prior | None) -> tuple[FloatArray, FloatArray]:
    """The prior's mean and precision matrix; without one, what holds the strengths at a mean of zero."""
    mean = np.zeros(n + p + has_ties)
    penalty = np.zeros((len(mean), len(mean)))
    if prior is None:
        penalty[:n, :n] = 1.0 / n
        return mean, penalty
    mean[:n] = prior.mean
    penalty[range(n), range(n)] = prior.precision
    if has_ties:
        penalty[-1, -1] = prior.ties
    return mean, penalty


def _derivatives(told: Paired, at: FloatArray, has_ties: bool) -> tuple[FloatArray, FloatArray]:
    """Gradient and negative Hessian of the log-likelihood, by strengths, slopes and log nu."""
    n, one, other, _, beside = told
    by_gap, by_tie, gap_gap, gap_tie, tie_tie = _terms(told, at, has_ties)
    first = beside.shape[1] + n
    gradient, hessian = np.empty(len(at)), np.zeros((len(at), len(at)))
    gradient[:n] = _between(one, other, by_gap, n)
    gradient[n:first] = beside.T @ by_gap
    met = np.bincount(one * n + other, weights=gap_gap, minlength=n * n).reshape(n, n)
    met += met.T
    hessian[:n, :n] = np.diag(met.sum(axis=1)) - met
    hessian[n:first, n:first] = (beside.T * gap_gap) @ beside
    for place, column in enumerate(beside.T, n):
        hessian[:n, place] = hessian[place, :n] = _between(one, other, gap_gap * column, n)
    if has_ties:
        gradient[-1] = by_tie.sum()
        hessian[:n, -1] = hessian[-1, :n] = _between(one, other, gap_tie, n)
        hessian[n:first, -1] = hessian[-1, n:first] = beside.T @ gap_tie
        hessian[-1, -1] = tie_tie.sum()
    return gradient, hessian


def _between(one: IntArray, other: IntArray, values: FloatArray, n: int) -> FloatArray:
    return np.asarray(np.bincount(one, values, n) - np.bincount(other, values, n), dtype=np.float64)


class _Terms(NamedTuple):
    """By comparison: the first derivatives by the gap d and by log nu, and the negative second ones."""

    by_gap: FloatArray
    by_tie: FloatArray
    gap_gap: FloatArray
    gap_tie: FloatArray
    tie_tie: FloatArray


def _terms(told: Paired, at: FloatArray, has_ties: bool) -> _Terms:
    n, one, other, outcomes, beside = told
    half = (at[one] - at[other] + beside @ at[n : n + beside.shape[1]]) / 2.0
    ties = at[-1] if has_ties else -math.inf
    top = np.maximum(np.abs(half), ties)
    won, lost, tied = np.exp(half - top), np.exp(-half - top), np.exp(ties - top)
    whole = won + lost + tied
    lead, tied = (won - lost) / whole, tied / whole
    total = outcomes.sum(axis=1)
    return _Terms(
        (outcomes[:, 0] - outcomes[:, 1] - total * lead) / 2.0,
        outcomes[:, 2] - total * tied,
        total * (1.0 - tied - lead * lead) / 4.0,
        -total * tied * lead / 2.0,
        total * tied * (1.0 - tied),
    )


def covariance(told: Paired, fit: Fit, clusters: Sequence[Hashable]) -> FloatArray | None:
    """The covariance of the unknowns where comparisons are alike within clusters; None with one cluster.

    The sandwich of the likelihood's derivatives summed within G clusters, times G / (G - 1) (Liang and Zeger 1986,
    Biometrika 73): it holds for soft outcomes too, whose likelihood is none. Strengths have mean zero in it.
    """
    g, listed = numbered(clusters)
    places, m = np.asarray(listed, dtype=np.intp), len(fit.information)
    if g < 2:
        return None
    terms = _terms(told, fit.unknowns, fit.nu > 0.0)
    sums = np.bincount(places * m + told.one, terms.by_gap, g * m) - np.bincount(
        places * m + told.other, terms.by_gap, g * m
    )
    scores = sums.reshape(g, m)
    for place, column in enumerate(told.beside.T, told.n):
        scores[:, place] = np.bincount(places, terms.by_gap * column, g)
    if fit.nu > 0.0:
        scores[:, -1] = np.bincount(places, terms.by_tie, g)
    bread = np.linalg.inv(fit.information)
    meat = scores.T @ scores * (g / (g - 1))
    return np.asarray(bread @ meat @ bread, dtype=np.float64)
