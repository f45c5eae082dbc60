"""win-rate: how often a model's answers are better than a baseline's."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated, Final

import orjson
import typer

from judge_service.cli.contests.contest import ContestFlags, Course, judged_contest
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
from judge_service.cli.contests.few_labels import few_labels_page, few_labels_records, with_few_labels
from judge_service.cli.contests.locking import LockFlags, Locking
from judge_service.cli.contests.plan_page import plan_page, plan_record
from judge_service.cli.contests.planning import DifferenceOption, PlanFlags, PlanOption, planned
from judge_service.cli.contests.until import (
    ALPHA,
    Alpha,
    Budget,
    Decided,
    SequenceOption,
    Until,
    UntilFlags,
    VerdictOption,
    check_only_outputs,
    check_undecided_files,
    decided_contest,
)
from judge_service.cli.contests.until_page import decision_page, decision_record, decision_report
from judge_service.cli.contests.win_rate_finding import Wanted, found_in, unscored_told, write_files
from judge_service.cli.contests.win_rate_page import page
from judge_service.cli.contests.win_rate_read import (
    Read,
    check_written,
    contest_of,
    few_told,
    locking_of,
    stored_finding,
)
from judge_service.cli.contests.win_rate_record import record
from judge_service.cli.contests.win_rate_report import win_rate_report
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
from judge_service.cli.people.labelled import LabelField, LabelsFile
from judge_service.cli.reporting import ReportFile, write_report
from judge_service.contests.difficulties import difficulties_of
from judge_service.contests.sources import OUTPUTS, one_kind
from judge_service.errors import InvalidOption
from judge_service.evaluation.contests.win_rates import WinRate
from judge_service.loops import run_interruptibly

NO_HEADLINE: Final = 3


def win_rate_(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="IN…",
            help="Stored judgments or AlpacaEval's annotations.json; or two files of outputs: the model's, then the "
            "baseline's (AlpacaEval, Arena-Hard, MT-Bench, or rows of prompt and output).",
        ),
    ] = [],  # noqa: B006
    against: Annotated[
        list[str],
        typer.Option(metavar="IN", help="Judgments of another model over the same baseline: the difference, paired."),
    ] = [],  # noqa: B006
    evaluated: Annotated[str, typer.Option(metavar="NAME", help="Of several models only this one.")] = "",
    baseline: Annotated[
        str, typer.Option(metavar="NAME", help="The baseline. [default: whom all are compared to]")
    ] = "",
    unscored: Annotated[
        str,
        typer.Option(
            help="What is not judged: bounds instead of a win rate beyond 1%, or count it as a tie, or drop it."
        ),
    ] = "bounds",
    confidence: Confidence = 0.95,
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
    repeats: Annotated[str | None, typer.Option(help="How often each is asked.")] = None,
    ties: Annotated[str | None, typer.Option(help="allow or forbid.")] = None,
    reading: Annotated[str | None, typer.Option(help="How a text answer is read, such as arena-hard.")] = None,
    combine: Annotated[str | None, typer.Option(help="As of compare.")] = None,
    panel: Annotated[str | None, typer.Option(help="As of compare.")] = None,
    truncate: Annotated[str | None, typer.Option(help='never, or {"candidate_tokens":4000}.')] = None,
    temperature: Annotated[float | None, typer.Option(help="Of explanations.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Of explanations.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of every draw.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds per case.")] = None,
    no_cache: NoCache = False,
    retry_failed: RetryFailed = False,
    overwrite: Overwrite = False,
    difficulty: Annotated[
        str,
        typer.Option(metavar="FILE", help="How hard instructions are (AlpacaEval's df_gamed.csv), for length control."),
    ] = "",
    annotations: Annotated[
        str, typer.Option(metavar="FILE", help="Write AlpacaEval's annotations.json, for its own tools.")
    ] = "",
    leaderboard: Annotated[
        str, typer.Option(metavar="FILE", help="Put the row into a leaderboard.csv of AlpacaEval's columns.")
    ] = "",
    until: Until = "",
    budget: Budget = "",
    sequence: SequenceOption = "",
    verdict: VerdictOption = "",
    lock: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Of outputs: pin rows, rubric, prompts, options, judge and estimator there before judging; refuse to"
            " judge by anything else once it is there.",
        ),
    ] = "",
    plan: PlanOption = False,
    difference: DifferenceOption = None,
    alpha: Alpha = None,
    label: LabelField = "",
    labels: LabelsFile = "",
    report: ReportFile = "",
    json_: Annotated[bool, typer.Option("--json", help="As JSON, rates in percent.")] = False,
    quiet: Quiet = False,
) -> None:
    """How often a model's answers are better than a baseline's, with intervals that go by prompts.

    What was not judged is not chance: with more than 1% of it, or half a point more of it for one model than for
    another, there is no win rate but bounds, and the exit code is 3. With labels of a few, drawn by chance, it says too
    what people would say of all (--label or --labels).
    """
    told = {
        "rubric": rubric, "judge": judge, "method": method, "orders": orders, "repeats": repeats, "ties": ties,
        "reading": reading, "combine": combine, "panel": panel, "truncate": truncate, "temperature": temperature,
        "max_tokens": max_tokens, "seed": seed, "timeout": timeout, "cache": "bypass" if no_cache else None,
    }  # fmt: skip
    which = WhichJudge(judge_url, model, judge_key_env, offline, concurrency)
    asked = ContestFlags(plain_options(told), which, config, wait_judge, server, output, retry_failed, overwrite, quiet)
    hard = difficulties_of(difficulty) if difficulty else None
    wanted = Wanted(evaluated, baseline, unscored_told(unscored), confidence, hard)
    read = Read(tuple(sources), tuple(against), cases, tuple(field), cluster, allow_mixed, questions, allow_missing)
    if plan or difference is not None:
        _tell_plan(read, wanted, PlanFlags(plan, difference, alpha, seed or 0), json_)
        return
    if not sources:
        raise InvalidOption("give IN: judgments, annotations, or the outputs of a model and of a baseline", "IN")
    terms = UntilFlags(until, budget, alpha, sequence, verdict).terms(wanted.unscored, seed or 0)
    check_written(read, labels, output, annotations, leaderboard, report)
    if one_kind(read.sources) != OUTPUTS:
        check_only_outputs(terms, lock)
        found, locked = stored_finding(read, wanted, asked), {}
    else:
        contest = contest_of(read, wanted)
        locking = locking_of(read, wanted, asked, contest, LockFlags(lock, rubric or "", terms, server))
        if terms is not None:
            check_undecided_files(annotations, leaderboard, difficulty)
            _tell_decision(decided_contest(contest, asked, terms, locking.settle), locking, report, json_)
            return
        compared = run_interruptibly(judged_contest(contest, asked, Course(locking.settle)))
        found = found_in(replace(wanted, model=contest.model, baseline=contest.baseline), compared)
        locked = locking.told
    few = few_told(read, found, label, labels, confidence)
    numbers = orjson.loads(orjson.dumps({**record(found), **locked, **few_labels_records(few)}))
    write_report(report, with_few_labels(win_rate_report(found, numbers), few))
    for line in (*found.told, *write_files(found, annotations, leaderboard)):
        print(line, file=sys.stderr)
    typer.echo(
        orjson.dumps(numbers, option=orjson.OPT_INDENT_2)
        if json_
        else "\n\n".join([page(found), *map(few_labels_page, few)])
    )
    if not found.has_headline:
        raise typer.Exit(NO_HEADLINE)


def _tell_decision(decided: Decided, locking: Locking, report: str, as_json: bool) -> None:
    told = {**decision_record(decided), **locking.told}
    write_report(report, decision_report(decided, told))
    typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2) if as_json else decision_page(decided))
    if not decided.decision.better:
        raise typer.Exit(NO_HEADLINE)


def _tell_plan(read: Read, wanted: Wanted, flags: PlanFlags, as_json: bool) -> None:
    share = flags.share
    rates: list[WinRate] = []
    for sources in filter(None, (read.sources, read.against)):
        rates += wanted.rates(read.compared(sources))
    plan = planned(rates, share, flags.alpha or ALPHA, flags.seed)
    pilot = ", ".join((*read.sources, *read.against))
    told = orjson.dumps(plan_record(plan, pilot), option=orjson.OPT_INDENT_2) if as_json else plan_page(plan, pilot)
    typer.echo(told)
