"""Which of the things that were compared have a finite strength on one scale."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from judge_service.statistics.strengths import FloatArray, Paired

Flags = npt.NDArray[np.bool_]


class Joined(NamedTuple):
    """The things in four sorts, each flags of shape (n,).

    Attributes:
        within: the largest group in which each has, by some chain of comparisons, won against each other.
        above: such chains lead from them into the group, and none back: no strength is high enough for them.
        below: such chains lead from the group to them, and none back.
        apart: no chain joins them with the group.
    """

    within: Flags
    above: Flags
    below: Flags
    apart: Flags


def joined(told: Paired) -> Joined:
    """Where Bradley-Terry has its maximum: Ford (1957, American Mathematical Monthly 64), a tie won by both."""
    scores = points(told)
    reached = _reached(scores > 0.0)
    mutual = reached & reached.T
    met = scores + scores.T
    weights = (mutual * met).sum(axis=1)
    # The last key counts most: the largest group, then the one with more comparisons.
    first = int(np.lexsort((weights, mutual.sum(axis=1)))[-1])
    within: Flags = mutual[first]
    above: Flags = reached[:, first] & ~within
    below: Flags = reached[first] & ~within
    return Joined(within, above, below, ~(within | above | below))


def points(told: Paired) -> FloatArray:
    """What each won against each, a tie counting half, shape (n, n)."""
    won = _met(told, told.outcomes[:, 0] + told.outcomes[:, 2] / 2.0)
    lost = _met(told, told.outcomes[:, 1] + told.outcomes[:, 2] / 2.0)
    return won + lost.T


def has_tie_parameter(told: Paired) -> bool:
    """Whether ties tell of a readiness to call them: not where wins, ties left out, go round in no circle.

    There the likelihood rises for ever as gaps and nu grow together, with all wins at least as wide apart as all ties.
    """
    if not told.has_ties:
        return False
    wins = _met(told, told.outcomes[:, 0]) + _met(told, told.outcomes[:, 1]).T > 0.0
    if (wins & wins.T).any():
        return True
    beyond = _reached(wins) & ~np.eye(told.n, dtype=bool)
    return bool((beyond & beyond.T).any())


def ties_halved(told: Paired) -> Paired:
    """The same with each tie as half a win for both."""
    halves = told.outcomes[:, 2:] / 2.0
    return told._replace(outcomes=np.hstack([told.outcomes[:, :2] + halves, np.zeros_like(halves)]))


def among(told: Paired, kept: Flags) -> tuple[Paired, Flags]:
    """The comparisons among some of the things, numbered anew, and which comparisons these are."""
    rows: Flags = kept[told.one] & kept[told.other]
    number = np.cumsum(kept) - 1
    within = Paired(
        int(kept.sum()), number[told.one[rows]], number[told.other[rows]], told.outcomes[rows], told.beside[rows]
    )
    return within, rows


def _met(told: Paired, weights: FloatArray) -> FloatArray:
    met = np.bincount(told.one * told.n + told.other, weights, told.n**2).reshape(told.n, told.n)
    return np.asarray(met, dtype=np.float64)


def _reached(leads: Flags) -> Flags:
    """From whom one comes to whom, in any number of steps or none."""
    reached: Flags = leads | np.eye(len(leads), dtype=bool)
    while True:
        further: Flags = reached.astype(np.float64) @ reached > 0.0
        if (further == reached).all():
            return reached
        reached = further
