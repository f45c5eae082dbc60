"""What repeated rankings show, as a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from judge_service.evaluation.audits.repeated_rankings import RankingAudit, Ranks, Rule
from judge_service.reports.gathering import counted
from judge_service.reports.page import Report, Section, Table
from judge_service.statistics.agreement import kendall_w

_EDGES: Final = tuple(i / 20 for i in range(21))


def rankings_report(cases: Sequence[Ranks], told: RankingAudit, record: dict[str, Any]) -> Report:
    """How well repeats of a ranking agree, case by case.

    Args:
        record: the same as `--json` prints it.
    """
    ws = [kendall_w(ranks) for ranks in cases]
    known = [min(max(w, 0.0), 1.0) for w in ws if w is not None]
    without = f" {len(ws) - len(known):,} cases that tie everything have none." if len(known) < len(ws) else ""
    summary = (
        f"Half of {told.cases:,} cases have a Kendall's W of {told.w['50%']:.2f} or more over {told.repeats} rankings;"
        f" random rankings average {told.random:.2f}.",
        f"Keeping W of {told.keep:g} or more keeps {told.kept:.1%} of the cases.",
        f"Stopping once that is certain takes {told.exact.rankings:.2f} rankings a case.",
    )
    histogram = counted(
        "Agreement among the rankings of a case",
        known,
        _EDGES,
        "Kendall's W: 1 where all rankings are the same",
        f"Random rankings average {told.random:.2f}.{without}",
    )
    percentiles = tuple((percent, w) for percent, w in told.w.items())
    tables = (
        Table("Percentiles of W", ("of the cases, below", "W"), percentiles),
        Table("Stopping early", ("rule", "rankings a case", "share decided alike"), _rules(told)),
    )
    facts = {
        "rankings of a case": f"{told.repeats}",
        "judgments left out": f"{told.left_out:,}",
        "option": f"--repeats {told.option}",
    }
    return Report("Repeated rankings", summary, (Section("Agreement", (), tables, (histogram,)),), facts, record)


def _rules(told: RankingAudit) -> tuple[tuple[str, float, float], ...]:
    rules: list[tuple[str, Rule | None]] = [
        ("once it is certain", told.exact),
        ("at learned bounds, too", told.learned),
    ]
    return tuple((name, rule.rankings, rule.same) for name, rule in rules if rule is not None)
