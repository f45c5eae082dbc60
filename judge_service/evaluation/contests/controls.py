"""A win rate as it would be between answers that do not differ in something, such as their length or their style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from judge_service.domain.frozen import frozen
from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.statistics.intervals import Interval, clustered_mean
from judge_service.statistics.logistic import Logistic, fit_logistic, predicted_mean, sandwich
from judge_service.statistics.students import t_critical

FloatArray = npt.NDArray[np.float64]

PROMPTS_PER_COEFFICIENT: Final = 10
"""Fewer leave coefficients and their errors biased (Peduzzi et al. 1996, Journal of Clinical Epidemiology 49)."""


@frozen
class Effect:
    """What one difference does to the odds.

    Attributes:
        logits: by how much the first model's log odds rise with one standard difference; `low` and `high` likewise.
    """

    logits: float
    low: float
    high: float


@frozen
class Controlled:
    """A win rate at no difference, beside the raw one of the same comparisons.

    What is taken off is whatever goes along with the difference: a bias of the judge, and also quality that comes with
    it, which the two rates cannot tell apart.

    Attributes:
        raw: the mean of the soft outcomes, a share in [0, 1]; None where nothing can be used.
        rate: at no difference, a share in [0, 1]; None for `reason`.
        effects: of each difference, by name.
        left_out: how many comparisons were not used, by why.
        reason: why there is no rate; "" where there is one.
    """

    raw: Interval | None
    rate: Interval | None
    effects: Mapping[str, Effect]
    left_out: Mapping[str, int]
    reason: str
    confidence: float

    @property
    def taken_off(self) -> float | None:
        """What control takes off the raw rate, in percentage points."""
        return None if self.raw is None or self.rate is None else 100.0 * (self.raw.value - self.rate.value)


NOT_JUDGED: Final = "not judged"
NO_TEXTS: Final = "no texts"


def usable(comparisons: Sequence[Comparison]) -> tuple[list[Comparison], dict[str, int]]:
    """The comparisons with a verdict and texts, and how many of the others there are, by why.

    Raises:
        ValueError: they are not all of the same two models, named in the same order.
    """
    if len(models := {comparison.models for comparison in comparisons}) > 1:
        raise ValueError(f"a controlled win rate is of one pair of models, not of {len(models)}")
    kept, left_out = [], {NOT_JUDGED: 0, NO_TEXTS: 0}
    for comparison in comparisons:
        if comparison.soft is None:
            left_out[NOT_JUDGED] += 1
        elif comparison.texts is None:
            left_out[NO_TEXTS] += 1
        else:
            kept.append(comparison)
    return kept, {why: count for why, count in left_out.items() if count}


def controlled(
    comparisons: Sequence[Comparison],
    differences: FloatArray,
    names: Sequence[str],
    others: FloatArray,
    left_out: Mapping[str, int],
    confidence: float = 0.95,
) -> Controlled:
    """The win rate of the first model at no difference, with an interval clustered by prompt.

    A logistic regression of the soft outcomes on the differences, its mean prediction where they are 0, and the
    sandwich over prompts.

    Args:
        comparisons: all judged.
        differences: of the first answer to the second, shape (n, k), scaled so that one is a standard difference.
        names: of the k differences.
        others: columns that are held as they are, such as how hard a prompt is, shape (n, m).
        left_out: as told of what is not among the comparisons.
    """
    prompts = [comparison.prompt for comparison in comparisons]
    outcomes = np.asarray([comparison.soft for comparison in comparisons], dtype=np.float64)
    raw = raw_rate(comparisons, confidence)
    rows = np.column_stack([np.ones(len(outcomes)), others, differences])
    if raw is None or raw.clusters < PROMPTS_PER_COEFFICIENT * rows.shape[1]:
        return Controlled(raw, None, {}, left_out, _too_few(raw, rows.shape[1], left_out), confidence)
    fit = fit_logistic(rows, outcomes)
    if not fit.converged:
        why = "the differences, or one model alone, account for every outcome, so that no finite effect fits"
        return Controlled(raw, None, {}, left_out, why, confidence)
    level = rows.copy()
    level[:, rows.shape[1] - len(names) :] = 0.0
    rate = predicted_mean(fit, level, prompts, confidence)
    return Controlled(raw, rate, _effects(fit, names, prompts, confidence), left_out, "", confidence)


def raw_rate(comparisons: Sequence[Comparison], confidence: float) -> Interval | None:
    """The mean soft outcome of those that are judged; None where none is."""
    judged = [(one.soft, one.prompt) for one in comparisons if one.soft is not None]
    return clustered_mean([s for s, _ in judged], [p for _, p in judged], confidence) if judged else None


def _too_few(raw: Interval | None, coefficients: int, left_out: Mapping[str, int]) -> str:
    if raw is None:
        return "the answers' texts are not known" if left_out.get(NO_TEXTS) else "nothing was judged"
    least = PROMPTS_PER_COEFFICIENT * coefficients
    return f"{raw.clusters} prompts are too few for {coefficients} coefficients: it takes {least}"


def _effects(fit: Logistic, names: Sequence[str], prompts: Sequence[str], confidence: float) -> dict[str, Effect]:
    covariance = sandwich(fit, prompts)
    if covariance is None:
        return {}
    reach = t_critical(len(set(prompts)) - 1, confidence) * np.sqrt(np.diag(covariance))
    first = len(fit.coefficients) - len(names)
    return {
        name: Effect(float(value), float(value - far), float(value + far))
        for name, value, far in zip(names, fit.coefficients[first:], reach[first:], strict=True)
    }


def percent(rate: Interval | None) -> dict[str, Any]:
    """An interval of shares in percent, for JSON."""
    if rate is None:
        return {"win_rate": None, "standard_error": None, "low": None, "high": None, "n": 0, "prompts": 0}
    told = (None if part is None else 100.0 * part for part in (rate.value, rate.standard_error, rate.low, rate.high))
    numbers = dict(zip(("win_rate", "standard_error", "low", "high"), told, strict=True))
    return {**numbers, "n": rate.n, "prompts": rate.clusters}


def effects_record(effects: Mapping[str, Effect]) -> dict[str, dict[str, float]]:
    """Effects in logits, for JSON."""
    return {name: {"logits": e.logits, "low": e.low, "high": e.high} for name, e in effects.items()}
