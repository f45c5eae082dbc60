"""Choices within groups become one strength to each option, and what being shown first adds is taken off.

By Luce's choice axiom (Luce 1959, "Individual Choice Behavior", sec. 1.C) the odds of two options are the same in every
group that holds both: in group g, log p(i | g) = s_i + c_g. A judge adds to a place: with b for the first and d for an
even slope along the list, log p(i | g) = s_i + b [i first] + d t(i) + c_g, where t runs from 1 at the head of the list
to -1 at its end. That is linear, and is fitted by least squares on the log-probabilities; each group's constant goes by
taking the group's mean off (Frisch and Waugh 1933).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

LOGIT_LIMIT: Final = 6.0
_REMEMBERED: Final = 16


class Fitted(NamedTuple):
    """Strengths in logits, zero-mean, and the lean to the first-shown.

    Attributes:
        lean: the logit that the first-shown gains over the mean of the other places; None where none was fitted.
    """

    strengths: tuple[float, ...]
    lean: float | None


def clipped_logs(weights: Sequence[float]) -> list[float]:
    """Logarithms of weights less that of the largest, none so low that the largest is surer than a logit of 6.

    One saturated answer must not outweigh all others: with all n - 1 others at the bound the logit of the largest
    against them together is 6, as it is for two.
    """
    bound = -(LOGIT_LIMIT + math.log(max(1, len(weights) - 1)))
    most = max(weights)
    return [max(bound, math.log(weight / most)) if weight > 0.0 else bound for weight in weights]


def fitted(n: int, shown: tuple[tuple[int, ...], ...], logs: Sequence[Sequence[float]], places: str) -> Fitted:
    """Fits the model above.

    Args:
        n: how many options there are.
        shown: for each group its options, in the order shown; groups that link all options.
        logs: for each group, in the same order, log-probabilities up to a constant.
        places: what is fitted of the places: "none", "even" (the slope alone) or "first" (slope and first).
    """
    solver, sizes = _solver(n, shown, places)
    told = np.concatenate([np.asarray(group, dtype=np.float64) - (math.fsum(group) / len(group)) for group in logs])
    found = solver @ told
    strengths = found[:n] - found[:n].mean()
    if places == "none":
        return Fitted(tuple(strengths.tolist()), None)
    # Along a list of m the slope's first place stands m / (m - 1) above the mean of the others.
    spread = float(np.mean([m / (m - 1) for m in sizes]))
    first = float(found[n + 1]) if places == "first" else 0.0
    return Fitted(tuple(strengths.tolist()), float(found[n]) * spread + first)


@lru_cache(maxsize=_REMEMBERED)
def _solver(n: int, shown: tuple[tuple[int, ...], ...], places: str) -> tuple[FloatArray, tuple[int, ...]]:
    """The pseudo-inverse of the design, which depends on how many there are and how they are shown alone."""
    blocks = []
    for group in shown:
        size = len(group)
        block = np.zeros((size, n + 2))
        block[np.arange(size), group] = 1.0
        block[:, n] = 1.0 - 2.0 * np.arange(size) / (size - 1)
        block[0, n + 1] = 1.0
        blocks.append(block - block.mean(axis=0))
    width = n + {"none": 0, "even": 1, "first": 2}[places]
    design = np.concatenate(blocks)[:, :width]
    # By the normal equations: the design is well conditioned, and many times fewer rows are inverted.
    return np.linalg.pinv(design.T @ design, hermitian=True) @ design.T, tuple(map(len, shown))


def softmax(logits: Sequence[float]) -> tuple[float, ...]:
    """exp(z) over the sum of all, without overflow; it sums to 1."""
    most = max(logits)
    weights = [math.exp(z - most) for z in logits]
    total = math.fsum(weights)
    return tuple([weight / total for weight in weights])
