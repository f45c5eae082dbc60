"""Many answers become one order: by points, by wins, by the least disagreement, by a walk, and by choices in turn.

A square of shares has in row i and column j the share of the comparisons of i and j that i won, a tie counting half;
NaN where they were never compared. A share and its mirror sum to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

MOST_BY_KEMENY: Final = 12
"""2^n sets of n things are looked at: 12 take a few milliseconds, and 20 would take minutes."""
_STEPS: Final = 10_000
_CLOSE: Final = 1e-12


class Disconnected(ValueError):
    """The comparisons fall into groups between which nothing is known: any order across them would be invented."""


def shares_of(n: int, pairs: Sequence[tuple[int, int]], wins: Sequence[float]) -> FloatArray:
    """The square of shares, shape (n, n), its diagonal NaN.

    Args:
        pairs: (one, other) of each answer.
        wins: what *one* won, in [0, 1].
    """
    won, count = _counts(n, pairs, wins)
    with np.errstate(invalid="ignore"):
        shares: FloatArray = np.where(count > 0, won / count, np.nan)
    return shares


def _counts(n: int, pairs: Sequence[tuple[int, int]], wins: Sequence[float]) -> tuple[FloatArray, FloatArray]:
    won, count = np.zeros((n, n)), np.zeros((n, n))
    for (one, other), share in zip(pairs, wins, strict=True):
        won[one, other] += share
        won[other, one] += 1.0 - share
        count[one, other] += 1.0
        count[other, one] += 1.0
    return won, count


def borda(shares: FloatArray) -> FloatArray:
    """The mean share won, over the opponents met: in [0, 1], shape (n,).

    Borda (1781); on complete data it orders as Bradley-Terry does.

    Raises:
        Disconnected: one thing met no other.
    """
    _check_met(shares)
    points: FloatArray = np.nanmean(shares, axis=1)
    return points


def copeland(shares: FloatArray) -> FloatArray:
    """The share of opponents beaten by majority, an even pair counting half: in [0, 1], shape (n,).

    Copeland (1951). Margins do not count, so it is coarser than Borda's points.

    Raises:
        Disconnected: one thing met no other.
    """
    _check_met(shares)
    beaten = np.where(np.isnan(shares), np.nan, (shares > 0.5) + 0.5 * (shares == 0.5))
    points: FloatArray = np.nanmean(beaten, axis=1)
    return points


def _check_met(shares: FloatArray) -> None:
    met = ~np.isnan(shares)
    np.fill_diagonal(met, False)
    if len(shares) > 1 and not met.any(axis=1).all():
        raise Disconnected("one was compared with no other")


def kemeny(shares: FloatArray) -> tuple[tuple[int, ...], float]:
    """The order that disagrees least with the shares, exactly, by dynamic programming over sets.

    Kemeny (1959). Of several such orders it is the one that comes first in the dictionary of places.

    Args:
        shares: pairs that were never compared count for no order.

    Returns:
        Places, best first, and the sum of what was lost: for each pair the share won by the one placed behind.

    Raises:
        ValueError: more than `MOST_BY_KEMENY` things.
    """
    n = len(shares)
    if n > MOST_BY_KEMENY:
        raise ValueError(f"an exact Kemeny order takes at most {MOST_BY_KEMENY} things; got {n}")
    lost = np.nan_to_num(shares, nan=0.0)
    # best[set]: the least that is lost within the set when its members stand last, and who of them stands first.
    best: list[tuple[float, int]] = [(0.0, -1)] * (1 << n)
    for members in range(1, 1 << n):
        within = [place for place in range(n) if members >> place & 1]
        options = ((best[members ^ (1 << p)][0] + float(sum(lost[q, p] for q in within if q != p)), p) for p in within)
        best[members] = min(options, key=_cost_then_place)
    order: list[int] = []
    members = (1 << n) - 1
    while members:
        order.append(best[members][1])
        members ^= 1 << order[-1]
    return tuple(order), best[-1][0]


def _cost_then_place(option: tuple[float, int]) -> tuple[float, int]:
    # Rounded, so that sums of the same shares in another sequence are the same.
    return round(option[0], 9), option[1]


def rank_centrality(n: int, pairs: Sequence[tuple[int, int]], wins: Sequence[float]) -> FloatArray:
    """Strengths in logits, zero-mean, shape (n,): the logarithm of a random walk's stay.

    The walk goes from i to j with the share of their comparisons that j won (Negahban, Oh and Shah 2012, "Iterative
    ranking from pair-wise comparisons", eq. 1); where answers follow Bradley-Terry it stays with i in proportion to
    exp(s_i).

    Raises:
        Disconnected: the walk cannot come from everywhere to everywhere.
    """
    if n == 1:
        return np.zeros(1)
    won, count = _counts(n, pairs, wins)
    with np.errstate(invalid="ignore"):
        goes = np.where(count > 0, won.T / count, 0.0)
    if not is_connected(goes > 0.0):
        raise Disconnected("some never lost to any of the others, directly or by way of third ones")
    walk = goes / max(1.0, float((count > 0).sum(axis=1).max()))
    np.fill_diagonal(walk, 1.0 - walk.sum(axis=1))
    # The stationary distribution solves p = p W, and sums to 1.
    system = np.vstack([walk.T - np.eye(n), np.ones(n)])
    stay = np.linalg.lstsq(system, np.append(np.zeros(n), 1.0), rcond=None)[0]
    return _centred(np.log(np.maximum(stay, 1e-300)))


def plackett_luce(n: int, rankings: Sequence[Sequence[int]], prior: float = 0.0) -> FloatArray:
    """Strengths in logits, zero-mean, shape (n,), from rankings: each place is chosen among those that are left.

    Plackett (1975), Luce (1959); maximised by minorisation (Hunter 2004, "MM algorithms for generalized Bradley-Terry
    models", sec. 5).

    Args:
        rankings: places, best first; a ranking may leave some out, and says nothing of those.
        prior: so many wins and losses of each against an imagined opponent of mean strength; with 0 it is the maximum
            of the likelihood, and infinite where one is always first.

    Raises:
        Disconnected: with `prior` 0, some never stood behind any of the others.
    """
    beats = np.zeros((n, n), dtype=bool)
    for ranking in rankings:
        for ahead, one in enumerate(ranking):
            beats[one, list(ranking[ahead + 1 :])] = True
    if prior <= 0.0 and n > 1 and not is_connected(beats):
        raise Disconnected("some never stood behind any of the others, directly or by way of third ones")
    chosen = np.full(n, prior)
    for ranking in rankings:
        chosen[list(ranking[:-1])] += 1.0
    worth = np.ones(n)
    for _ in range(_STEPS):
        at_stake = 2.0 * prior / (worth + 1.0)
        for ranking in rankings:
            left = np.cumsum(worth[list(ranking)][::-1])[::-1]
            at_stake[list(ranking)] += np.cumsum(np.append(1.0 / left[:-1], 0.0))
        fresh = chosen / at_stake
        if prior <= 0.0:
            fresh /= np.exp(np.mean(np.log(fresh)))
        done = float(np.abs(np.log(fresh) - np.log(worth)).max()) < _CLOSE
        worth = fresh
        if done:
            break
    return _centred(np.log(worth))


def _centred(strengths: FloatArray) -> FloatArray:
    centred: FloatArray = strengths - strengths.mean()
    return centred


def is_connected(leads: npt.NDArray[np.bool_]) -> bool:
    """Whether one can come from each to each other along `leads`, shape (n, n)."""
    n = len(leads)
    return all(len(_reached(matrix)) == n for matrix in (leads, leads.T))


def _reached(leads: npt.NDArray[np.bool_]) -> set[int]:
    seen, waiting = {0}, [0]
    while waiting:
        for place in np.flatnonzero(leads[waiting.pop()]):
            if int(place) not in seen:
                seen.add(int(place))
                waiting.append(int(place))
    return seen
