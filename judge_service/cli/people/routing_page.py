"""A replay of routing on a page for a terminal, and as a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from judge_service.cli.people.estimated import ranged, told
from judge_service.cli.plain import on_one_line
from judge_service.evaluation.people.replay import Replay, Step
from judge_service.reports.page import Cell, Intervals, Report, Scatter, Section, Table


def page(replays: Sequence[Replay], cases: int, errors: int, facts: Mapping[str, str]) -> str:
    """What each method would have given."""
    lines = [", ".join(f"{name} {on_one_line(value)}" for name, value in facts.items()), _judged(cases, errors)]
    for each in replays:
        lines.append(f"  {each.method}" + (f": not replayed, {each.why}" if each.why else ""))
        lines += [_step(step) for step in each.steps]
    return "\n".join(lines)


def _judged(cases: int, errors: int) -> str:
    return f"{cases:,} cases with labels; the judge alone is right on {1 - errors / cases:.1%}"


def _step(step: Step) -> str:
    found = "" if step.found is None else f", {step.found:.0%} of the errors found"
    expected = "" if step.predicted is None else f", expected {step.predicted:.1%}"
    value = 0.0 if step.accuracy.value is None else step.accuracy.value
    gain = f"over chance {told(step.gain, percent=True, signed=True)}"
    return f"    {step.budget:>6,} by people: {value:.1%} right{expected}; {gain}{found}"


def replay_report(replays: Sequence[Replay], cases: int, errors: int, facts: Mapping[str, str], numbers: Any) -> Report:
    """The same with a curve and the gains of each method."""
    sections = [_section(each) for each in replays if not each.why]
    left = [f"{each.method} was not replayed: {each.why}." for each in replays if each.why]
    return Report("Routing, replayed", (_judged(cases, errors) + ".", *left), tuple(sections), facts, numbers)


def _section(each: Replay) -> Section:
    rows: tuple[tuple[Cell, ...], ...] = tuple(_row(step) for step in each.steps)
    columns = ("labelled by people", "right", "over chance", "low", "high", "errors found", "expected right")
    gains = tuple(_gains(each.steps))
    curve = Scatter("Labels that are right", each.curve, "share labelled by people", "share right", each.curve)
    plots = (curve, Intervals("Over chance at the same budget", gains, "share right", 0.0)) if gains else (curve,)
    return Section(each.method, (), (Table("By budget", columns, rows, digits=3),), plots)


def _gains(steps: Sequence[Step]) -> Iterable[Any]:
    rows = (ranged(f"{step.budget:,}", step.gain) for step in steps)
    return (row for row in rows if row is not None)


def _row(step: Step) -> tuple[Cell, ...]:
    gain = step.gain
    return (step.budget, step.accuracy.value, gain.value, gain.low, gain.high, step.found, step.predicted)
