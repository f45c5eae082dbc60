"""Many comparisons become one scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

PRIOR_VARIANCE: Final = 9.0
_NEWTON_STEPS: Final = 100
_LONGEST_STEP: Final = 1.0


def least_squares(
    n: int, pairs: Sequence[tuple[int, int]], logits: Sequence[float], prior: Sequence[float] | None = None
) -> tuple[FloatArray, float]:
    """Strengths and position bias from logits of single answers.

    Minimises sum (z_k - (s_first - s_second) - b)^2 + (|s - m|^2 + b^2) / v: the Gaussian form of Bradley-Terry on
    logits ("PoE", arXiv 2405.05894), with an intercept b for the lean to the first-shown and a weak prior of variance
    v = 9 that keeps an unconnected design solvable.

    Args:
        pairs: (first-shown, second-shown) of each answer.
        logits: of the first-shown being better.
        prior: m, a strength for each thing known beforehand, in logits; v is then 1. Zeros if None.

    Returns:
        Zero-mean strengths, shape (n,), and the bias, both in logits.
    """
    rows = len(pairs)
    design = np.zeros((rows, n + 1))
    for k, (first, second) in enumerate(pairs):
        design[k, first], design[k, second], design[k, n] = 1.0, -1.0, 1.0
    answers: FloatArray = np.asarray(logits, dtype=np.float64)
    mean, precision = _prior(n, prior)
    penalty = np.diag(np.append(np.full(n, precision), 1.0 / PRIOR_VARIANCE))
    pulled = design.T @ answers + np.append(mean * precision, 0.0)
    solved: FloatArray = np.linalg.solve(design.T @ design + penalty, pulled)
    return solved[:n] - solved[:n].mean(), float(solved[n])


def _prior(n: int, prior: Sequence[float] | None) -> tuple[FloatArray, float]:
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
    one = np.asarray([p[0] for p in pairs], dtype=np.intp)
    other = np.asarray([p[1] for p in pairs], dtype=np.intp)
    won: FloatArray = np.asarray(wins, dtype=np.float64)
    mean, precision = _prior(n, prior)
    strengths = mean
    for _ in range(_NEWTON_STEPS):
        expected = 1.0 / (1.0 + np.exp(strengths[other] - strengths[one]))
        gradient = (mean - strengths) * precision
        np.add.at(gradient, one, won - expected)
        np.add.at(gradient, other, expected - won)
        weight = expected * (1.0 - expected)
        hessian = np.eye(n) * precision
        for at, sign in (((one, one), 1.0), ((other, other), 1.0), ((one, other), -1.0), ((other, one), -1.0)):
            np.add.at(hessian, at, sign * weight)
        step = np.linalg.solve(hessian, gradient)
        length = float(np.abs(step).max())
        strengths = np.asarray(strengths + step / max(1.0, length / _LONGEST_STEP), dtype=np.float64)
        if length < 1e-10:
            break
    centred: FloatArray = strengths - strengths.mean()
    return centred


def beat_probabilities(strengths: FloatArray) -> FloatArray:
    """The mean probability of beating another member, in (0, 1), shape (n,), from strengths in logits."""
    n = len(strengths)
    gaps = strengths[:, None] - strengths[None, :]
    wins = 1.0 / (1.0 + np.exp(-np.clip(gaps, -30.0, 30.0)))
    share: FloatArray = (wins.sum(axis=1) - 0.5) / (n - 1)
    return share
