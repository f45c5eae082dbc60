"""Comparisons that may end in a tie, as strengths and a readiness to call one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from judge_service.statistics.aggregate import PRIOR_VARIANCE, prior_of
from judge_service.statistics.strengths import Prior, fitted, paired

FloatArray = npt.NDArray[np.float64]


def davidson(
    n: int,
    pairs: Sequence[tuple[int, int]],
    outcomes: Sequence[tuple[float, float, float]],
    prior: Sequence[float] | None = None,
) -> tuple[FloatArray, float]:
    """Strengths and the tie parameter, the maximum a posteriori by Newton's method.

    Davidson (1970, "On extending the Bradley-Terry model to accommodate ties", JASA 65): win, loss and tie are as
    exp(d/2), exp(-d/2) and nu, with d the difference of the strengths. The priors are those of `bradley_terry`, and
    log nu has mean 0 and variance 9. Without a tie nu is 0, and it is Bradley-Terry.

    Args:
        pairs: (one, other) of each answer.
        outcomes: weights on *one*, on *other* and on a tie; they sum to 1.
        prior: as for `bradley_terry`.

    Returns:
        Zero-mean strengths in logits, shape (n,), and nu: equals tie with probability nu / (2 + nu).
    """
    mean, precision = prior_of(n, prior)
    fit = fitted(paired(n, pairs, np.reshape(outcomes, (-1, 3))), Prior(mean, precision, 1.0 / PRIOR_VARIANCE))
    return fit.strengths, fit.nu


def beat_shares(strengths: FloatArray, nu: float) -> FloatArray:
    """The mean share won against another member, a tie counting half: in (0, 1), shape (n,)."""
    n = len(strengths)
    half = np.clip(strengths[:, None] - strengths[None, :], -60.0, 60.0) / 2.0
    won = (np.exp(half) + nu / 2.0) / (np.exp(half) + np.exp(-half) + nu)
    share: FloatArray = (won.sum(axis=1) - 0.5) / (n - 1)
    return share
