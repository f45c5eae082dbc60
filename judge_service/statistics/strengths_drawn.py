"""Strengths as they would be with other prompts: a bootstrap that draws whole clusters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from judge_service.statistics.joined import Joined, has_tie_parameter, joined, ties_halved
from judge_service.statistics.strengths import Fit, FloatArray, IntArray, Paired, Prior, fitted

_WEAK: Final = 1e-6
"""Precision of the prior in draws without a maximum: it decides nothing that is told."""


def counts_drawn(clusters: int, draws: int, seed: int) -> Iterator[IntArray]:
    """How often each cluster stands in each draw, shape (clusters,): as many as there are, with replacement."""
    source = np.random.Generator(np.random.PCG64(seed))
    even = np.full(clusters, 1.0 / clusters)
    for _ in range(draws):
        yield source.multinomial(clusters, even)


def strengths_drawn(told: Paired, fit: Fit, clusters: Sequence[str], draws: int, seed: int) -> FloatArray:
    """Strengths in each draw, shape (draws, n).

    Clusters are numbered by their names, so that the order of the comparisons draws nothing else. A draw in which a
    thing won or lost everything has it at plus or minus infinity, and one that never meets the rest is not a number, as
    all are that cannot be told from what stands beside; what is finite has the mean that it has in `fit`.
    """
    names = {name: place for place, name in enumerate(sorted(set(clusters)))}
    places = np.asarray([names[cluster] for cluster in clusters], dtype=np.intp)
    sample = _Cells(told, places) if told.beside.shape[1] == 0 else _Rows(told, places)
    found = np.empty((draws, told.n))
    for place, counts in enumerate(counts_drawn(len(names), draws, seed)):
        found[place] = _one(sample.drawn(counts), fit)
    return found


class _Cells:
    """Comparisons added up by who met whom: few enough to fit thousands of draws."""

    def __init__(self, told: Paired, places: IntArray) -> None:
        turned = told.one > told.other
        low, high = np.minimum(told.one, told.other), np.maximum(told.one, told.other)
        met, cells = np.unique(low * told.n + high, return_inverse=True)
        row, outcome = np.nonzero(told.outcomes)
        side = np.where(turned[row] & (outcome < 2), 1 - outcome, outcome)
        self._weights = told.outcomes[row, outcome]
        self._cells, self._clusters = cells[row] * 3 + side, places[row]
        self._n, self._one, self._other = told.n, met // told.n, met % told.n

    def drawn(self, counts: IntArray) -> Paired:
        weights = self._weights * counts[self._clusters]
        told = np.asarray(np.bincount(self._cells, weights, 3 * len(self._one)).reshape(-1, 3), dtype=np.float64)
        return Paired(self._n, self._one, self._other, told, np.zeros((len(told), 0)))


class _Rows:
    """Comparisons one by one: what stands beside differs from one to the next."""

    def __init__(self, told: Paired, places: IntArray) -> None:
        self._told, self._clusters = told, places

    def drawn(self, counts: IntArray) -> Paired:
        often = counts[self._clusters]
        n, one, other, outcomes, beside = self._told
        here = often > 0
        return Paired(n, one[here], other[here], outcomes[here] * often[here, None], beside[here])


def _one(drawn: Paired, fit: Fit) -> FloatArray:
    sorts = joined(drawn)
    if not has_tie_parameter(drawn):
        drawn = ties_halved(drawn)
    start = fit.unknowns if drawn.has_ties == (fit.nu > 0.0) else None
    try:
        if sorts.within.all():
            return fitted(drawn, None, start).strengths
        return _unbounded(fitted(drawn, Prior(fit.strengths, _WEAK, _WEAK), start).strengths, sorts, fit.strengths)
    except np.linalg.LinAlgError:
        # What stands beside cannot be told from the things themselves by these prompts.
        return np.full(drawn.n, np.nan)


def _unbounded(strengths: FloatArray, sorts: Joined, known: FloatArray) -> FloatArray:
    """What is finite, with its mean of before, and the rest at infinity or unknown."""
    found: FloatArray = strengths - strengths[sorts.within].mean() + known[sorts.within].mean()
    found[sorts.above], found[sorts.below], found[sorts.apart] = np.inf, -np.inf, np.nan
    return found


def quantiles(drawn: FloatArray, confidence: float) -> tuple[FloatArray, FloatArray]:
    """Between which values, by column, a draw lies with that confidence; what is unknown may lie anywhere."""
    unknown, tail = np.isnan(drawn), (1.0 - confidence) / 2.0
    low = np.quantile(np.where(unknown, -np.inf, drawn), tail, axis=0, method="lower")
    high = np.quantile(np.where(unknown, np.inf, drawn), 1.0 - tail, axis=0, method="higher")
    return np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
