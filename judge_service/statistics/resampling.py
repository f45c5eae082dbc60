"""Bootstrap intervals that the same rows always have, in whatever order they come."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
DRAWS: Final = 1000
_DIGITS: Final = 9
_AT_ONCE: Final = 4_000_000
"""So many drawn rows are counted together: memory stays flat."""


def percentile_interval(
    rows: Numbers, statistic: Callable[[Numbers], Numbers], confidence: float = 0.95, draws: int = DRAWS
) -> tuple[float, float] | None:
    """Where a statistic of sums lies when the rows are drawn again with replacement (Efron 1979), by percentiles.

    What is drawn follows from the rows' content alone.

    Args:
        rows: (n, d), what each case adds to d sums.
        statistic: (draws, d) sums -> (draws,) values, NaN where one is not defined: such draws are left out.

    Returns:
        None with fewer than two rows, and where more than half of the draws define nothing.
    """
    if len(rows) < 2:
        return None
    ordered, rng = _by_content(rows)
    at_once = max(1, _AT_ONCE // len(ordered))
    parts = [_sums(ordered, min(at_once, draws - done), rng) for done in range(0, draws, at_once)]
    values = statistic(np.concatenate(parts))
    values = values[np.isfinite(values)]
    if 2 * len(values) < draws:
        return None
    places = (len(values) - 1) * np.array([0.5 - confidence / 2.0, 0.5 + confidence / 2.0])
    low, high = np.interp(places, np.arange(len(values)), np.sort(values))
    return float(low), float(high)


def _by_content(rows: Numbers) -> tuple[Numbers, np.random.Generator]:
    """The rows in an order of their own, and draws that follow from them.

    To nine digits: sums that were added up in another order differ beyond that, and zeros by their sign.
    """
    rounded = np.round(rows / max(1e-300, float(np.abs(rows).max())), _DIGITS) + 0.0
    order = np.lexsort(rounded.T[::-1])
    seed = blake2b(rounded[order].tobytes(), digest_size=8).digest()
    return rows[order], np.random.default_rng(int.from_bytes(seed, "big"))


def _sums(rows: Numbers, draws: int, rng: np.random.Generator) -> Numbers:
    n = len(rows)
    drawn = rng.integers(0, n, size=(draws, n)) + n * np.arange(draws)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=n * draws).reshape(draws, n).astype(np.float64)
    return np.asarray(counts @ rows, dtype=np.float64)
