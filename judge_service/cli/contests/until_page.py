"""What a contest came to that ended once it was decided: as JSON and on a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from judge_service.cli.contests.until import Decided
from judge_service.cli.contests.win_rate_record import facts_record
from judge_service.contests.deciding import Decision
from judge_service.reports.page import Intervals, Ranged, Report, Section, Table

_WHY: Final = (
    "a run that stops when it looks decided has no interval of a fixed number: that would leave the truth out too often"
)


def decision_record(found: Decided) -> dict[str, Any]:
    """All that was decided; rates in percent, as of a win rate."""
    decision, terms = found.decision, found.decision.terms
    mean = decision.mean
    return {
        "object": "decision",
        "model": found.model,
        "baseline": found.baseline,
        "decided": bool(decision.better),
        "better": _better(found),
        "ended_by": decision.ended,
        "win_rate": 100.0 * mean[0] if mean is not None and mean[0] == mean[1] else None,
        "win_rate_between": None if mean is None else [100.0 * end for end in mean],
        "win_rate_interval": None,
        "why_no_interval": _WHY,
        "anytime_interval": [100.0 * end for end in decision.interval],
        "alpha": terms.alpha,
        "sequence": terms.kind,
        "verdict": terms.value,
        "unscored": terms.unscored,
        "seed": terms.seed,
        "budget": {"prompts": terms.prompts, "calls": terms.calls},
        "prompts_looked_at": decision.taken,
        "prompts": decision.prompts,
        "cases_looked_at": decision.cases,
        "cases_judged": decision.judged,
        "cases": decision.of_cases,
        "calls": decision.calls,
        "calls_saved": decision.saved,
        "n_unknown": decision.unknown,
        "prompts_left_out": decision.left_out,
        **facts_record(found.compared.facts),
    }


def decision_page(found: Decided) -> str:
    """The same on a page."""
    lines = [_line(name, told) for name, told in _told(found)]
    facts = [_line(name, told) for name, told in found.compared.facts.items()]
    return "\n".join([_title(found), *lines, "", *facts])


def decision_report(found: Decided, numbers: Mapping[str, Any]) -> Report:
    """The same as a report."""
    low, high = (100.0 * end for end in found.decision.interval)
    middle = (low + high) / 2.0 if found.decision.mean is None else 50.0 * sum(found.decision.mean)
    rows = (Ranged(_title(found), middle, low, high),)
    section = Section(
        "Until it was decided",
        tables=(Table("What it came to", ("", "found"), tuple(_told(found))),),
        plots=(Intervals("Win rate, at every moment at once", rows, "percent", 50.0),),
    )
    summary = (f"{_title(found)}, decided: {_headline(found)}.",)
    return Report(_title(found), summary, (section,), found.compared.facts, dict(numbers))


def _title(found: Decided) -> str:
    return f"{found.model} against {found.baseline}"


def _told(found: Decided) -> list[tuple[str, str]]:
    """What it came to, in words by name."""
    decision, terms = found.decision, found.decision.terms
    low, high = decision.interval
    order = f"in the order drawn by seed {terms.seed}"
    always = f"at every moment at once (alpha {terms.alpha:g}, {terms.kind})"
    lines = [
        ("decided", _headline(found)),
        ("looked at", f"{decision.taken:,} of {decision.prompts:,} prompts, {order}"),
        ("win rate, anytime", f"{low:.1%} to {high:.1%}, {always}"),
        (f"mean, {terms.value}", _mean(decision)),
        ("no fixed interval", _WHY),
        ("judge calls", f"{decision.calls:,}; all prompts would have taken about {decision.saved:,} more"),
        ("judged", f"{decision.judged:,} cases, those under way at the end included"),
    ]
    if decision.unknown:
        told = {"bounds": "anything from lost to won", "tie": "a tie", "drop": "left out"}[terms.unscored]
        lines.append(("without a verdict", f"{decision.unknown:,} cases, each counted as {told}"))
    if decision.left_out:
        lines.append(("left out", f"{decision.left_out:,} prompts without a verdict"))
    return lines


def _better(found: Decided) -> str | None:
    return {1: found.model, -1: found.baseline, 0: None}[found.decision.better]


def _headline(found: Decided) -> str:
    better = _better(found)
    if better is not None:
        return f"{better} is better"
    if found.decision.ended == "budget":
        return "not yet: the budget is used up; the same command with a larger one and the same -o goes on"
    return "not by all prompts that there are"


def _mean(decision: Decision) -> str:
    if decision.mean is None:
        return "-"
    low, high = decision.mean
    return f"{low:.1%}" if low == high else f"{low:.1%} to {high:.1%}, whatever the missing verdicts are"


def _line(name: str, told: str) -> str:
    return f"  {name:<26}{told}"
