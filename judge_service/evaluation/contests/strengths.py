"""Strengths and ranks of models by name, with what is known of their error."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from judge_service.domain.frozen import frozen
from judge_service.errors import InvalidRequest
from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.statistics.davidson import beat_shares
from judge_service.statistics.joined import Joined, among, has_tie_parameter, joined, ties_halved
from judge_service.statistics.strengths import Fit, Paired, covariance, fitted, paired
from judge_service.statistics.strengths_drawn import quantiles, strengths_drawn
from judge_service.statistics.students import t_critical

FloatArray = npt.NDArray[np.float64]

WHY: Final = {
    "above": "above: it lost to none of those with a strength",
    "below": "below: it won against none of those with a strength",
    "alone": "alone: there is no model that it has both won and lost against, by any chain of comparisons",
    "apart": "apart: no chain of wins and losses joins it with those that have a strength",
}
_ALIKE: Final = 1e-9
_SINGULAR: Final = 1e12


class Beside(NamedTuple):
    """How the two answers of each comparison differ besides who wrote them, the first less the second.

    Attributes:
        differences: shape (comparisons, features).
    """

    differences: FloatArray
    names: tuple[str, ...]


class Ranks(NamedTuple):
    """A rank, 1 being best and equals sharing theirs, and where it may lie.

    Attributes:
        low, high: by differences that hold for all models at once (Mogstad et al. 2024, Review of Economic Studies 91).
        drawn: in draws of prompts, for this model alone; None without draws.
    """

    rank: int
    low: int
    high: int
    drawn: tuple[int, int] | None


@frozen
class Found:
    """What a fit tells of the models that have a finite strength, and why the others have none.

    Attributes:
        strengths: by model, zero-mean, in logits.
        covariance: of these, in their order; None with one prompt.
        samples: strengths in draws of prompts, shape (draws, models).
        drawn: quantiles of these; None for an end without a bound.
        expected: the share won on average against each other one.
        slopes: name, logits to a unit, and standard error of what differs besides.
        halved: whether there are ties, and no parameter could be told for them.
        whys: of a model without a strength: above, below, apart or alone, and what that means.
        prompts: that the strengths rest on.
    """

    strengths: Mapping[str, float]
    covariance: FloatArray | None
    samples: FloatArray
    drawn: Mapping[str, tuple[float | None, float | None]]
    expected: Mapping[str, float]
    slopes: Sequence[tuple[str, float, float | None]]
    nu: float | None
    halved: bool
    whys: Mapping[str, str]
    prompts: int

    def standard_error(self, name: str) -> float | None:
        """Of a strength, in logits; None where there is none."""
        if self.covariance is None or name not in self.strengths:
            return None
        place = list(self.strengths).index(name)
        return float(np.sqrt(max(0.0, self.covariance[place, place])))

    def interval(self, name: str, confidence: float) -> tuple[float | None, float | None]:
        """By Student's t over prompts; an end that draws of prompts leave without a bound is None."""
        error = self.standard_error(name)
        if error is None:
            return None, None
        reach = t_critical(self.prompts - 1, confidence) * error
        low, high = self.drawn.get(name, (0.0, 0.0))
        middle = self.strengths[name]
        return None if low is None else middle - reach, None if high is None else middle + reach

    def ranks(self, sure: Iterable[tuple[str, str]], confidence: float) -> dict[str, Ranks]:
        """Ranks by model, those above counted in.

        Args:
            sure: pairs of which the first is surely stronger than the second.
        """
        names, values = list(self.strengths), np.asarray(list(self.strengths.values()))
        first = 1 + sum(why == WHY["above"] for why in self.whys.values())
        better, worse = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
        for stronger, weaker in sure:
            better[weaker] += 1
            worse[stronger] += 1
        drawn = _ranks_drawn(self.samples, confidence) if len(self.samples) else None
        return {
            name: Ranks(
                first + int((values > values[place] + _ALIKE).sum()),
                first + better[name],
                first + len(names) - 1 - worse[name],
                None if drawn is None else (first - 1 + int(drawn[0][place]), first - 1 + int(drawn[1][place])),
            )
            for place, name in enumerate(names)
        }


def _ranks_drawn(samples: FloatArray, confidence: float) -> tuple[FloatArray, FloatArray]:
    """Between which ranks each lies in the draws: the best they leave to it, and the worst."""
    best, worst = np.ones_like(samples), np.full_like(samples, samples.shape[1])
    for place, strengths in enumerate(samples):
        ahead = strengths[:, None] - _ALIKE > strengths[None, :]
        best[place] += ahead.sum(axis=0)
        worst[place] -= ahead.sum(axis=1)
    return quantiles(best, confidence)[0], quantiles(worst, confidence)[1]


def strengths_of(
    comparisons: Sequence[Comparison],
    models: Sequence[str],
    is_soft: bool,
    beside: Beside | None,
    draws: int,
    seed: int,
    confidence: float,
) -> Found:
    """Bradley-Terry with ties (Davidson 1970) over models, with errors by prompts.

    Args:
        comparisons: with verdicts.
        models: all of them, also those that no verdict names.
        is_soft: from probabilities instead of wins, losses and ties.

    Raises:
        InvalidRequest: style cannot be told from who wrote.
    """
    number = {name: place for place, name in enumerate(models)}
    places = [(number[each.models[0]], number[each.models[1]]) for each in comparisons]
    outcomes = [each.soft if is_soft else each.won for each in comparisons]
    every = _paired(len(models), places, outcomes, is_soft, beside)
    sorts = joined(every)
    whys = _whys(sorts, models)
    if sorts.within.sum() < 2:
        return Found({}, None, np.empty((0, 0)), {}, {}, (), None, False, dict.fromkeys(models, WHY["alone"]), 0)
    told, rows = among(every, sorts.within)
    halved = told.has_ties and not has_tie_parameter(told)
    told = ties_halved(told) if halved else told
    fit = _fit(told, beside)
    prompts = [each.prompt for each, is_in in zip(comparisons, rows, strict=True) if is_in]
    spread = covariance(told, fit, prompts)
    samples = strengths_drawn(told, fit, prompts, draws, seed) if spread is not None else np.empty((0, told.n))
    names = [name for name, is_in in zip(models, sorts.within, strict=True) if is_in]
    return Found(
        dict(zip(names, fit.strengths.tolist(), strict=True)),
        spread,
        samples,
        _bounds(names, samples, confidence),
        dict(zip(names, beat_shares(fit.strengths, fit.nu).tolist(), strict=True)),
        _slopes(fit, spread, told.n, beside),
        None if halved or is_soft else fit.nu,
        halved,
        whys,
        len(set(prompts)),
    )


def _paired(
    n: int, places: Sequence[tuple[int, int]], outcomes: Sequence[float | None], is_soft: bool, beside: Beside | None
) -> Paired:
    won = np.asarray(outcomes, dtype=np.float64)
    told = won if is_soft else np.stack([won > 0.5, won < 0.5, won == 0.5], axis=1)
    return paired(n, places, told, None if beside is None else beside.differences)


def _whys(sorts: Joined, models: Sequence[str]) -> dict[str, str]:
    flags = {"above": sorts.above, "below": sorts.below, "apart": sorts.apart}
    return {models[int(place)]: WHY[sort] for sort, chosen in flags.items() for place in np.flatnonzero(chosen)}


def _fit(told: Paired, beside: Beside | None) -> Fit:
    try:
        fit = fitted(told)
        if beside is None or np.linalg.cond(fit.information) < _SINGULAR:
            return fit
    except np.linalg.LinAlgError:
        if beside is None:
            raise
    raise InvalidRequest(
        "style cannot be told from who wrote: the models' answers differ in it each time alike", "style"
    )


def _bounds(
    names: Sequence[str], samples: FloatArray, confidence: float
) -> dict[str, tuple[float | None, float | None]]:
    if not len(samples):
        return {}
    low, high = (
        [value if math.isfinite(value) else None for value in end.tolist()] for end in quantiles(samples, confidence)
    )
    return dict(zip(names, zip(low, high, strict=True), strict=True))


def _slopes(
    fit: Fit, spread: FloatArray | None, n: int, beside: Beside | None
) -> list[tuple[str, float, float | None]]:
    if beside is None:
        return []
    errors = [None if spread is None else float(np.sqrt(spread[n + k, n + k])) for k in range(len(beside.names))]
    return list(zip(beside.names, fit.slopes.tolist(), errors, strict=True))
