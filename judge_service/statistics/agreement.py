"""How far rankings agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def mid_ranks(scores: Sequence[float]) -> list[float]:
    """Ranks from 1 (the highest score) to n; equal scores share the mean of the ranks they cover."""
    ranks = [0.0] * len(scores)
    best_first = sorted(range(len(scores)), key=lambda i: -scores[i])
    start = 0
    while start < len(best_first):
        end = start
        while end + 1 < len(best_first) and scores[best_first[end + 1]] == scores[best_first[start]]:
            end += 1
        for i in best_first[start : end + 1]:
            ranks[i] = (start + end) / 2 + 1
        start = end + 1
    return ranks


def kendall_w(ranks: Sequence[Sequence[float]]) -> float | None:
    """Kendall's coefficient of concordance W, corrected for ties.

    W = 12 S / (m^2 (n^3 - n) - m sum_j T_j), with S the squared deviations of the n rank sums from their mean and
    T_j = sum (t^3 - t) over the groups of t tied ranks in ranking j (Kendall & Gibbons, Rank Correlation Methods,
    1990, ch. 6; Siegel & Castellan 1988, 9.2). m random rankings have an expected W of 1/m.

    Args:
        ranks: m rankings, each the (mid-)ranks of the same n things.

    Returns:
        W in [0, 1]; None for fewer than two rankings, fewer than two things, or when every ranking ties everything.
    """
    table: FloatArray = np.asarray(ranks, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < 2 or table.shape[1] < 2:
        return None
    m, n = table.shape
    sums = table.sum(axis=0)
    squares = float(((sums - sums.mean()) ** 2).sum())
    ties = sum(_tie_correction(row) for row in table)
    full = m * m * (n**3 - n) - m * ties
    return None if full <= 0 else min(1.0, max(0.0, 12.0 * squares / full))


def _tie_correction(ranks: FloatArray) -> float:
    _, counts = np.unique(ranks, return_counts=True)
    return float((counts.astype(np.float64) ** 3 - counts).sum())
