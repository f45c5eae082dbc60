"""Agreement with people as a report."""

from __future__ import annotations

from collections.abc import Iterable

from judge_service.cli.people.agreement_page import TITLES, Told, in_words, is_share, record, verdict
from judge_service.cli.people.estimated import ranged
from judge_service.evaluation.people.agreement import Agreement
from judge_service.reports.page import Cell, Intervals, Ranged, Report, Section, Table
from judge_service.statistics.estimates import Estimate

_IN_UNITS = ("mean_difference", "mean_distance")


def report_on(found: Told) -> Report:
    """The finding with its plots: coefficients, and the main one by slice and by person."""
    whole = found.whole
    first = next(iter(whole.figures))
    summary = (
        f"{TITLES[first].strip()}: {in_words(first, whole.figures[first], found.kind)}.",
        verdict(whole),
        *whole.notes,
    )
    sections = [Section("All cases", (), (_table(found, whole),), (_plot("All figures", whole.figures.items()),))]
    sections += [_slice(found, field) for field in found.slices]
    if whole.people:
        sections.append(_people(found))
    facts = {**found.facts, "labelled cases": str(whole.cases), "people": str(whole.raters)}
    return Report("Agreement with people", summary, tuple(sections), facts, record(found))


def _table(found: Told, whole: Agreement) -> Table:
    rows = tuple(_row(TITLES[name].strip(), figure) for name, figure in whole.figures.items())
    left = ", ".join(f"{count} {why}" for why, count in sorted(found.left_out.items()))
    return Table(
        "Figures", ("figure", "value", "low", "high", "n", "why not"), rows, f"left out: {left}" if left else "", 3
    )


def _row(name: str, figure: Estimate) -> tuple[Cell, ...]:
    return (name, figure.value, figure.low, figure.high, figure.n, figure.why)


def _plot(title: str, figures: Iterable[tuple[str, Estimate]]) -> Intervals:
    named = ((TITLES.get(name, name).strip(), name, figure) for name, figure in figures)
    rows = [ranged(told, figure) for told, name, figure in named if name not in _IN_UNITS]
    return Intervals(title, tuple(row for row in rows if row is not None), "coefficient or share", 0.0)


def _slice(found: Told, field: str) -> Section:
    slices = found.slices[field]
    name = next(iter(found.whole.figures))
    rows: list[Ranged | None] = [ranged(own.group or "", own.figures[name]) for own in slices]
    axis = f"{TITLES[name].strip()}{' (share)' if is_share(name, found.kind) else ''}"
    table = Table(
        f"By {field}",
        ("value", "cases", *(TITLES[each].strip() for each in found.whole.figures)),
        tuple((own.group, own.cases, *(own.figures[each].value for each in found.whole.figures)) for own in slices),
        digits=3,
    )
    plot = Intervals(f"{axis} by {field}", tuple(row for row in rows if row is not None), axis)
    return Section(f"By {field}", (), (table,), (plot,))


def _people(found: Told) -> Section:
    people = found.whole.people
    rows = tuple((p.rater, p.others.value, p.judge.value, p.judge_less_person.value, p.others.n) for p in people)
    table = Table(
        "The judge in each one's place", ("person", "with the others", "judge", "difference", "cases"), rows, digits=3
    )
    plot = [ranged(person.rater, person.judge_less_person) for person in people]
    axis = "the judge's agreement with the others, less the person's"
    return Section("People", (), (table,), (Intervals(axis, tuple(r for r in plot if r), axis, 0.0),))
