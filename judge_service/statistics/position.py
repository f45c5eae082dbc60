"""A judge's position bias over many pairs, and when one order of a pair is enough.

An audited pair was shown in both orders. Its leans are logits towards whatever was shown first: z_1 with *one* first,
z_2 with *other* first. Half their sum is the bias on that pair, half their difference what the judge thinks of *one*.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from judge_service.statistics.binomial import clopper_pearson

FloatArray = npt.NDArray[np.float64]

FLIPS: Final = 0.05
CONFIDENCE: Final = 0.9
LEAST_AUDITS: Final = 500
DRIFT: Final = 0.5
_FIRST_LOOK: Final = 0.2
_LOOKS: Final = 33
_LEAST_WINDOW: Final = 20
_SIGMAS: Final = 3.0
_POWER: Final = 1.2816
_NEAR_THE_TOP: Final = 0.9


class Audit(NamedTuple):
    """One pair in both orders.

    Attributes:
        one: the lean to the first-shown with *one* first, a clipped logit.
        other: the same with *other* first.
        one_first: whether *one* first is the order that would be asked if only one were.
    """

    one: float
    other: float
    one_first: bool

    @property
    def bias(self) -> float:
        """The lean to the first-shown on this pair, in logits."""
        return (self.one + self.other) / 2


class Bias(NamedTuple):
    """What audits say of a judge, in logits.

    Attributes:
        mean: the lean to the first-shown.
        spread: its standard deviation over pairs.
        signal: the standard deviation over pairs of what is left when the bias is removed.
        saturated: the share of single answers that are within a tenth of the strongest: 0.003 in normal answers, and
            much more where a judge cannot say how sure it is.
    """

    mean: float
    spread: float
    signal: float
    saturated: float


def bias_of(audits: Sequence[Audit]) -> Bias:
    """The bias over two audits or more."""
    both = _leans(audits)
    biases, margins = both.mean(axis=1), (both[:, 0] - both[:, 1]) / 2
    strength = np.abs(both)
    saturated = float((strength >= _NEAR_THE_TOP * strength.max()).mean()) if strength.any() else 0.0
    return Bias(float(biases.mean()), float(biases.std(ddof=1)), float(margins.std(ddof=1)), saturated)


def one_order_band(audits: Sequence[Audit], biases: Sequence[float], flips: float = FLIPS) -> float | None:
    """How far from even a corrected single answer has to be for the second order not to be asked, as a logit.

    The larger of two: the margin at which a normal bias changes the winner with probability `flips` (1.645 standard
    deviations at 0.05); and the least margin beyond which the share of audited pairs whose single order names another
    winner than both has an upper bound of `flips`. The bound is Clopper's and Pearson's at 90 %, and margins are tried
    from the largest down, at fixed shares of the audits, until the first that fails (fixed-sequence testing), so that
    it holds for the margin that is chosen, whatever the bias is like.

    Args:
        audits: pairs that are like those to be judged.
        biases: what is taken off each audit's single answer.
        flips: in (0, 0.5).

    Returns:
        The band; None where fewer than 500 audits, or too many flips, leave none.
    """
    if len(audits) < LEAST_AUDITS:
        return None
    both = _leans(audits)
    drawn = np.asarray([audit.one_first for audit in audits])
    single = np.where(drawn, both[:, 0], -both[:, 1]) - np.where(drawn, 1.0, -1.0) * np.asarray(biases)
    spread = float((both.mean(axis=1) - np.asarray(biases)).std(ddof=1))
    flipped = (single > 0) != (both[:, 0] - both[:, 1] > 0)
    margins = np.abs(single)
    surest_first = np.argsort(-margins, kind="stable")
    flipped = np.cumsum(flipped[surest_first])
    band = None
    for share in np.linspace(_FIRST_LOOK, 1.0, _LOOKS):
        kept = round(share * len(audits))
        if clopper_pearson(int(flipped[kept - 1]), kept, CONFIDENCE)[1] > flips:
            break
        band = float(margins[surest_first[kept - 1]])
    return None if band is None else max(band, NormalDist().inv_cdf(1.0 - flips) * spread)


def drift_window(spread: float) -> int:
    """How many audits show a drift of half a logit at three standard errors nine times in ten (46 at a spread of 0.79).

    n = ((3 + 1.28) s / 0.5)^2, the sample size of a one-sample z test.
    """
    return max(_LEAST_WINDOW, math.ceil(((_SIGMAS + _POWER) * spread / DRIFT) ** 2))


def drift_of(recent: Sequence[float], bias: float, spread: float) -> float | None:
    """How far the bias has moved from the estimate, in logits, where that is no chance; else None.

    Args:
        recent: biases of the newest audits, the newest last; the last `drift_window` of them are looked at.
    """
    window = drift_window(spread)
    if len(recent) < window:
        return None
    moved = math.fsum(recent[-window:]) / window - bias
    # Three standard errors of a window of that length, as a share of the drift that it is made to show.
    return moved if abs(moved) > DRIFT * _SIGMAS / (_SIGMAS + _POWER) else None


def _leans(audits: Sequence[Audit]) -> FloatArray:
    return np.asarray([(audit.one, audit.other) for audit in audits], dtype=np.float64)
