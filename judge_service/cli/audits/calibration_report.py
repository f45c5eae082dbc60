"""What a judge's probabilities are worth, as a report."""

from __future__ import annotations

from typing import Any

from judge_service.cli.people.labelled import Found, left_out
from judge_service.evaluation.audits.calibration import CalibrationFinding
from judge_service.reports.page import Reliability, Report, Section, Table
from judge_service.statistics.calibrate import Quality


def calibration_report(found: Found, finding: CalibrationFinding, conclusion: str, record: dict[str, Any]) -> Report:
    """The finding before and after, on labels that the temperature was not fitted to.

    Args:
        conclusion: in a sentence or two.
        record: the same as `--json` prints it.
    """
    told, (low, high) = finding.calibration, finding.temperature.interval
    way = found.labelled.way
    summary = (
        conclusion,
        f"Temperature {told.temperature:.2f} ({low:.2f} to {high:.2f} at 90%), fitted on {told.labels:,} labels and"
        f" tested on {told.tested:,} others.",
        f"Calibration error {finding.before.ece:.3f} before and {finding.after.ece:.3f} after; chance alone makes"
        f" {finding.before.by_chance:.3f} and {finding.after.by_chance:.3f}.",
    )
    section = Section(
        "How sure, and how often right",
        (),
        (_figures(finding.before, finding.after),),
        (_reliability("As the judge says it", finding.before), _reliability("With the temperature", finding.after)),
        (
            "Cases are halved by a hash of their ids: one half fits the temperature, the other tests it.",
            "The calibration error is the mean distance of how sure and how often right, over ten bins, weighted by"
            " their cases.",
        ),
    )
    facts = {
        "judge": f"{way.judge.name} ({way.judge.model}), epoch {way.judge.epoch}",
        "rubric": f"{way.rubric.id}@{way.rubric.version}",
        "method": f"{way.method}, orders {way.orders}" if way.orders else way.method,
        "calibration": told.version,
        **({"not used": left_out(found)} if left_out(found) else {}),
    }
    return Report("Calibration of a judge", summary, (section,), facts, record)


def _reliability(title: str, quality: Quality) -> Reliability:
    bins = tuple((told.confidence, told.accuracy, told.labels) for told in quality.bins if told.labels)
    return Reliability(title, bins, "How sure the judge is", "Share of labels on its side")


def _figures(before: Quality, after: Quality) -> Table:
    rows = (
        ("calibration error (ECE)", before.ece, after.ece),
        ("ECE by chance alone", before.by_chance, after.by_chance),
        ("Brier score", before.brier, after.brier),
        ("log loss", before.log_loss, after.log_loss),
    )
    return Table("Figures", ("", "before", "after"), rows, "Less is better.", 4)
