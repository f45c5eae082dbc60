"""audit calibration: what a judge's probabilities are worth against people's labels, and what mends them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from judge_service.batch.outputs import outputs_of
from judge_service.cards.section import CardKey
from judge_service.cards.use import names_on_card, way_of
from judge_service.cli.audits.calibration_report import calibration_report
from judge_service.cli.flags import Config
from judge_service.cli.people.labelled import (
    AsJson,
    Found,
    LabelField,
    LabelsFile,
    Sources,
    described,
    find_labelled,
    labels_told,
    left_out,
    left_out_record,
)
from judge_service.cli.reporting import ReportFile, check_report, write_report
from judge_service.domain.cards import Calibration
from judge_service.errors import InvalidOption, InvalidRequest
from judge_service.evaluation.audits.calibration import CalibrationFinding, calibration_of, calibration_record
from judge_service.evaluation.people.labelled import Way
from judge_service.files.disk import STANDARD, check_output, replace_whole
from judge_service.files.kinds import kind_of
from judge_service.loops import run_interruptibly
from judge_service.settings import Settings, read_settings
from judge_service.statistics.calibrate import Bin, Quality
from judge_service.statistics.guarantees import TooFewLabels
from judge_service.wiring import open_cards


def calibration(
    sources: Sources,
    label: LabelField = "",
    labels: LabelsFile = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where the calibration goes, a .json file.")
    ] = None,
    report: ReportFile = "",
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Fit one temperature to half of the labels, and show on the other half what it mends.

    Where it helps it goes onto the judge's card, which is kept beside the cache: verdicts made in this way state a
    `probability_calibrated` from then on, beside their probability.
    """
    if output is not None:
        _check_output(output, sources, labels)
    check_report(report, [*outputs_of(sources), *([labels] if labels else [])])
    found = find_labelled(sources, labels_told(label, labels))
    try:
        finding = calibration_of(found.labelled)
    except TooFewLabels as e:
        more = f" ({left_out(found)})" if left_out(found) else ""
        raise InvalidRequest(f"{e}, half of them to fit and half to test{more}") from None
    way = found.labelled.way
    if finding.helps:
        run_interruptibly(_onto_card(way, finding.calibration, read_settings(file=config)))
    record = calibration_record(way, finding.calibration)
    if output is not None:
        replace_whole(output, [orjson.dumps(record, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)])
    told = _report(found, finding, record)
    if report:
        write_report(report, calibration_report(found, finding, _conclusion(finding), told))
    if as_json:
        typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        return
    _print_page(found, finding, output)


async def _onto_card(way: Way, calibration: Calibration, settings: Settings) -> None:
    key = CardKey(way.judge.digest, way.rubric.digest, way.prompt.digest)
    async with open_cards(settings.cache) as cards:
        await cards.load([way.judge.digest])
        names = names_on_card(way.judge, way.rubric.id)
        cards.calibrate(key, names, way_of(way.method, way.orders or "both", way.combine), calibration)
        await cards.keep()


def _check_output(output: Path, sources: Sequence[str], labels: str) -> None:
    if str(output) == STANDARD or kind_of(str(output)) != ".json":
        raise InvalidOption(f"-o names a .json file; got {output} (--json prints the finding)", "output")
    check_output(output, [*outputs_of(sources), *([labels] if labels else [])])


def _report(found: Found, finding: CalibrationFinding, record: dict[str, Any]) -> dict[str, Any]:
    return {
        **record,
        "object": "audit.calibration",
        **left_out_record(found),
        "log_deviation": finding.temperature.deviation,
        "helps": finding.helps,
        "before": _quality_record(finding.before),
        "after": _quality_record(finding.after),
    }


def _quality_record(quality: Quality) -> dict[str, Any]:
    return {**quality._asdict(), "bins": [b._asdict() for b in quality.bins]}


def _print_page(found: Found, finding: CalibrationFinding, output: Path | None) -> None:
    out = Console(highlight=False, soft_wrap=True)
    out.print(escape(described(found.labelled.way)))
    if left_out(found):
        out.print(left_out(found))
    told, (low, high) = finding.calibration, finding.temperature.interval
    out.print(f"temperature {told.temperature:.2f} ({low:.2f} to {high:.2f} at 90%), fitted on {told.labels} labels")
    out.print(f"\non {told.tested} others:")
    out.print(_figures(finding.before, finding.after))
    out.print("\nanswers by how sure they are, and how many of them are right:")
    out.print(_bins(finding.before, finding.after))
    out.print(f"\n{_conclusion(finding)}")
    if output is not None:
        out.print(escape(f"{told.version} written to {output}"))


def _figures(before: Quality, after: Quality) -> Table:
    table = _headed("", "before", "after", "by chance alone")
    table.add_row("calibration error (ECE)", *_numbers(before.ece, after.ece, after.by_chance))
    table.add_row("Brier score", *_numbers(before.brier, after.brier))
    table.add_row("log loss", *_numbers(before.log_loss, after.log_loss))
    return table


def _bins(before: Quality, after: Quality) -> Table:
    table = _headed("sure of", "before", "right", "after", "right")
    for one, other in zip(before.bins, after.bins, strict=True):
        table.add_row(f"{one.low:.0%} to {one.high:.0%}", *_share_right(one), *_share_right(other))
    return table


def _share_right(told: Bin) -> tuple[str, str]:
    return str(told.labels), f"{told.accuracy:.0%}" if told.labels else ""


def _conclusion(finding: CalibrationFinding) -> str:
    if not finding.helps:
        return "It does not help: labels it was not fitted on are no likelier with this temperature. Leave it."
    was = "too sure" if finding.calibration.temperature > 1 else "not sure enough"
    return (
        f"The judge was {was}. {finding.calibration.version} is on its card: what it judges in this way states a"
        " probability_calibrated from now on."
    )


def _headed(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first)
    for heading in others:
        table.add_column(heading, justify="right")
    return table


def _numbers(*values: float) -> list[str]:
    return [f"{value:.4f}" for value in values]
