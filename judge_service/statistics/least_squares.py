"""Ordinary least squares with intervals that know which rows belong together."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np

from judge_service.statistics.intervals import Interval
from judge_service.statistics.students import t_critical


def least_squares(
    outcomes: Sequence[float],
    columns: Sequence[Sequence[float]],
    clusters: Sequence[Hashable],
    confidence: float = 0.95,
) -> tuple[Interval, ...] | None:
    """The coefficient of each column, without a constant but those among the columns.

    The variance is the sandwich over clusters with the CR1 correction G / (G - 1) x (n - 1) / (n - k), its reach
    Student's t at G - 1 (Cameron and Miller 2015, JHR 50, eq. 11-12).

    Returns:
        None where the columns do not tell their coefficients apart, or there are no more clusters than columns.
    """
    y, x = np.asarray(outcomes, dtype=np.float64), np.column_stack([np.asarray(c, dtype=np.float64) for c in columns])
    rows, width = x.shape
    names: dict[Hashable, int] = {}
    places = np.asarray([names.setdefault(cluster, len(names)) for cluster in clusters], dtype=np.int64)
    if len(names) <= width or np.linalg.matrix_rank(x) < width:
        return None
    bread = np.linalg.inv(x.T @ x)
    beta = bread @ (x.T @ y)
    scores = np.zeros((len(names), width))
    np.add.at(scores, places, x * (y - x @ beta)[:, None])
    factor = len(names) / (len(names) - 1) * (rows - 1) / (rows - width)
    spread = bread @ (scores.T @ scores) @ bread * factor
    reach = t_critical(len(names) - 1, confidence)
    return tuple(
        [
            Interval(float(b), float(b) - reach * error, float(b) + reach * error, error, rows, len(names))
            for b, error in zip(beta, [math.sqrt(max(0.0, float(v))) for v in np.diag(spread)], strict=True)
        ]
    )
