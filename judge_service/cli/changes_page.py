"""What changed from one version to the next: lines for a terminal, a record and a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from judge_service.cli.plain import on_one_line
from judge_service.evaluation.audits.thresholds import Checked
from judge_service.evaluation.changes import Changed
from judge_service.reports.page import Intervals, Ranged, Report, Section, Table
from judge_service.statistics.intervals import Interval


def changes_record(found: Changed) -> dict[str, Any]:
    """As JSON-like values; shares are in [0, 1]."""
    return {
        "changed": _interval(found.share),
        "changed_by_domain": {name: _interval(told) for name, told in found.domains.items()},
        "moves": {
            "towards": found.first,
            "mean": _interval(found.move),
            "p": found.chance,
            "verdicts_towards": found.towards,
            "verdicts_away": found.away,
            "sign_test_p": found.sign,
        },
        "flips_to_the_longer": _interval(found.longer),
    }


def _interval(told: Interval | None) -> dict[str, Any] | None:
    return None if told is None else told._asdict()


def changes_lines(found: Changed, is_of_pairs: bool) -> list[str]:
    """The same for a person."""
    if found.share is None:
        return []
    lines = [f"another verdict: {share_shown(found.share)}"]
    lines += [f"  in {on_one_line(name)}: {share_shown(told)}" for name, told in found.domains.items()]
    if found.sign is not None:
        lines.append(
            f"verdicts that moved: {found.towards:,} towards {on_one_line(found.first)}, {found.away:,} away"
            f" (p {found.sign:.2g}, exact sign test over cases)"
        )
    if found.move is not None:
        what = f"logits for {on_one_line(found.first)}" if is_of_pairs else "scores"
        chance = "" if found.chance is None else f", p {found.chance:.2g} over prompts"
        lines.append(f"mean change of {what}: {_ranged(found.move)}{chance}")
    if found.longer is not None:
        lines.append(f"of the winners that changed sides, the longer answer wins now: {share_shown(found.longer)}")
    return lines


def share_shown(told: Interval) -> str:
    """A share in percent with its interval."""
    if told.low is None or told.high is None:
        return f"{told.value:.1%} of {told.n:,}"
    return f"{told.value:.1%} of {told.n:,} ({told.low:.1%} to {told.high:.1%})"


def _ranged(told: Interval) -> str:
    if told.low is None or told.high is None:
        return f"{told.value:+.3f}"
    return f"{told.value:+.3f} ({told.low:+.3f} to {told.high:+.3f})"


def failures(looked_at: Sequence[Checked]) -> list[str]:
    """Of conditions that were given: whether each is met, and by what."""
    return [
        f"--fail-if {each.threshold}: {'failed' if each.failed else 'passed'}, "
        + (each.note if each.value is None else f"it is {each.value:.4g}")
        for each in looked_at
    ]


def changes_report(told: Mapping[str, Any], found: Changed, lines: Sequence[str]) -> Report:
    """The page of two versions."""
    facts = {
        f"{name} in {side.upper()}": str(by[side]) for name, by in told["provenance"].items() for side in ("a", "b")
    }
    facts = {"A": ", ".join(told["a"]), "B": ", ".join(told["b"]), **facts}
    rows = {"all": found.share, **found.domains}
    ranged = tuple(
        Ranged(name, 100 * each.value, *(None if end is None else 100 * end for end in (each.low, each.high)))
        for name, each in rows.items()
        if each is not None
    )
    plots = (Intervals("Cases with another verdict", ranged, "percent"),) if ranged else ()
    table = Table("Who won in A -> in B", ("winners", "cases"), tuple(told["winners"].items()))
    summary = changes_lines(found, True)[:1] or ["No case was judged in both."]
    sections = (Section("What changed", tuple("\n".join(lines).splitlines()), (table,), plots),)
    return Report("Two versions, case by case", tuple(summary), sections, facts, told)
