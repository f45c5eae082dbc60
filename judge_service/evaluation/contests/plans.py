"""How many prompts a difference of win rates needs, going by a pilot or by what is assumed without one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import numpy as np

from judge_service.domain.frozen import frozen
from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.statistics.betting import Numbers
from judge_service.statistics.planning import (
    SOFT_CONCENTRATION,
    Sequential,
    design_effect,
    difference_for,
    intraclass,
    prompts_for,
    sequential,
    soft_values,
    votes_for,
)

Verdict = Literal["soft", "discrete"]
POWERS: Final = (0.8, 0.9)
_FIELDS: Final[Mapping[Verdict, Literal["soft", "won"]]] = {"soft": "soft", "discrete": "won"}
_FEWEST: Final = 10
_ALIKE: Final = 1e-9
_STRETCH: Final = 8
"""Times the fixed number after which a simulated run is given up."""
_DRAWS: Final = 1_000_000
"""Prompts to simulate, about, in 50 runs to 400."""


@frozen
class Need:
    """What one kind of verdict needs.

    Attributes:
        deviation: standard deviation of one prompt's value, the mean of its answers.
        correlation: of two answers to one prompt; None where it cannot be told, or each prompt has one.
        design_effect: how many times the variance is that of independent answers; None likewise.
        prompts: by power, the number to fix before.
        until_decided: what stopping as soon as it is decided takes; None with `why_not`.
        detectable: of the pilot's prompts, the smallest difference that they find with a power of 0.8.
        assumed: what was taken for granted; "" with a pilot.
    """

    verdict: Verdict
    deviation: float
    correlation: float | None
    design_effect: float | None
    prompts: Mapping[float, int]
    until_decided: Sequential | None
    why_not: str
    detectable: float | None
    assumed: str


@frozen
class Plan:
    """How many prompts it takes.

    Attributes:
        difference: to be found: of a win rate from 1/2, or of two models' win rates over one baseline, a share.
        is_paired: whether it is of two models.
        pilot: prompts of the pilot; 0 without one.
        correlation: of the two models' values of one prompt, where it is of two.
        needs: soft verdicts first.
        alike: verdicts that are the same for all prompts of the pilot, which says nothing of them.
    """

    difference: float
    alpha: float
    answers: float
    is_paired: bool
    pilot: int
    correlation: float | None
    needs: tuple[Need, ...]
    alike: tuple[Verdict, ...] = ()


def assumed_plan(difference: float, alpha: float = 0.05, seed: int = 0) -> Plan:
    """Without a pilot: hard votes have the largest variance there is, soft ones that of a beta distribution.

    Args:
        difference: of the win rate from 1/2, in (0, 1/2).
    """
    soft = math.sqrt(0.25 / (SOFT_CONCENTRATION + 1.0))
    soft_needs = {power: prompts_for(difference, soft, power, alpha) for power in POWERS}
    needs = (
        Need(
            "soft", soft, None, None, soft_needs, *_decided(difference, soft_values(seed), soft_needs, alpha, seed),
            None, f"one answer a prompt, and a standard deviation of {soft:.2f} as of a judge that is fairly sure",
        ),
        _hard(difference, alpha, seed),
    )  # fmt: skip
    return Plan(difference, alpha, 1.0, False, 0, None, needs)


def _hard(difference: float, alpha: float, seed: int) -> Need:
    prompts = {power: votes_for(difference, power, alpha) for power in POWERS}
    told = _decided(difference, None, prompts, alpha, seed)
    assumed = "one answer a prompt and no ties: a variance of 1/4, the largest there is"
    return Need("discrete", 0.5, None, None, prompts, *told, None, assumed)


def plan_from(
    pilot: Sequence[Comparison],
    difference: float,
    other: Sequence[Comparison] = (),
    alpha: float = 0.05,
    seed: int = 0,
) -> Plan:
    """By a pilot, which says how far prompts and answers differ.

    Args:
        pilot: comparisons, the model's answer first; those without a verdict tell nothing.
        other: of another model with the same baseline, where the difference is of the two.

    Raises:
        ValueError: it has fewer than 10 prompts, or all of them are alike.
    """
    sides = [_by_prompt(comparisons) for comparisons in ((pilot, other) if other else (pilot,))]
    common = sorted(set.intersection(*(set(side) for side in sides)))
    if len(common) < _FEWEST:
        raise ValueError(f"a pilot has {_FEWEST} prompts with a verdict or more; this one has {len(common)}")
    answers = sum(len(side[prompt]) for side in sides for prompt in common) / len(sides) / len(common)
    found = {verdict: _need(verdict, sides, common, difference, alpha, seed) for verdict in _FIELDS}
    needs = tuple(need for need in found.values() if need is not None)
    if not needs:
        raise ValueError("all prompts of the pilot have the same verdict: it does not say how they differ")
    correlation = None
    if other:
        one, two = (_means(side, common, "soft") for side in sides)
        correlation = float(np.corrcoef(one, two)[0, 1]) if one.std() > 0.0 < two.std() else None
    return Plan(
        difference,
        alpha,
        answers,
        bool(other),
        len(common),
        correlation,
        needs,
        tuple(v for v in found if found[v] is None),
    )


Side = Mapping[str, Sequence[Comparison]]


def _need(
    verdict: Verdict, sides: Sequence[Side], common: Sequence[str], difference: float, alpha: float, seed: int
) -> Need | None:
    means = [_means(side, common, verdict) for side in sides]
    values = means[0] if len(means) == 1 else means[0] - means[1]
    deviation = float(values.std(ddof=1))
    if deviation < _ALIKE:
        return None
    prompts = {power: prompts_for(difference, deviation, power, alpha) for power in POWERS}
    # Differences lie in [-1, 1]; betting is on values in [0, 1].
    scaled, half = (values, difference) if len(means) == 1 else ((values + 1.0) / 2.0, difference / 2.0)
    correlation = _correlation(sides[0], common, verdict) if len(sides) == 1 else None
    mean_answers = sum(len(sides[0][prompt]) for prompt in common) / len(common)
    return Need(
        verdict, deviation, correlation,
        None if correlation is None else design_effect(mean_answers, correlation),
        prompts, *_decided(half, scaled, prompts, alpha, seed),
        difference_for(len(common), deviation, POWERS[0], alpha), "",
    )  # fmt: skip


def _decided(
    difference: float, values: Numbers | None, prompts: Mapping[float, int], alpha: float, seed: int
) -> tuple[Sequential | None, str]:
    if values is not None and not values.min() < 0.5 + difference < values.max():
        return None, "no prompt of the pilot is so far on one side that their mean could come there"
    most = prompts[POWERS[-1]]
    runs = min(400, max(50, _DRAWS // most))
    return sequential(difference, values, _STRETCH * most, alpha, seed, runs), ""


def _by_prompt(comparisons: Iterable[Comparison]) -> dict[str, list[Comparison]]:
    sides: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        if comparison.is_judged:
            sides.setdefault(comparison.prompt, []).append(comparison)
    return sides


def _values(side: Side, prompt: str, verdict: Verdict) -> list[float]:
    return sorted(float(getattr(comparison, _FIELDS[verdict])) for comparison in side[prompt])


def _means(side: Side, prompts: Sequence[str], verdict: Verdict) -> Numbers:
    return np.array([math.fsum(_values(side, prompt, verdict)) / len(side[prompt]) for prompt in prompts])


def _correlation(side: Side, prompts: Sequence[str], verdict: Verdict) -> float | None:
    told = [(value, place) for place, prompt in enumerate(prompts) for value in _values(side, prompt, verdict)]
    values, places = np.array([value for value, _ in told]), np.array([place for _, place in told])
    return intraclass(values, places)
