"""An audit's card on a page for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

from judge_service.cli.plain import on_one_line
from judge_service.evaluation.audits.audit_card import AuditCard, Change, Changes
from judge_service.evaluation.audits.measures import Measure
from judge_service.evaluation.audits.measuring import parted
from judge_service.evaluation.audits.thresholds import Checked

LEAST_OF_A_SLICE: Final = 10
"""What is told of a slice with fewer is left to JSON and reports."""
_WIDTH: Final = 34


def page(card: AuditCard, changes: Changes | None, checked: Sequence[Checked]) -> str:
    """The card, what has changed since the one before, and which thresholds it fails."""
    judge = card.judge
    changed = {each.name: each for each in changes.changes} if changes is not None else {}
    lines = [
        f"judge {judge.name} ({judge.model}), epoch {judge.epoch}, under {card.rubric.id}@{card.rubric.version},"
        f" method {card.method}",
        f"  {card.cases:,} {card.sources}{_left_out(card.left_out)}",
    ]
    for suite, measures in groupby(card.measures, lambda measure: parted(measure.name)[0]):
        lines += [f"\n{suite}", *_suite(list(measures), changed)]
    lines += ["", *_since(changes), *map(_threshold, checked)]
    lines.append(f"card {card.version}: it holds for this judge until it becomes another (its epoch)")
    return on_lines(lines)


def _suite(measures: Sequence[Measure], changed: Mapping[str, Change]) -> list[str]:
    """A line to each measure; slices of a few cases would bury the others."""
    slight = [measure for measure in measures if "[" in measure.name and measure.n < LEAST_OF_A_SLICE]
    told = [measure for measure in measures if measure not in slight]
    lines = [_line(parted(measure.name)[1], measure, changed.get(measure.name)) for measure in told]
    if slight:
        lines.append(f"  {len(slight):,} more of slices of fewer than {LEAST_OF_A_SLICE}: in --json and --report")
    return lines


def on_lines(lines: Sequence[str]) -> str:
    """The lines, nothing in them obeyed by a terminal."""
    return "\n".join(
        f"{line[: len(line) - len(line.lstrip())]}{_spaced(line)}" for line in "\n".join(lines).split("\n")
    )


def _spaced(line: str) -> str:
    return "  ".join(on_one_line(part) for part in line.strip().split("  "))


def _line(name: str, measure: Measure, change: Change | None) -> str:
    if measure.value is None:
        return f"  {name:<{_WIDTH}}—  {measure.note}"
    was = ""
    if change is not None and change.change:
        mark = ", beyond both intervals" if change.beyond else ""
        was = f"  (was {shown(change.before, measure.unit)}{mark})"
    told = f"{shown(measure.value, measure.unit):>8}{_between(measure)}"
    note = f"  {measure.note}" if measure.note and "[" not in measure.name else ""
    return f"  {name:<{_WIDTH}}{told:<28}{measure.n:>7,}{was}{note}"


def _between(measure: Measure) -> str:
    if measure.low is None or measure.high is None:
        return ""
    return f"  {shown(measure.low, measure.unit)} to {shown(measure.high, measure.unit)}"


def shown(value: float, unit: str) -> str:
    """A value in its unit: shares in percent, logits with their sign."""
    return f"{value:.1%}" if unit == "share" else f"{value:+.2f}" if unit == "logits" else f"{value:.3g}"


def _left_out(left_out: Mapping[str, int]) -> str:
    told = ", ".join(f"{count:,} {why}" for why, count in sorted(left_out.items()))
    return f" (left out: {told})" if told else ""


def _since(changes: Changes | None) -> list[str]:
    if changes is None:
        return ["no card of this judge under this rubric was made before"]
    moved = [change for change in changes.changes if change.beyond]
    of = "" if changes.same_epoch else ", which was of an earlier epoch of this judge"
    other = "" if changes.same_prompt else " (the rubric or the prompt was another)"
    names = f": {', '.join(change.name for change in moved)}" if moved else ""
    many = f"{len(moved)} of {len(changes.changes)} measures moved beyond both intervals"
    return [f"since {changes.version} of {changes.made_at}{of}{other}: {many}{names}"]


def _threshold(told: Checked) -> str:
    value = "not measured" if told.value is None else f"{told.value:.4g}"
    return f"{'FAILED' if told.failed else 'held'}: {told.threshold} (it is {value})"
