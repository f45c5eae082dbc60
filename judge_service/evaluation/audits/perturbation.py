"""Where a judge's variance comes from: the same cases asked in other orders, under other labels, in other words.

A case asked in one order says z + p + l + e of the first-shown: what the judge thinks of it, its lean to the place, its
lean to the label, and what changes whenever it is asked. Both orders under both assignments of two labels are a 2 x 2
design in which the three are apart; other wordings are crossed with the cases, and the method of moments gives each its
variance (Searle, Casella and McCulloch 1992, Variance Components, ch. 4). Levels are those that were tried: a factor's
variance is over them, divided by their number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from judge_service.domain.frozen import frozen
from judge_service.evaluation.audits.arms import REPEATS, Answered, Arm, Cells, cells_by_case, label_families
from judge_service.statistics.intervals import Interval, clustered_mean
from judge_service.statistics.shares import exact_share

_ORDERS: Final = 2
_CELLS: Final = 4
_FEWEST: Final = 2


@frozen
class FactorFinding:
    """What one factor adds to the variance of one answer, in squared logits.

    Attributes:
        levels: how many were tried, the usual one among them.
        variance: None where it is not identified; `note` says why.
        main: of it, what is the same for all cases.
        by_case: of it, what differs from case to case.
        share: of the variance of one answer, in [0, 1]; None where that is not known.
    """

    factor: str
    levels: int
    variance: Interval | None
    main: float | None = None
    by_case: float | None = None
    share: float | None = None
    note: str = ""


@frozen
class ArmFinding:
    """One wording against the usual one.

    Attributes:
        flips: the share of cases with another winner.
        lean: to the first-shown under it, in logits.
    """

    factor: str
    name: str
    flips: Interval | None
    lean: Interval | None


@frozen
class Perturbation:
    """Where a judge's variance comes from.

    Attributes:
        cases: that were judged in the usual wording.
        signal: the variance over cases of what the judge thinks of them.
        position: the lean to the place, labels taken out where they were turned; None for votes in words.
        labels: the lean to the label that comes first in the alphabet, by the two labels.
        order_flips: the share of cases whose two orders name different winners.
    """

    cases: int
    signal: Interval | None
    factors: tuple[FactorFinding, ...]
    arms: tuple[ArmFinding, ...]
    position: Interval | None
    labels: Mapping[str, Interval]
    order_flips: Interval | None


def perturbation_of(base: Arm, arms: Sequence[Arm], clusters: Mapping[str, str]) -> Perturbation:
    """The decomposition.

    Args:
        base: the usual wording, with its labels.
        arms: the others; those of the factor `repeats` are the usual wording asked again.
        clusters: by case id, what cases of one prompt have in common.
    """
    exact = [case_id for case_id, answer in base.answers.items() if answer.leans is not None]
    again = [arm for arm in arms if arm.factor == REPEATS]
    noise = _noise(base, again, exact)
    families = label_families([base, *arms])
    cells = {name: cells_by_case(family, exact) for name, family in families.items()}
    turned = cells.get(" and ".join(base.labels[:2]), {})
    factors = [_order(base, exact, turned, noise, clusters), _labels(turned, noise, clusters)]
    wordings = dict.fromkeys(arm.factor for arm in arms if arm.factor not in (REPEATS, "labels"))
    factors += [_wording(name, base, arms, noise, clusters) for name in wordings]
    factors.append(_repeats(len(again), noise, clusters))
    signal = _signal(base, exact, noise, clusters)
    return Perturbation(
        cases=len(base.answers),
        signal=signal,
        factors=tuple(_with_shares(factors, signal)),
        arms=tuple(_arm(arm, base, clusters) for arm in arms),
        position=_place(base, exact, turned, clusters),
        labels={
            name: _mean([c.label for c in found.values()], found, clusters) for name, found in cells.items() if found
        },
        order_flips=_order_flips(base, exact, clusters),
    )


def _mean(
    values: Sequence[float], cases: Sequence[str] | Mapping[str, object], clusters: Mapping[str, str]
) -> Interval:
    return clustered_mean(values, [clusters[case_id] for case_id in cases])


def _noise(base: Arm, again: Sequence[Arm], exact: Sequence[str]) -> dict[str, float]:
    """By case the variance of one answer between repeats, within orders; none where nothing was repeated."""
    found: dict[str, float] = {}
    for case_id in exact:
        answers = [arm.answers.get(case_id) for arm in (base, *again)]
        leans = [answer.leans for answer in answers if answer is not None and answer.leans is not None]
        if len(leans) > 1:
            found[case_id] = sum(_variance([pair[k] for pair in leans]) for k in range(_ORDERS)) / _ORDERS
    return found


def _variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _moments(
    name: str,
    levels: int,
    effects: Mapping[str, Sequence[float]],
    noise: Mapping[str, float],
    parts: float,
    clusters: Mapping[str, str],
) -> FactorFinding:
    """A factor's variance from what each level of it adds to each case; the noise that is in them is taken off.

    Args:
        effects: by case; their squares over the number of levels are its variance.
        parts: how much of one answer's noise the variance holds.
    """
    if len(effects) < _FEWEST:
        return FactorFinding(
            name, levels, None, note="too few cases were answered with log-probabilities at all levels"
        )
    told = np.asarray(list(effects.values()), dtype=np.float64)
    squares = (told**2).sum(axis=1) / levels
    cleared = [float(v) - parts * noise.get(case_id, 0.0) for case_id, v in zip(effects, squares, strict=True)]
    variance = _mean(cleared, effects, clusters)
    # The square of a mean over n cases holds an n-th of what differs between them.
    main = float((told.mean(axis=0) ** 2 - told.var(axis=0, ddof=1) / len(told)).sum()) / levels
    note = "" if noise else "what changes between repeats is not taken off: nothing was asked twice"
    return FactorFinding(name, levels, variance, main, variance.value - main, note=note)


def _order(
    base: Arm,
    exact: Sequence[str],
    turned: Mapping[str, Cells],
    noise: Mapping[str, float],
    clusters: Mapping[str, str],
) -> FactorFinding:
    if turned:
        effects = {case_id: (cells.place, -cells.place) for case_id, cells in turned.items()}
        return _moments("order", _ORDERS, effects, noise, 1 / _CELLS, clusters)
    leans = {case_id: _lean(base.answers[case_id]) for case_id in exact}
    effects = {case_id: (lean, -lean) for case_id, lean in leans.items()}
    return _moments("order", _ORDERS, effects, noise, 1 / _ORDERS, clusters)


def _labels(turned: Mapping[str, Cells], noise: Mapping[str, float], clusters: Mapping[str, str]) -> FactorFinding:
    effects = {case_id: (cells.label, -cells.label, cells.other, -cells.other) for case_id, cells in turned.items()}
    return _moments("labels", 2, effects, noise, 2 / _CELLS, clusters)


def _wording(
    factor: str, base: Arm, arms: Sequence[Arm], noise: Mapping[str, float], clusters: Mapping[str, str]
) -> FactorFinding:
    levels = [base, *(arm for arm in arms if arm.factor == factor)]
    effects: dict[str, list[float]] = {}
    for case_id in base.answers:
        answers = [arm.answers.get(case_id) for arm in levels]
        logits = [answer.logit for answer in answers if answer is not None and answer.logit is not None]
        if len(logits) == len(levels):
            mean = sum(logits) / len(logits)
            effects[case_id] = [logit - mean for logit in logits]
    kept = (len(levels) - 1) / len(levels) / _ORDERS
    return _moments(factor, len(levels), effects, noise, kept, clusters)


def _repeats(again: int, noise: Mapping[str, float], clusters: Mapping[str, str]) -> FactorFinding:
    if not noise:
        why = "nothing was asked twice" if not again else "no case was answered twice with log-probabilities"
        return FactorFinding(REPEATS, again + 1, None, note=why)
    variance = _mean(list(noise.values()), noise, clusters)
    return FactorFinding(REPEATS, again + 1, variance, 0.0, variance.value)


def _signal(
    base: Arm, exact: Sequence[str], noise: Mapping[str, float], clusters: Mapping[str, str]
) -> Interval | None:
    if len(exact) < 2:
        return None
    logits = [base.answers[case_id].logit or 0.0 for case_id in exact]
    mean, more = sum(logits) / len(logits), len(logits) / (len(logits) - 1)
    squares = [
        more * (logit - mean) ** 2 - noise.get(case_id, 0.0) / _ORDERS
        for case_id, logit in zip(exact, logits, strict=True)
    ]
    return _mean(squares, exact, clusters)


def _with_shares(factors: Sequence[FactorFinding], signal: Interval | None) -> list[FactorFinding]:
    known = [max(0.0, factor.variance.value) for factor in factors if factor.variance is not None]
    total = sum(known) + (0.0 if signal is None else max(0.0, signal.value))
    if not total:
        return list(factors)
    return [
        FactorFinding(f.factor, f.levels, f.variance, f.main, f.by_case, max(0.0, f.variance.value) / total, f.note)
        if f.variance is not None
        else f
        for f in factors
    ]


def _arm(arm: Arm, base: Arm, clusters: Mapping[str, str]) -> ArmFinding:
    both = [case_id for case_id in base.answers if case_id in arm.answers]
    flips = [arm.answers[case_id].won != base.answers[case_id].won for case_id in both]
    exact = [case_id for case_id in arm.answers if arm.answers[case_id].leans is not None]
    return ArmFinding(
        arm.factor,
        arm.name,
        exact_share(flips, [clusters[case_id] for case_id in both]) if both else None,
        _mean([_lean(arm.answers[case_id]) for case_id in exact], exact, clusters) if exact else None,
    )


def _lean(answer: Answered) -> float:
    assert answer.leans is not None
    return sum(answer.leans) / 2


def _place(
    base: Arm, exact: Sequence[str], turned: Mapping[str, Cells], clusters: Mapping[str, str]
) -> Interval | None:
    if turned:
        return _mean([cells.place for cells in turned.values()], turned, clusters)
    return _mean([_lean(base.answers[case_id]) for case_id in exact], exact, clusters) if exact else None


def _order_flips(base: Arm, exact: Sequence[str], clusters: Mapping[str, str]) -> Interval | None:
    if not exact:
        return None
    leans = [base.answers[case_id].leans or (0.0, 0.0) for case_id in exact]
    return exact_share([(one > 0) == (other > 0) for one, other in leans], [clusters[c] for c in exact])
