"""Where a judge's variance comes from: on a page, as a record and as a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from judge_service.cli.audits.card_page import on_lines
from judge_service.domain.judgments import Provenance
from judge_service.evaluation.audits.perturbation import ArmFinding, FactorFinding, Perturbation
from judge_service.reports.page import Intervals, Ranged, Report, Section, Table
from judge_service.statistics.intervals import Interval


class Found(NamedTuple):
    """What was found, of whom.

    Attributes:
        left_out: factors that could not be tried, each with why.
    """

    made: Provenance
    finding: Perturbation
    left_out: Mapping[str, str]


def record(found: Found) -> dict[str, Any]:
    """All of it as plain fields."""
    made, told = found.made, found.finding
    judge = made.judges[0]
    return {
        "object": "audit.perturbation",
        "judge": {"name": judge.name, "model": judge.model, "epoch": judge.epoch, "digest": judge.digest},
        "rubric": {"id": made.rubric.id, "version": made.rubric.version, "digest": made.rubric.digest},
        "prompt": made.prompt.digest,
        "method": made.method,
        "cases": told.cases,
        "position_bias": _interval(told.position),
        "label_bias": {name: _interval(each) for name, each in told.labels.items()},
        "order_flips": _interval(told.order_flips),
        "signal_variance": _interval(told.signal),
        "factors": [{**vars(each), "variance": _interval(each.variance)} for each in told.factors],
        "wordings": [
            {**vars(each), "flips": _interval(each.flips), "lean": _interval(each.lean)} for each in told.arms
        ],
        "left_out": dict(found.left_out),
    }


def _interval(told: Interval | None) -> dict[str, Any] | None:
    return None if told is None else told._asdict()


def page(found: Found) -> str:
    """The same for a person."""
    made, told = found.made, found.finding
    judge = made.judges[0]
    lines = [
        f"judge {judge.name} ({judge.model}), epoch {judge.epoch}, under {made.rubric.id}@{made.rubric.version},"
        f" method {made.method}, {told.cases:,} cases",
        f"  lean to the place       {_told(told.position)} logits",
        *(
            f"  lean to label {name.split(' ')[0]:<10}{_told(each)} logits ({name})"
            for name, each in told.labels.items()
        ),
        f"  the order flips         {_told(told.order_flips, share=True)} of winners",
        "",
        "where the variance of one answer comes from, in squared logits:",
        f"  what it thinks          {_told(told.signal, signed=False)}",
        *map(_factor, told.factors),
        "",
        "each wording against the usual one (winners by both orders):",
        *map(_arm, told.arms),
    ]
    lines += [f"  not tried: {factor}: {why}" for factor, why in found.left_out.items()]
    return on_lines(lines)


def _factor(told: FactorFinding) -> str:
    if told.variance is None:
        return f"  {told.factor:<24}—  {told.note}"
    share = "" if told.share is None else f"  {told.share:.1%} of all"
    parts = f"  same for all {told.main or 0.0:.3f}, by case {told.by_case or 0.0:.3f}"
    note = f"  ({told.note})" if told.note else ""
    return f"  {told.factor:<24}{_told(told.variance, signed=False)}{share}{parts}{note}"


def _arm(told: ArmFinding) -> str:
    name = f"{told.factor} {told.name}".strip()
    lean = "" if told.lean is None else f"  lean to the first-shown {_told(told.lean)}"
    return f"  {name:<34}  flips {_told(told.flips, share=True)}{lean}"


def _told(found: Interval | None, share: bool = False, signed: bool = True) -> str:
    if found is None:
        return "—"
    form = ".1%" if share else "+.2f" if signed else ".3f"
    between = "" if found.low is None or found.high is None else f"  [{found.low:{form}} to {found.high:{form}}]"
    return f"{found.value:{form}}{between}  (n {found.n:,})"


def report(found: Found) -> Report:
    """The finding as a report."""
    made, told = found.made, found.finding
    judge = made.judges[0]
    factors = [(each.factor, each.variance) for each in told.factors if each.variance is not None]
    signal = [] if told.signal is None else [("what it thinks", told.signal)]
    ranged = tuple(Ranged(name, v.value, v.low, v.high) for name, v in [*signal, *factors])
    flips = tuple(
        Ranged(
            f"{arm.factor} {arm.name}".strip(), 100 * arm.flips.value, _percent(arm.flips.low), _percent(arm.flips.high)
        )
        for arm in told.arms
        if arm.flips is not None
    )
    rows = tuple(
        (f.factor, f.levels, None if f.variance is None else f.variance.value, f.share, f.note) for f in told.factors
    )
    variance = Section(
        "Variance",
        tables=(Table("Factors", ("factor", "levels", "variance", "share of all", "note"), rows, digits=4),),
        plots=(Intervals("Variance of one answer", ranged, "squared logits", 0.0),) if ranged else (),
    )
    wordings = Section(
        "Wordings",
        tuple(f"Not tried: {factor}: {why}." for factor, why in found.left_out.items()),
        plots=(Intervals("Winners that a wording changes", flips, "percent of cases", 0.0),) if flips else (),
    )
    return Report(
        title=f"Where the variance of {judge.name} comes from",
        summary=(
            f"Lean to the place {_told(told.position)} logits.",
            *(f"Lean to a label ({name}) {_told(each)} logits." for name, each in told.labels.items()),
        ),
        sections=(variance, wordings),
        facts={
            "judge": f"{judge.name} ({judge.model}), epoch {judge.epoch}",
            "rubric": f"{made.rubric.id}@{made.rubric.version}",
            "cases": f"{told.cases:,}",
        },
        numbers=record(found),
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
