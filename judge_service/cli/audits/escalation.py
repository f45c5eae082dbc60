"""audit escalation: from what certainty on a judge may be believed, by people's labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, NamedTuple

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

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
from judge_service.errors import InvalidOption, InvalidRequest
from judge_service.evaluation.audits.escalation import EscalationFinding, audited, grouped
from judge_service.evaluation.people.labelled import Labelled, LabelledSet, way_record
from judge_service.statistics.guarantees import CONFIDENCE, Guarantee


class Asked(NamedTuple):
    """What is to be held, and of what."""

    agreement: float
    confidence: float
    by: str
    to: str


def escalation(
    sources: Sources,
    label: LabelField = "",
    labels: LabelsFile = "",
    agreement: Annotated[float, typer.Option(help="To be held among what is not escalated.")] = 0.8,
    confidence: Annotated[float, typer.Option(help="That it is held.")] = CONFIDENCE,
    by: Annotated[str, typer.Option(metavar="FIELD", help="A guarantee of its own for each value of that field.")] = "",
    second: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="The same cases as judged in the dearer way.")
    ] = None,
    to: Annotated[str, typer.Option(help="The dearer way: cot, or a judge. [default: that of --second, or cot]")] = "",
    as_json: AsJson = False,
) -> None:
    """Find the threshold of --escalate from which on the judge agrees with people as often as you ask."""
    _check_share("agreement", agreement)
    _check_share("confidence", confidence)
    told = labels_told(label, labels)
    found = find_labelled(sources, told)
    dearer = find_labelled(second, told).labelled if second else None
    asked = Asked(agreement, confidence, by, to or _named(found.labelled, dearer))
    findings = _findings(found, asked, dearer)
    if as_json:
        typer.echo(orjson.dumps(_record(found, findings, asked), option=orjson.OPT_INDENT_2).decode())
    else:
        _print_page(found, findings, asked)


def _check_share(name: str, told: float) -> None:
    if not 0.5 <= told < 1:
        raise InvalidOption(f"--{name} is a share from 0.5 to below 1; got {told:g}", name)


def _named(cheap: LabelledSet, dearer: LabelledSet | None) -> str:
    """What `escalate` calls the dearer way."""
    if dearer is None:
        return "cot"
    if dearer.way.judge.name != cheap.way.judge.name:
        return dearer.way.judge.name
    if dearer.way.method == "cot" != cheap.way.method:
        return "cot"
    raise InvalidOption("--second holds judgments made in the same way, by the same judge", "second")


def _findings(found: Found, asked: Asked, dearer: LabelledSet | None) -> list[EscalationFinding]:
    groups: dict[str | None, Sequence[Labelled]] = {None: found.labelled.cases}
    if asked.by:
        groups = dict(grouped(found.labelled.cases, asked.by).items())
    seconds = None if dearer is None else {case.case_id: case for case in dearer.cases}
    findings = [audited(cases, asked.agreement, asked.confidence, seconds, group) for group, cases in groups.items()]
    if not findings:
        raise InvalidOption(f"--by: no labelled case has a field '{asked.by}' in its metadata", "by")
    if not any(finding.guarantee for finding in findings):
        counts = ", ".join(f"{f.group}: {f.labels}" if asked.by else str(f.labels) for f in findings)
        more = f" ({left_out(found)})" if left_out(found) else ""
        raise InvalidRequest(f"too few labels for a guarantee: {counts}; it takes {findings[0].needed}{more}")
    return findings


def _ungrouped(found: Found, findings: Sequence[EscalationFinding]) -> int:
    return len(found.labelled.cases) - sum(finding.labels for finding in findings)


def _option(finding: EscalationFinding, to: str) -> dict[str, Any] | None:
    threshold = finding.guarantee.threshold if finding.guarantee else None
    return None if threshold is None else {"to": to, "below": threshold}


def _record(found: Found, findings: Sequence[EscalationFinding], asked: Asked) -> dict[str, Any]:
    return {
        "object": "audit.escalation",
        **way_record(found.labelled.way),
        "target": asked.agreement,
        "confidence": asked.confidence,
        "by": asked.by or None,
        **left_out_record(found),
        "ungrouped": _ungrouped(found, findings),
        "findings": [_finding_record(finding, asked.to) for finding in findings],
    }


def _finding_record(finding: EscalationFinding, to: str) -> dict[str, Any]:
    told = finding.guarantee
    return {
        "group": finding.group,
        "labels": finding.labels,
        "agreement": finding.agreement,
        "needed": finding.needed,
        "threshold": told and told.threshold,
        "coverage": told and told.coverage,
        "accepted": told and told.accepted,
        "accepted_agreement": told and told.agreement,
        "bound": told and told.bound,
        "escalate": _option(finding, to),
        "cascade": finding.cascade and asdict(finding.cascade),
    }


def _print_page(found: Found, findings: Sequence[EscalationFinding], asked: Asked) -> None:
    out = Console(highlight=False, soft_wrap=True)
    out.print(escape(described(found.labelled.way)))
    if left_out(found):
        out.print(left_out(found))
    if _ungrouped(found, findings):
        out.print(f"{_ungrouped(found, findings)} labelled cases have no {escape(asked.by)}")
    out.print(_table(findings, asked))
    for finding in findings:
        head = f"{finding.group}: " if asked.by else ""
        for line in _said(finding, asked):
            # As it is, without wrapping: it is there to be pasted.
            typer.echo(head + line)
    typer.echo("This holds for cases like those that were labelled; where the cases change, audit again.")


def _table(findings: Sequence[EscalationFinding], asked: Asked) -> Table:
    table = Table(box=None, pad_edge=False)
    if asked.by:
        table.add_column(escape(asked.by))
    bound = f"at least ({asked.confidence:.0%})"
    for heading in ("labels", "agreement", "threshold", "coverage", "accepted agree", bound):
        table.add_column(heading, justify="right")
    for finding in findings:
        table.add_row(*([escape(finding.group or "")] if asked.by else []), *_cells(finding))
    return table


def _cells(finding: EscalationFinding) -> list[str]:
    told = finding.guarantee
    first = [str(finding.labels), _percent(finding.agreement)]
    if told is None:
        return [*first, "refused", "", "", ""]
    if told.threshold is None:
        return [*first, "none", "0.0%", "", ""]
    return [*first, f"{told.threshold:g}", _percent(told.coverage), _percent(told.agreement), _percent(told.bound)]


def _said(finding: EscalationFinding, asked: Asked) -> list[str]:
    told = finding.guarantee
    if told is None:
        return [f"refused: {finding.labels} labels, and a guarantee takes {finding.needed}"]
    if told.threshold is None:
        held = f"{asked.agreement:.0%} agreement at {asked.confidence:.0%} confidence"
        lines = [f"No threshold holds {held}: escalate everything."]
    else:
        lines = [f"--escalate '{orjson.dumps(_option(finding, asked.to)).decode()}'"]
        if told.accepted == told.labels:
            lines.append("Every one of these was sure enough: nothing has to be escalated.")
    return lines + _cascade_said(finding, told, asked.to)


def _cascade_said(finding: EscalationFinding, told: Guarantee, to: str) -> list[str]:
    cascade = finding.cascade
    if cascade is None:
        return []
    missing = f"; {cascade.missing} to be escalated have no second verdict" if cascade.missing else ""
    return [
        f"with {to} for the other {1 - told.coverage:.1%}: {_percent(cascade.agreement)} agree in all, "
        f"with {to} alone {_percent(cascade.alone)} of {cascade.seconds}{missing}"
    ]


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.1%}"
