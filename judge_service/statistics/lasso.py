"""Logistic regression held by absolute values as scikit-learn's liblinear fits it, to the digits that its choices show.

Where two strengths foretell almost equally well, what liblinear leaves undone when it stops decides between them. So to
come to the same number as a program that fits with it is to stop where it stops: the steps are those of Yuan, Ho and
Lin (2012, "An improved GLMNET for L1-regularized logistic regression", JMLR 13, with the constants of section 6 and
LIBLINEAR 2.x), and coordinates are taken in the order that scikit-learn's generator draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from judge_service.statistics.logistic import sigmoid

FloatArray = npt.NDArray[np.float64]

COSTS: Final = tuple(float(cost) for cost in np.logspace(-4.0, 4.0, 10))
"""What `LogisticRegressionCV` tries: the inverse of how strongly coefficients are held."""

_TOLERANCE: Final = 1e-4
_STEPS: Final = 100
_ROUNDS: Final = 1000
_HALVINGS: Final = 20
_DAMPING: Final = 1e-12
_FALL: Final = 0.01
_LONGEST: Final = 10.0
_SHORTEST: Final = 1e-12
_CLOSER: Final = 0.25
_SEEDS: Final = 2**31 - 1
_WORDS: Final = 2**32
_LEAST_CHANCE: Final = 1e-15


class Problem(NamedTuple):
    """What is to be fitted.

    Attributes:
        rows: x, shape (n, k), with no intercept but a column that is one.
        outcomes: y in [0, 1], shape (n,): a share of each row counts as won and the rest as lost.
        weights: not negative, shape (n,).
    """

    rows: FloatArray
    outcomes: FloatArray
    weights: FloatArray

    def part(self, rows: npt.NDArray[np.bool_]) -> Problem:
        """Some of the rows."""
        return Problem(self.rows[rows], self.outcomes[rows], self.weights[rows])


class _Order:
    """Which coordinate comes next: a generator's draws, by multiplication (Lemire 2019, ACM TOMACS 29)."""

    def __init__(self, seed: int) -> None:
        self._words = _words(seed)

    def shuffle(self, places: list[int], first: int) -> None:
        """The first so many of the places in another order."""
        for j in range(first):
            i = j + (next(self._words) * (first - j) >> 32)
            places[i], places[j] = places[j], places[i]


def _words(seed: int) -> Iterator[int]:
    drawn = np.random.RandomState(seed)
    while True:
        yield from drawn.randint(0, _WORDS, size=256, dtype=np.uint32).tolist()


def fit_lasso(problem: Problem, cost: float, seed: int = 0) -> FloatArray:
    """The b near the least of cost sum_i w_i (log(1 + exp(z_i)) - y_i z_i) + sum_j |b_j|, z = x b.

    Near it: to where the sum of the violations of optimality has fallen to 1e-4 times the smaller class's share of what
    it was.

    Args:
        cost: above 0; scikit-learn's C.
        seed: of the order of coordinates.
    """
    rows = problem.rows
    won, lost = cost * problem.weights * problem.outcomes, cost * problem.weights * (1.0 - problem.outcomes)
    counted = int((won > 0.0).sum()), int((lost > 0.0).sum())
    enough = _TOLERANCE * max(min(counted), 1) / max(sum(counted), 1)
    order, places, found = _Order(seed), list(range(rows.shape[1])), [0.0] * rows.shape[1]
    begun, widest, closeness = -1.0, float("inf"), 1.0
    for _ in range(_STEPS):
        z = rows @ np.asarray(found)
        chance = sigmoid(z)
        gradient = (rows.T @ ((won + lost) * chance - won)).tolist()
        curvature = ((rows * ((won + lost) * chance * (1.0 - chance))[:, None]).T @ rows).tolist()
        active, farthest, total = _violations(gradient, found, places, widest / sum(counted))
        begun = total if begun < 0.0 else begun
        if total <= enough * begun:
            break
        aim, rounds = _quadratic(
            gradient, curvature, found, places, active, order, (closeness * begun, 1.0 / sum(counted))
        )
        found = _shortened(rows, won, lost, gradient, found, aim)
        closeness *= _CLOSER if rounds == 1 else 1.0
        widest = farthest
    return np.asarray(found, dtype=np.float64)


def _violation(slope: float, at: float, shrunk: float) -> float | None:
    """How far a coordinate is from its best; None where it rests at 0 so safely that it may be left out."""
    if at != 0.0:
        return abs(slope + 1.0 if at > 0.0 else slope - 1.0)
    if slope + 1.0 < 0.0 or slope - 1.0 > 0.0:
        return abs(slope) - 1.0
    return None if slope + 1.0 > shrunk and slope - 1.0 < -shrunk else 0.0


def _violations(
    gradient: Sequence[float], found: Sequence[float], places: list[int], shrunk: float
) -> tuple[int, float, float]:
    """How many coordinates are left in, the farthest violation and the sum of all."""
    active, farthest, total, s = len(places), 0.0, 0.0, 0
    while s < active:
        j = places[s]
        told = _violation(gradient[j], found[j], shrunk)
        if told is None:
            active -= 1
            places[s], places[active] = places[active], places[s]
            continue
        farthest, total, s = max(farthest, told), total + told, s + 1
    return active, farthest, total


def _quadratic(
    gradient: Sequence[float],
    curvature: Sequence[Sequence[float]],
    found: Sequence[float],
    places: list[int],
    active: int,
    order: _Order,
    limits: tuple[float, float],
) -> tuple[list[float], int]:
    """Where the quadratic around what is found has its least, coordinate by coordinate, and after how many rounds."""
    enough, per_row = limits
    aim, inside, widest = list(found), active, float("inf")
    for rounds in range(1, _ROUNDS + 1):
        order.shuffle(places, inside)
        farthest, total, s = 0.0, 0.0, 0
        while s < inside:
            j = places[s]
            slope = gradient[j] + (aim[j] - found[j]) * _DAMPING
            slope += sum(h * (a - b) for h, a, b in zip(curvature[j], aim, found, strict=True))
            told = _violation(slope, aim[j], widest * per_row)
            if told is None:
                inside -= 1
                places[s], places[inside] = places[inside], places[s]
                continue
            farthest, total, s = max(farthest, told), total + told, s + 1
            aim[j] += _coordinate_step(slope, curvature[j][j] + _DAMPING, aim[j])
        if total > enough:
            widest = farthest
        elif inside == active:
            return aim, rounds
        else:
            inside, widest = active, float("inf")
    return aim, _ROUNDS


def _coordinate_step(slope: float, bend: float, at: float) -> float:
    if slope + 1.0 < bend * at:
        step = -(slope + 1.0) / bend
    elif slope - 1.0 > bend * at:
        step = -(slope - 1.0) / bend
    else:
        step = -at
    return 0.0 if abs(step) < _SHORTEST else min(max(step, -_LONGEST), _LONGEST)


def _shortened(
    rows: FloatArray,
    won: FloatArray,
    lost: FloatArray,
    gradient: Sequence[float],
    found: Sequence[float],
    aim: Sequence[float],
) -> list[float]:
    """The way to the aim, halved until the loss falls by a share of what was promised."""
    here, there = np.asarray(found), np.asarray(aim)
    z, size = rows @ here, float(np.abs(here).sum())
    promised = float(np.asarray(gradient) @ (there - here)) + float(np.abs(there).sum()) - size
    for _ in range(_HALVINGS):
        far = rows @ (there - here)
        change = (won + lost) @ (np.logaddexp(0.0, z + far) - np.logaddexp(0.0, z)) - won @ far
        if float(change) + float(np.abs(there).sum()) - size <= _FALL * promised:
            return [float(b) for b in there]
        there, promised = (here + there) / 2.0, promised / 2.0
    return list(found)


class CrossValidated(NamedTuple):
    """A fit whose strength was chosen by how well others foretell what they have not seen.

    Attributes:
        coefficients: shape (k,).
        cost: scikit-learn's C.
        misread: whether some fit had no row that was won at all. liblinear takes the one class it sees for the one that
            wins and turns every sign, and so do we, to choose as it chooses: the result is then not to be trusted.
    """

    coefficients: FloatArray
    cost: float
    misread: bool


def cross_validated_lasso(problem: Problem, splits: int, seed: int, costs: Sequence[float] = COSTS) -> CrossValidated:
    """The fit at the cost whose fits to all rows but a share best foretell that share.

    As `LogisticRegressionCV` of scikit-learn 1.9 does over `GroupKFold` of rows that each are a group of their own: the
    last row falls in the first share, the one before it in the second, and so on; what counts is the sum over shares of
    the mean weighted log loss, and of costs that do equally well the first is taken.

    Args:
        splits: shares, at most n.
        seed: its `random_state`.
    """
    drawn = np.random.RandomState(seed)
    seeds = [int(drawn.randint(_SEEDS)) for _ in costs]
    share_of = np.arange(len(problem.rows))[::-1] % splits
    losses, misread = np.zeros(len(costs)), False
    for share in range(splits):
        seen, unseen = problem.part(share_of != share), problem.part(share_of == share)
        misread = misread or _is_misread(seen)
        losses += [_log_loss(_as_liblinear(seen, cost, one), unseen) for cost, one in zip(costs, seeds, strict=True)]
    best = costs[int(np.argmin(losses))]
    return CrossValidated(_as_liblinear(problem, best, seeds[0]), best, misread or _is_misread(problem))


def _is_misread(problem: Problem) -> bool:
    return not bool((problem.weights * problem.outcomes > 0.0).any())


def _as_liblinear(problem: Problem, cost: float, seed: int) -> FloatArray:
    fitted = fit_lasso(problem, cost, seed)
    return -fitted if _is_misread(problem) else fitted


def _log_loss(coefficients: FloatArray, problem: Problem) -> float:
    z = problem.rows @ coefficients
    chance = np.clip(sigmoid(z), _LEAST_CHANCE, 1.0 - _LEAST_CHANCE)
    told = problem.outcomes * np.log(chance) + (1.0 - problem.outcomes) * np.log(1.0 - chance)
    return float(-(problem.weights * told).mean())
