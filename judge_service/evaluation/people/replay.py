"""Routing replayed on cases that all have labels: how good labels become, by how many of them people give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from judge_service.domain.digests import draw
from judge_service.domain.frozen import frozen
from judge_service.evaluation.people.routing import LEAST_LABELS, Method, Routable, error_model, scores_of
from judge_service.statistics.contrasts import clustered_estimate, clustered_rate
from judge_service.statistics.estimates import Estimate, unknown

SHARES: Final = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Budgets that are told of, as shares of the cases."""
PILOT: Final = 0.1
"""The share of the cases that are labelled by chance for hybrid to learn from: they count to its budget."""
_CURVE: Final = 20


@frozen
class Step:
    """Labels where people gave `budget` of them and the judge the others.

    Attributes:
        accuracy: of the mix, people being right by definition.
        gain: over routing by chance at the same budget, which is worth what it is on average.
        found: the share of the judge's errors that people saw; None where it makes none.
        predicted: the accuracy that the model of the judge's errors expected; None for other methods than hybrid.
    """

    budget: int
    accuracy: Estimate
    gain: Estimate
    found: float | None
    predicted: float | None


@frozen
class Replay:
    """One method's steps.

    Attributes:
        curve: points of (share of the cases labelled by people, accuracy of the mix).
        why: it was not replayed; empty where it was.
    """

    method: Method
    steps: tuple[Step, ...]
    curve: tuple[tuple[float, float], ...]
    why: str = ""


def replayed(
    cases: Sequence[Routable], method: Method, budgets: Sequence[int], seed: int = 0, confidence: float = 0.95
) -> Replay:
    """What a method would have given, by budget.

    For hybrid a tenth of the cases, and at least 40, are drawn by chance as its pilot, labelled first and counted;
    it learns from these alone. Intervals are over prompts, with the order taken as it is.

    Args:
        cases: two or more, all with labels.
        budgets: numbers of cases, ascending.

    Raises:
        InvalidRequest: the method cannot go by what these cases say.
    """
    lots = np.array([float(draw("route", seed, case.case_id)) for case in cases])
    scores, expected, why = _scored(cases, method, lots, seed)
    if why:
        return Replay(method, (), (), why)
    order = np.lexsort((lots, -scores))
    wrong = np.array([case.is_wrong for case in cases], dtype=np.float64)
    steps = tuple(_step(cases, order, wrong, budget, expected, confidence) for budget in budgets)
    right = 1.0 - wrong.mean() + np.concatenate([[0.0], np.cumsum(wrong[order])]) / len(cases)
    places = np.linspace(0, len(cases), _CURVE + 1).round().astype(int)
    return Replay(method, steps, tuple((float(k / len(cases)), float(right[k])) for k in places))


def _scored(
    cases: Sequence[Routable], method: Method, lots: NDArray[np.float64], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None, str]:
    if method == "random":
        return np.zeros(len(cases)), None, ""
    if method != "hybrid":
        return scores_of(cases, method, [], cases, seed), None, ""
    size = max(LEAST_LABELS + 10, round(PILOT * len(cases)))
    pilot = set(np.argsort(lots)[:size].tolist())
    told = [case for k, case in enumerate(cases) if k in pilot]
    errors = sum(case.is_wrong for case in told)
    if len(cases) < 2 * size or not 0 < errors < len(told):
        why = f"a pilot of {size} labels leaves too few cases, or has no error to learn from"
        return np.zeros(0), None, why
    chances = error_model(told)(cases)
    # The pilot comes first, whatever the model says of it.
    return np.array([2.0 if k in pilot else chances[k] for k in range(len(cases))]), chances, ""


def _step(
    cases: Sequence[Routable],
    order: NDArray[np.int64],
    wrong: NDArray[np.float64],
    budget: int,
    expected: NDArray[np.float64] | None,
    confidence: float,
) -> Step:
    asked = np.zeros(len(cases))
    asked[order[:budget]] = 1.0
    prompts = [case.prompt for case in cases]
    accuracy = clustered_rate((1.0 - wrong * (1.0 - asked)).tolist(), prompts, confidence)
    gains = wrong * (asked - budget / len(cases))
    gain = clustered_estimate(gains.tolist(), prompts, confidence) if wrong.any() else unknown(len(cases), "no error")
    found = float((wrong * asked).sum() / wrong.sum()) if wrong.any() else None
    predicted = None if expected is None else float(1.0 - (expected * (1.0 - asked)).mean())
    return Step(budget, accuracy, gain, found, predicted)


def replay_record(found: Replay) -> dict[str, Any]:
    """As plain fields; shares are in [0, 1]."""
    return {
        "method": found.method,
        "why": found.why or None,
        "steps": [
            {
                "budget": step.budget,
                "accuracy": step.accuracy._asdict(),
                "gain_over_random": step.gain._asdict(),
                "errors_found": step.found,
                "predicted_accuracy": step.predicted,
            }
            for step in found.steps
        ],
        "curve": [list(point) for point in found.curve],
    }
