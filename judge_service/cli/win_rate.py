"""win-rate: how often a model's answers are better than a baseline's."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer

from judge_service.batch.rows import parse_fields
from judge_service.cli.contest import ContestFlags, judged_contest, paired_files
from judge_service.cli.few_labels import few_labels_of, few_labels_page, few_labels_records, with_few_labels
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
from judge_service.cli.labelled import LabelField, LabelsFile, people_told
from judge_service.cli.reporting import ReportFile, check_report, write_report
from judge_service.cli.win_rate_finding import Wanted, found_between, found_in, unscored_told, write_files
from judge_service.cli.win_rate_page import page
from judge_service.cli.win_rate_record import Found, record
from judge_service.cli.win_rate_report import win_rate_report
from judge_service.contests.comparisons import Compared, comparisons_in
from judge_service.contests.difficulties import difficulties_of
from judge_service.contests.sources import OUTPUTS, one_kind
from judge_service.errors import InvalidOption
from judge_service.evaluation.few_labels import FewLabels
from judge_service.files.disk import STANDARD, check_output
from judge_service.files.packing import check_writable
from judge_service.files.sources import inputs_of
from judge_service.loops import run_interruptibly

NO_HEADLINE: Final = 3
_TWO: Final = 2


def win_rate_(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="IN…",
            help="Stored judgments or AlpacaEval's annotations.json; or two files of outputs: the model's, then the "
            "baseline's (AlpacaEval, Arena-Hard, MT-Bench, or rows of prompt and output).",
        ),
    ],
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
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of intervals.")] = 0.95,
    cluster: Annotated[
        str, typer.Option(metavar="FIELD", help="The field of metadata that tells prompts apart. [default: their text]")
    ] = "",
    cases: Annotated[
        str, typer.Option(metavar="FILE", help="Of judgments without texts: the file that was judged.")
    ] = "",
    field: Annotated[list[str], typer.Option(help="FIELD=COLUMN of it, or of outputs, such as prompt=query.")] = [],  # noqa: B006
    allow_mixed: Annotated[
        bool, typer.Option("--allow-mixed", help="Take several judges, epochs, rubrics and methods together.")
    ] = False,
    questions: Annotated[
        str, typer.Option(metavar="FILE", help="Of outputs that do not repeat them: question.jsonl.")
    ] = "",
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Of outputs: leave out prompts that only one file answers.")
    ] = False,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="OUT", help="Of outputs: keep the judgments, and go on from them.")
    ] = "",
    judge_url: JudgeUrl = [],  # noqa: B006
    model: Model = "",
    judge_key_env: KeyEnv = "",
    offline: Offline = False,
    server: Annotated[str, typer.Option(help="A running judge-service to ask.")] = "",
    config: Config = None,
    wait_judge: WaitJudge = 10.0,
    concurrency: Annotated[int | None, typer.Option(help="Judge calls in flight. [default: 256]")] = None,
    rubric: Annotated[str | None, typer.Option(help="An id, id@version, or a .toml file.")] = None,
    judge: Annotated[list[str], typer.Option(help="A configured judge; several are a panel.")] = [],  # noqa: B006
    method: Annotated[str | None, typer.Option(help="auto, direct or cot.")] = None,
    orders: Annotated[str | None, typer.Option(help="both, one, audited.")] = None,
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
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Judge again what was not judged.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Start OUT anew.")] = False,
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
    label: LabelField = "",
    labels: LabelsFile = "",
    report: ReportFile = "",
    json_: Annotated[bool, typer.Option("--json", help="As JSON, rates in percent.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
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
    _check_outputs(read, labels, output, annotations, leaderboard, report)
    found = _judged(read, wanted, asked) if one_kind(sources) == OUTPUTS else _stored(read, wanted, asked)
    few = _few(read, found, label, labels, confidence)
    numbers = orjson.loads(orjson.dumps(record(found) | few_labels_records(few)))
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


@dataclass(frozen=True, slots=True)
class Read:
    """What is read, and how."""

    sources: tuple[str, ...]
    against: tuple[str, ...]
    cases: str
    fields: tuple[str, ...]
    cluster: str
    allow_mixed: bool
    questions: str
    allow_missing: bool

    def compared(self, sources: Sequence[str]) -> Compared:
        """The comparisons of some of the files."""
        return comparisons_in(
            sources,
            cases=self.cases,
            fields=parse_fields(self.fields),
            field=self.cluster,
            allow_mixed=self.allow_mixed,
        )


def _judged(read: Read, wanted: Wanted, asked: ContestFlags) -> Found:
    if len(read.sources) != _TWO or read.against or read.cases or read.cluster:
        raise InvalidOption(
            "of outputs give two files, the model's and then the baseline's, and neither --against, --cases nor"
            " --cluster",
            "IN",
        )
    model, baseline = read.sources
    fields, names = parse_fields(read.fields), (wanted.model, wanted.baseline)
    contest = paired_files(model, baseline, read.questions, fields, names, read.allow_missing)
    compared = run_interruptibly(judged_contest(contest, asked))
    return found_in(replace(wanted, model=contest.model, baseline=contest.baseline), compared)


def _stored(read: Read, wanted: Wanted, asked: ContestFlags) -> Found:
    if asked.which.urls or asked.which.offline or asked.server or asked.output or asked.options:
        raise InvalidOption("these are judgments: no judge is asked, and no option of judging goes with them", "IN")
    if read.questions or read.allow_missing:
        raise InvalidOption("--questions and --allow-missing go with two files of outputs", "questions")
    compared = read.compared(read.sources)
    if read.against:
        return found_between(wanted, compared, read.compared(read.against), read.allow_mixed)
    return found_in(wanted, compared)


def _few(read: Read, found: Found, label: str, labels: str, confidence: float) -> list[FewLabels]:
    """Each model's rate as people would have it, where there are labels."""
    if not label and not labels:
        return []
    kind = one_kind(read.sources)
    if kind == OUTPUTS or (label and kind != "judgments"):
        raise InvalidOption("--label goes with stored judgments; --labels with these, or with annotations", "label")
    sources = (*read.sources, *read.against)
    models = [one.comparisons for one in found.rates]
    return few_labels_of(models, sources, people_told(label, labels), confidence, kind == "judgments")


def _check_outputs(read: Read, labels: str, output: str, annotations: str, leaderboard: str, report: str) -> None:
    """Nothing that is written takes the place of what is read, or of something else that is written."""
    if STANDARD in (output, annotations, leaderboard):
        raise InvalidOption("standard output is for the finding: name a file", "output")
    named = [*read.sources, *read.against, *filter(None, (read.cases, read.questions, labels))]
    inputs: list[Path | str] = [*inputs_of(named)]
    for path in filter(None, (output, annotations)):
        check_writable(path, inputs)
        inputs.append(path)
    if leaderboard:
        check_output(leaderboard, inputs)
        inputs.append(leaderboard)
    check_report(report, inputs)
