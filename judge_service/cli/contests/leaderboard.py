"""leaderboard: many models on one scale, by one judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import orjson
import typer

from judge_service.batch.imported import texts_in
from judge_service.batch.outputs import outputs_of
from judge_service.batch.rows import parse_fields
from judge_service.cli.contests.contest import ContestFlags, judged_contest
from judge_service.cli.contests.contest_flags import (
    AllowMissing,
    AllowMixed,
    CasesFile,
    Cluster,
    Concurrency,
    Confidence,
    FieldColumns,
    JudgeNames,
    KeptIn,
    Method,
    Orders,
    Overwrite,
    Questions,
    Quiet,
    RetryFailed,
    RubricName,
    Server,
)
from judge_service.cli.contests.leaderboard_page import page, record
from judge_service.cli.contests.leaderboard_report import report_on
from judge_service.cli.flags import (
    Config,
    JudgeUrl,
    KeyEnv,
    Model,
    NoCache,
    Offline,
    WaitJudge,
    WhichJudge,
    plain_options,
)
from judge_service.cli.reporting import ReportFile, check_report, write_report
from judge_service.contests.answers import answers_of
from judge_service.contests.comparisons import Compared, comparisons_in
from judge_service.contests.field import field_of
from judge_service.contests.sources import OUTPUTS, one_kind
from judge_service.errors import InvalidOption
from judge_service.evaluation.contests.leaderboard import Terms
from judge_service.evaluation.contests.leaderboard import leaderboard as made_of
from judge_service.files.packing import check_writable
from judge_service.files.sources import inputs_of
from judge_service.loops import run_interruptibly

NOT_SOUND: Final = 3


def leaderboard(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="IN…",
            help="Judgments of pairs whose candidates' models are named, or AlpacaEval's annotations.json; or files of "
            "outputs, one to a model, which are judged now.",
        ),
    ],
    baseline: Annotated[
        str, typer.Option(metavar="NAME", help="Show each model against this one, too; outputs are judged against it.")
    ] = "",
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
    confidence: Confidence = 0.95,
    draws: Annotated[int, typer.Option(min=0, help="Of prompts, for intervals of ranks.")] = 1000,
    draw_seed: Annotated[int, typer.Option(min=0, help="Of these draws.")] = 0,
    cluster: Cluster = "",
    cases: CasesFile = "",
    field: FieldColumns = [],  # noqa: B006
    allow_mixed: AllowMixed = False,
    questions: Questions = "",
    allow_missing: AllowMissing = False,
    output: KeptIn = "",
    judge_url: JudgeUrl = [],  # noqa: B006
    model: Model = "",
    judge_key_env: KeyEnv = "",
    offline: Offline = False,
    server: Server = "",
    config: Config = None,
    wait_judge: WaitJudge = 10.0,
    concurrency: Concurrency = None,
    rubric: RubricName = None,
    judge: JudgeNames = [],  # noqa: B006
    method: Method = None,
    orders: Orders = None,
    seed: Annotated[int | None, typer.Option(help="Of every draw of the judging.")] = None,
    no_cache: NoCache = False,
    retry_failed: RetryFailed = False,
    overwrite: Overwrite = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, rates in percent.")] = False,
    report: ReportFile = "",
    quiet: Quiet = False,
) -> None:
    """Put many models on one scale: strengths with intervals, ranks, and which differences are more than chance."""
    told: dict[str, Any] = {
        "rubric": rubric, "judge": judge, "method": method, "orders": orders, "seed": seed,
        "cache": "bypass" if no_cache else None,
    }  # fmt: skip
    which = WhichJudge(judge_url, model, judge_key_env, offline, concurrency)
    asked = ContestFlags(plain_options(told), which, config, wait_judge, server, output, retry_failed, overwrite, quiet)
    check_report(report, sources)
    if one_kind(sources) == OUTPUTS:
        if cases or cluster or allow_mixed:
            raise InvalidOption("--cases, --cluster and --allow-mixed go with judgments, and these are outputs", "IN")
        read = _judged(sources, baseline, questions, tuple(field), allow_missing, asked)
    else:
        _check_nothing_is_asked(asked, questions, allow_missing)
        fields = parse_fields(tuple(field))
        read = comparisons_in(sources, cases=cases, fields=fields, field=cluster, allow_mixed=allow_mixed)
    found = made_of(
        read.comparisons, Terms(soft, baseline, unscored, confidence, draws, draw_seed, style), read.unplaced
    )
    numbers = record(found, read.facts, read.told)
    typer.echo(orjson.dumps(numbers, option=orjson.OPT_INDENT_2) if as_json else page(found, read.facts, read.told))
    write_report(report, report_on(found, read.facts, numbers))
    if not found.is_sound:
        raise typer.Exit(NOT_SOUND)


def _judged(
    sources: Sequence[str],
    baseline: str,
    questions: str,
    field: tuple[str, ...],
    allow_missing: bool,
    asked: ContestFlags,
) -> Compared:
    """The comparisons of every two models' outputs, or of each with the baseline's."""
    if asked.output:
        check_writable(asked.output, inputs_of([*sources, *filter(None, (questions,))]))
    texts, fields = texts_in(questions, ()), parse_fields(field)
    models = [answers_of(str(path), texts, fields) for path in outputs_of(sources)]
    return run_interruptibly(judged_contest(field_of(models, baseline, allow_missing), asked))


def _check_nothing_is_asked(asked: ContestFlags, questions: str, allow_missing: bool) -> None:
    asked.check_no_judging()
    if questions or allow_missing:
        raise InvalidOption("--questions and --allow-missing go with files of outputs", "questions")
