"""agreement: how far a judge agrees with people, and people with each other."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import orjson
import typer

from judge_service.batch.outputs import outputs_of
from judge_service.batch.rows import parse_fields
from judge_service.batch.stored import Stored
from judge_service.batch.texts import judgments_with_texts
from judge_service.cli.people.agreement_page import Told, page, record
from judge_service.cli.people.agreement_report import report_on
from judge_service.cli.people.estimated import UNDER, fallen_short
from judge_service.cli.people.labelled import (
    AsJson,
    LabelField,
    LabelsFile,
    Seen,
    Sources,
    facts_of,
    in_words,
    people_told,
)
from judge_service.cli.reporting import ReportFile, check_report, write_report
from judge_service.errors import InvalidOption, InvalidRequest
from judge_service.evaluation.people.agreement import Agreement, agreement_of
from judge_service.evaluation.people.rated import RatedSet, rated_set, sliced
from judge_service.files.sources import inputs_of


def agreement(
    sources: Sources,
    label: LabelField = "",
    labels: LabelsFile = "",
    by: Annotated[
        list[str],
        typer.Option(
            metavar="FIELD",
            help="Also by domain, length, a field of the metadata, or a column of the labels such as country.",
        ),
    ] = [],  # noqa: B006
    cluster: Annotated[
        str, typer.Option(metavar="FIELD", help="The field of metadata that tells prompts apart. [default: their text]")
    ] = "",
    cases: Annotated[
        str, typer.Option(metavar="FILE", help="The file that was judged, for texts that judgments do not carry.")
    ] = "",
    field: Annotated[list[str], typer.Option(help="FIELD=COLUMN of that file, as when it was judged.")] = [],  # noqa: B006
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of intervals.")] = 0.95,
    fail_under: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=VALUE", help="Exit with 3 where a figure is below that: accuracy=0.7, kappa.low=0.4."
        ),
    ] = [],  # noqa: B006
    allow_mixed: Annotated[
        bool, typer.Option("--allow-mixed", help="Take several judges, epochs, rubrics and methods together.")
    ] = False,
    report: ReportFile = "",
    as_json: AsJson = False,
) -> None:
    """How far a judge agrees with people: accuracy, kappas, alpha, correlations, each with its interval.

    Labels are rows of case_id and label, and may have a rater: with several people to a case they say how far people
    agree with each other, and whether the judge is as good as another person.
    """
    check_report(report, inputs_of([*sources, *filter(None, (labels, cases))]))
    people = people_told(label, labels)
    stored = Stored(outputs_of(sources), allow_mixed)
    seen: Seen = {}
    read = facts_of(judgments_with_texts(stored, cases, parse_fields(field)), seen)
    rated = rated_set(read, people.of, cluster)
    if not rated.rated:
        raise InvalidRequest(f"no judgment here has both a verdict and a label{_why(rated)}")
    whole = agreement_of(rated.rated, rated.kind, confidence)
    short = fallen_short(fail_under, whole.figures)
    unused = len(people.listed - {one.case_id for one in rated.rated})
    told = Told(rated.kind, whole, _slices(rated, by, confidence), rated.left_out, unused, in_words(seen), confidence)
    write_report(report, report_on(told))
    typer.echo(orjson.dumps(record(told), option=orjson.OPT_INDENT_2) if as_json else page(told))
    for line in [*stored.told, *short]:
        print(line, file=sys.stderr)
    if short:
        raise typer.Exit(UNDER)


def _why(rated: RatedSet) -> str:
    told = ", ".join(f"{count} {why}" for why, count in sorted(rated.left_out.items()))
    return f" ({told})" if told else ""


def _slices(rated: RatedSet, by: Sequence[str], confidence: float) -> dict[str, list[Agreement]]:
    slices = {}
    for field in by:
        groups = sliced(rated.rated, field)
        if not groups:
            hint = " (lengths need the texts: --cases FILE)" if field == "length" else ""
            raise InvalidOption(f"--by: no labelled case has a '{field}'{hint}", "by")
        slices[field] = [agreement_of(own, rated.kind, confidence, name) for name, own in groups.items()]
    return slices
