"""leaderboard: many models on one scale, by one judge."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import orjson
import typer

from judge_service.batch.rows import parse_fields
from judge_service.cli.leaderboard_page import page, record
from judge_service.cli.leaderboard_report import report_on
from judge_service.cli.reporting import ReportFile, check_report, write_report
from judge_service.contests.comparisons import comparisons_in
from judge_service.errors import InvalidOption
from judge_service.evaluation.leaderboard import Terms
from judge_service.evaluation.leaderboard import leaderboard as made_of

NOT_SOUND: Final = 3


def leaderboard(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="IN…", help="Judgments of pairs whose candidates' models are named, or annotations.json."
        ),
    ],
    baseline: Annotated[str, typer.Option(metavar="MODEL", help="Show each model against this one, too.")] = "",
    soft: Annotated[
        bool, typer.Option("--soft", help="Strengths from probabilities, not from wins, losses and ties.")
    ] = False,
    style: Annotated[
        bool, typer.Option("--style", help="Strengths of answers that are as long and laid out alike; needs texts.")
    ] = False,
    unscored: Annotated[
        Literal["bounds", "tie", "drop"],
        typer.Option(help="What is missing: tie, drop, or bounds, with which there is no result beyond 1%."),
    ] = "bounds",
    cases: Annotated[str, typer.Option(metavar="FILE", help="The cases that were judged, for their texts.")] = "",
    field: Annotated[list[str], typer.Option(help="FIELD=COLUMN of that file.")] = [],  # noqa: B006
    prompt_field: Annotated[
        str, typer.Option(help="The field of the metadata that tells prompts apart. [default: the prompt's text]")
    ] = "",
    confidence: Annotated[float, typer.Option(help="Of each interval.")] = 0.95,
    draws: Annotated[int, typer.Option(min=0, help="Of prompts, for intervals of ranks.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of these draws.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    report: ReportFile = "",
    allow_mixed: Annotated[
        bool, typer.Option(help="Take several judges, epochs, rubrics and methods together.")
    ] = False,
) -> None:
    """Put many models on one scale: strengths with intervals, ranks, and which differences are more than chance."""
    if not 0.5 <= confidence < 1.0:
        raise InvalidOption(f"--confidence is a number from 0.5 to 1, such as 0.95; got {confidence:g}", "confidence")
    check_report(report, sources)
    read = comparisons_in(
        sources, cases=cases, fields=parse_fields(tuple(field)), field=prompt_field, allow_mixed=allow_mixed
    )
    found = made_of(read.comparisons, Terms(soft, baseline, unscored, confidence, draws, seed, style), read.unplaced)
    told = record(found, read.facts, read.told)
    typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2) if as_json else page(found, read.facts, read.told))
    write_report(report, report_on(found, read.facts, told))
    if not found.is_sound:
        raise typer.Exit(NOT_SOUND)
