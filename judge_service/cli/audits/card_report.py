"""An audit's card as a report, with plots."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from judge_service.cli.audits.card_page import shown
from judge_service.evaluation.audits.audit_card import AuditCard, Changes, card_record, changes_record
from judge_service.evaluation.audits.label_measures import quality_on
from judge_service.evaluation.audits.measures import Measure
from judge_service.evaluation.audits.measuring import parted
from judge_service.evaluation.audits.sights import Sight
from judge_service.evaluation.audits.thresholds import Checked
from judge_service.reports.page import Histogram, Intervals, Plot, Ranged, Reliability, Report, Scatter, Section, Table

_MOST_POINTS = 2_000
_EDGES = tuple(step / 2 for step in range(-12, 13))


def report_of(
    card: AuditCard,
    sights: Sequence[Sight],
    changes: Changes | None,
    checked: Sequence[Checked],
    concordances: Sequence[float] = (),
) -> Report:
    """The whole page; the numbers are those of `--json`."""
    suites: dict[str, list[Measure]] = {}
    for measure in card.measures:
        suites.setdefault(parted(measure.name)[0], []).append(measure)
    plots: dict[str, list[Plot]] = {
        "position": _position(sights),
        "calibration": _calibration(sights),
        "rankings": _concordance(concordances),
    }
    sections = [
        Section(name, _notes(own), tables=(_table(name, own),), plots=(*plots.get(name, ()), *_intervals(name, own)))
        for name, own in suites.items()
    ]
    judge = card.judge
    return Report(
        title=f"Audit of {judge.name} under {card.rubric.id}",
        summary=tuple(_summary(card, changes, checked)),
        sections=(*sections, *_changed(changes)),
        facts={
            "judge": f"{judge.name} ({judge.model}), epoch {judge.epoch}",
            "rubric": f"{card.rubric.id}@{card.rubric.version}",
            "method": card.method,
            "cases": f"{card.cases:,} {card.sources}",
            "made": card.made_at,
            "card": card.version,
        },
        numbers=audit_record(card, changes, checked),
    )


def audit_record(card: AuditCard, changes: Changes | None, checked: Sequence[Checked]) -> dict[str, object]:
    """The card with its changes and thresholds, as `--json` prints it."""
    since = None if changes is None else changes_record(changes)
    return {**card_record(card), "changes": since, "thresholds": [dict(vars(each)) for each in checked]}


def _summary(card: AuditCard, changes: Changes | None, checked: Sequence[Checked]) -> list[str]:
    told = []
    for name, words in (
        ("position.bias", "Its lean to the first-shown"),
        ("label.bias", "Its lean to a label, wherever it stands"),
        ("consistency.same_winner", "Asked again, it names the same winner in"),
        ("accuracy", "It is right by people's labels in"),
    ):
        measure = card.measure(name)
        if measure is not None and measure.value is not None:
            between = ""
            if measure.low is not None and measure.high is not None:
                between = f" ({shown(measure.low, measure.unit)} to {shown(measure.high, measure.unit)} at 95%)"
            unit = " logits" if measure.unit == "logits" else ""
            told.append(f"{words}: {shown(measure.value, measure.unit)}{unit}{between}, n = {measure.n:,}.")
    failed = [each.threshold for each in checked if each.failed]
    if checked:
        told.append(f"Thresholds failed: {', '.join(failed)}." if failed else "All thresholds hold.")
    if changes is not None:
        moved = [change.name for change in changes.changes if change.beyond]
        told.append(f"Since {changes.version} beyond both intervals: {', '.join(moved) or 'nothing'}.")
    return told


def _notes(measures: Sequence[Measure]) -> tuple[str, ...]:
    return tuple(f"{m.name}: {m.note}." for m in measures if m.note and "[" not in m.name)


def _table(name: str, measures: Sequence[Measure]) -> Table:
    rows = tuple((each.name, each.value, each.low, each.high, each.n, each.unit) for each in measures)
    return Table(name, ("measure", "value", "low", "high", "n", "unit"), rows, "Intervals at 95%.", digits=3)


def _intervals(name: str, measures: Sequence[Measure]) -> list[Plot]:
    """A plot for each unit that two measures or more are in."""
    found: list[Plot] = []
    for unit in dict.fromkeys(measure.unit for measure in measures):
        rows = [m for m in measures if m.unit == unit and m.value is not None]
        if len(rows) > 1:
            ranged = tuple(Ranged(m.name, m.value or 0.0, m.low, m.high) for m in rows)
            found.append(
                Intervals(f"{name}, in {unit}s".replace("ss", "s"), ranged, unit, 0.0 if unit == "logits" else None)
            )
    return found


def _position(sights: Sequence[Sight]) -> list[Plot]:
    seen = [(s.logit or 0.0, s.lean or 0.0) for s in sights if s.lean is not None and s.called]
    if not seen:
        return []
    points = tuple(seen[:_MOST_POINTS])
    leans = [min(max(lean, _EDGES[0]), _EDGES[-1] - 1e-9) for _, lean in seen]
    counts = [sum(low <= lean < high for lean in leans) for low, high in pairwise(_EDGES)]
    mean = sum(leans) / len(leans)
    of = f"The first {_MOST_POINTS:,} of {len(seen):,} cases." if len(seen) > _MOST_POINTS else ""
    return [
        Scatter(
            "Lean to the first-shown by what the judge thinks of the case",
            points,
            "logit of the first candidate, its place taken out",
            "lean to the first-shown, logits",
            references=(0.0, mean),
            note=f"Place and label together, as the cases are asked. {of}".strip(),
        ),
        Histogram("Lean to the first-shown over cases", _EDGES, tuple(counts), "logits"),
    ]


def _concordance(concordances: Sequence[float]) -> list[Plot]:
    if not concordances:
        return []
    counts = [sum(int(w * 10 - 1e-9) == k for w in concordances) for k in range(10)]
    return [Histogram("Agreement of repeated rankings", tuple(k / 10 for k in range(11)), tuple(counts), "Kendall's W")]


def _calibration(sights: Sequence[Sight]) -> list[Plot]:
    quality = quality_on(sights)
    if quality is None:
        return []
    bins = tuple((b.confidence, b.accuracy, b.labels) for b in quality.bins if b.labels)
    return [Reliability("How sure the judge is, and how often it is right", bins, "sure of", "right")]


def _changed(changes: Changes | None) -> list[Section]:
    if changes is None:
        return []
    rows = tuple(
        (c.name, c.before, c.now, c.change, None if c.beyond is None else "yes" if c.beyond else "no")
        for c in changes.changes
    )
    columns = ("measure", "before", "now", "change", "beyond both intervals")
    of = "" if changes.same_epoch else " It is of an earlier epoch of the judge."
    return [
        Section(
            "changes",
            (f"Since {changes.version} of {changes.made_at}.{of}",),
            (Table("changes", columns, rows, digits=3),),
        )
    ]
