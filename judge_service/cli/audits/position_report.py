"""A judge's position bias as a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from judge_service.cards.audits import Gathered
from judge_service.reports.gathering import trend
from judge_service.reports.page import Report, Scatter, Section, Table


def position_report(found: Sequence[Gathered], records: Sequence[dict[str, Any]]) -> Report:
    """What audited pairs say, a section for each judge and rubric.

    Args:
        found: one or more, with what they come to.
        records: the same as `--json` prints it.
    """
    return Report(
        "Position bias",
        tuple(_sentence(each) for each in found),
        tuple(_section(each) for each in found),
        {name: fact for each in found for name, fact in _facts(each)},
        {"cards": records},
    )


def _name(found: Gathered) -> str:
    return f"{found.judge.name} under {found.rubric.id}@{found.rubric.version}"


def _sentence(found: Gathered) -> str:
    assert found.report is not None
    told, estimate = found.report, found.report.estimate
    return (
        f"{_name(found)} leans to the answer shown first by {estimate.bias:+.2f} logits (standard error"
        f" {told.standard_error:.2f}, {estimate.audited:,} pairs); both orders name the same winner in"
        f" {told.consistent:.1%} of these {len(found.pairs):,}."
    )


def _section(found: Gathered) -> Section:
    return Section(
        _name(found),
        (),
        (_figures(found), *_domains(found)),
        (_scatter(found),),
        (
            "A pair's lean to the first-shown is half the sum of its two logits, each towards the answer shown first;"
            " half their difference is what the judge thinks of the first candidate once that lean is off.",
        ),
    )


def _scatter(found: Gathered) -> Scatter:
    audits = [pair.audit for pair in found.pairs.values()]
    points = tuple(((audit.one - audit.other) / 2, audit.bias) for audit in audits)
    line = trend(points)
    joined = " The line joins the means of ten groups of pairs." if line else ""
    return Scatter(
        "Lean to the first-shown, pair by pair",
        points,
        "For the first candidate, without the lean, logits",
        "Lean to the first-shown, logits",
        line,
        (0.0,),
        f"Above zero the judge leans to whatever is shown first; a pair far from zero to the left or right has a clear"
        f" winner, and no order changes it.{joined}",
    )


def _figures(found: Gathered) -> Table:
    assert found.report is not None
    told, estimate = found.report, found.report.estimate
    rows = [
        ("lean to the first-shown, logits", estimate.bias),
        ("its standard error", told.standard_error),
        ("its spread over pairs", estimate.spread),
        ("spread of what the judge thinks of them", estimate.signal),
        ("share with the same winner in both orders", told.consistent),
        ("share of saturated answers", estimate.saturated),
        ("calls a pair with audited orders", told.calls),
        ("share of winners that one order changed", told.flips),
    ]
    if found.accuracy is not None:
        ways = zip(
            ("one order", "one order, bias off", "audited orders", "both orders"), found.accuracy[1:], strict=True
        )
        rows += [(f"share right of {found.accuracy.labels:,} labels, {way}", share) for way, share in ways]
    return Table("Figures", ("", "value"), tuple(rows), digits=3)


def _domains(found: Gathered) -> list[Table]:
    assert found.report is not None
    domains = sorted(found.report.estimate.domains.items())
    if len(domains) < 2:
        return []
    rows = tuple((name or "no domain", told.bias, told.audited) for name, told in domains)
    return [Table("By domain", ("domain", "lean, logits", "pairs"), rows)]


def _facts(found: Gathered) -> list[tuple[str, str]]:
    assert found.report is not None
    judge, name = found.judge, _name(found)
    left_out = ", ".join(f"{count:,} {why}" for why, count in found.left_out.most_common())
    return [
        (f"judge of {name}", f"{judge.model}, epoch {judge.epoch}"),
        (f"card of {name}", f"{found.report.estimate.version}{f'; left out: {left_out}' if left_out else ''}"),
    ]
