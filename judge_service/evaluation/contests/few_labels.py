"""A win rate as people would have it, from a judge's verdicts on all comparisons and people's on a few (P31)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from judge_service.domain.frozen import frozen
from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.statistics.intervals import Interval
from judge_service.statistics.prediction_powered import LEAST_LABELS, Judged, Powered, prediction_powered_mean


@frozen
class Sided:
    """What people said of one comparison.

    Attributes:
        models: as it was judged: the first and the second.
        side: 1 for the first, 0 for the second, 0.5 for a tie; of several people the mean.
        chance: with which it was drawn to be labelled; 1 where all had the same.
    """

    models: tuple[str, str]
    side: float
    chance: float = 1.0


@frozen
class FewLabels:
    """One model's win rate over its baseline, as people would have it.

    Attributes:
        soft: with the judge's probabilities; None where nothing has both a label and a verdict.
        discrete: with its winners, a tie half.
        unjudged: labels of comparisons without a verdict: they are not used.
        why: there is no estimate, or no interval.
    """

    model: str
    baseline: str
    soft: Powered | None
    discrete: Powered | None
    unjudged: int
    why: str


def few_labels(comparisons: Sequence[Comparison], labels: Mapping[str, Sided], confidence: float = 0.95) -> FewLabels:
    """What people's labels on some comparisons and the judge's verdicts on all come to.

    Args:
        comparisons: of one model against one baseline, the model's answer first; one or more.
        labels: by case id.
    """
    model, baseline = comparisons[0].models
    judged = [one for one in comparisons if one.won is not None and one.soft is not None]
    unjudged = sum(one.case_id in labels for one in comparisons) - sum(one.case_id in labels for one in judged)
    told = [(one, _side(one, labels.get(one.case_id))) for one in judged]
    if all(side is None for _, (side, _) in told):
        return FewLabels(model, baseline, None, None, unjudged, "no comparison has both a label and a verdict")
    soft, discrete = (
        prediction_powered_mean([Judged(value(one), *_placed(one, side)) for one, side in told], confidence)
        for value in (_soft, _won)
    )
    few = soft.estimate.low is None
    why = f"an interval takes labels of {LEAST_LABELS} prompts or more" if few else ""
    return FewLabels(model, baseline, soft, discrete, unjudged, why)


def _side(one: Comparison, label: Sided | None) -> tuple[float | None, float]:
    if label is None:
        return None, 1.0
    return label.side if label.models == one.models else 1.0 - label.side, label.chance


def _placed(one: Comparison, side: tuple[float | None, float]) -> tuple[float | None, str, float]:
    return side[0], one.prompt, side[1]


def _soft(one: Comparison) -> float:
    assert one.soft is not None
    return one.soft


def _won(one: Comparison) -> float:
    assert one.won is not None
    return one.won


def few_labels_record(found: FewLabels) -> dict[str, Any]:
    """As plain fields: rates in percent, the rest shares."""
    return {
        "object": "win_rate.few_labels",
        "model": found.model,
        "baseline": found.baseline,
        "soft": None if found.soft is None else _powered_record(found.soft),
        "discrete": None if found.discrete is None else _powered_record(found.discrete),
        "labels_without_verdict": found.unjudged,
        "why": found.why or None,
    }


def _powered_record(found: Powered) -> dict[str, Any]:
    return {
        **_rate("win_rate", found.estimate),
        **_rate("people_win_rate", found.people),
        **_rate("judge_win_rate", found.judge),
        "judge_interval_covers_people": False,
        "n_labels": found.estimate.n,
        "n_labelled_prompts": found.estimate.clusters,
        "n_judged": found.judged,
        "weight": found.weight,
        "rho": found.rho._asdict(),
        "effective_labels": found.effective,
        "labels_saved": None if found.effective is None else found.effective - found.estimate.n,
        "saving": found.saving,
        "saving_at_most": found.most,
    }


def _rate(name: str, found: Interval) -> dict[str, Any]:
    known = found.low is not None and found.high is not None
    return {
        name: 100.0 * found.value,
        f"{name}_interval": [100.0 * found.low, 100.0 * found.high]
        if found.low is not None and found.high is not None
        else None,
        f"{name}_standard_error": 100.0 * found.standard_error if known and found.standard_error is not None else None,
    }
