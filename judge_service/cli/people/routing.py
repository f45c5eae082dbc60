"""route: which cases a person should label first, and what that would have been worth on labels that are there."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import orjson
import typer

from judge_service.batch.outputs import outputs_of
from judge_service.batch.rows import parse_fields
from judge_service.batch.stored import Stored
from judge_service.batch.texts import judgments_with_texts
from judge_service.cli.people.labelled import (
    AsJson,
    LabelField,
    LabelsFile,
    People,
    Seen,
    Sources,
    facts_of,
    in_words,
    people_told,
)
from judge_service.cli.people.routing_page import page, replay_report
from judge_service.cli.reporting import ReportFile, check_report, write_report
from judge_service.domain.verdicts import Preference
from judge_service.errors import InvalidOption, InvalidRequest
from judge_service.evaluation.contests.comparisons import prompt_of
from judge_service.evaluation.people.replay import SHARES, Replay, replay_record, replayed
from judge_service.evaluation.people.routables import routable
from judge_service.evaluation.people.routing import (
    LEAST_LABELS,
    METHODS,
    Method,
    Routable,
    Routed,
    expected_accuracy,
    routed,
)
from judge_service.files.packing import check_writable, write_lines
from judge_service.files.sources import inputs_of

AUTO: Final = "auto"


def route(
    sources: Sources,
    budget: Annotated[int | None, typer.Option(min=1, help="How many cases people can label.")] = None,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="The queue: rows of case_id, score and why; - prints.")
    ] = "",
    method: Annotated[
        str,
        typer.Option(
            help=f"{', '.join(METHODS)}; auto is hybrid with {LEAST_LABELS} labels or more, else uncertainty."
        ),
    ] = AUTO,
    label: LabelField = "",
    labels: LabelsFile = "",
    second: Annotated[
        list[str],
        typer.Option(metavar="FILE", help="Of rlthf: the same cases by a reward model that learnt the judge's labels."),
    ] = [],  # noqa: B006
    replay: Annotated[
        bool, typer.Option("--replay", help="With a label for every case: what each method would have given.")
    ] = False,
    cases: Annotated[
        str, typer.Option(metavar="FILE", help="The file that was judged, for texts that judgments do not carry.")
    ] = "",
    field: Annotated[list[str], typer.Option(help="FIELD=COLUMN of that file, as when it was judged.")] = [],  # noqa: B006
    cluster: Annotated[
        str, typer.Option(metavar="FIELD", help="The field of metadata that tells prompts apart. [default: their text]")
    ] = "",
    seed: Annotated[int, typer.Option(help="Of what is drawn by chance.")] = 0,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of intervals.")] = 0.95,
    allow_mixed: Annotated[
        bool, typer.Option("--allow-mixed", help="Take several judges, epochs, rubrics and methods together.")
    ] = False,
    report: ReportFile = "",
    as_json: AsJson = False,
) -> None:
    """Queue the cases where a person's label is likely to differ from the judge's, the likeliest first.

    Cases that have labels teach hybrid where the judge errs, and are not queued. With --replay nothing is queued: all
    have labels, and each method is compared with chance.
    """
    _check(budget, output, method, replay, report)
    inputs = inputs_of([*sources, *second, *filter(None, (labels, cases))])
    check_report(report, inputs)
    if output:
        check_writable(output, inputs)
    people = people_told(label, labels) if label or labels or replay else People(lambda _, __: ())
    stored, seen = Stored(outputs_of(sources), allow_mixed), Seen()
    read = facts_of(judgments_with_texts(stored, cases, parse_fields(field)), seen)
    found = _gathered(read, people, _seconds(second), cluster)
    facts = {**in_words(seen), **({"left out": found.told} if found.left_out else {})}
    for line in stored.told:
        print(line, file=sys.stderr)
    if replay:
        _replay(found, Asked(budget, seed, confidence), facts, report, as_json)
    else:
        assert budget is not None
        _queue(found.cases, _method(method, found.cases), budget, seed, output, facts, as_json)


class Asked(NamedTuple):
    """How it is replayed."""

    budget: int | None
    seed: int
    confidence: float


class Gathered(NamedTuple):
    """Cases to be routed.

    Attributes:
        left_out: judgments by why they are none.
    """

    cases: list[Routable]
    left_out: Mapping[str, int]

    @property
    def told(self) -> str:
        """What was left out, in words."""
        return ", ".join(f"{count} {why}" for why, count in sorted(self.left_out.items()))


def _check(budget: int | None, output: str, method: str, replay: bool, report: str) -> None:
    if method not in (AUTO, *METHODS):
        raise InvalidOption(f"--method is one of {', '.join((AUTO, *METHODS))}; got {method!r}", "method")
    if replay and output:
        raise InvalidOption("--replay queues nothing: give it without -o", "output")
    if not replay and (budget is None or not output):
        raise InvalidOption(
            "say how many cases people can label, and where the queue goes: --budget N -o FILE", "budget"
        )
    if report and not replay:
        raise InvalidOption("--report goes with --replay", "report")


def _gathered(read: Any, people: People, seconds: Mapping[str, float], cluster: str) -> Gathered:
    left_out: Counter[str] = Counter()
    found: list[Routable] = []
    for where, judgment, case in read:
        if judgment.kind != "preference":
            raise InvalidRequest(f"{where} is a {judgment.kind}: what is routed are pairs")
        prompt, said = prompt_of(judgment, case, cluster), people.of(where, judgment)
        one = routable(judgment, prompt, case, said, seconds.get(judgment.case_id))
        if isinstance(one, str):
            left_out[one] += 1
        else:
            found.append(one)
    if not found:
        raise InvalidRequest("there is no judged pair here")
    return Gathered(found, left_out)


def _seconds(sources: Sequence[str]) -> dict[str, float]:
    """P(the first is better) by case, as another model has it."""
    found: dict[str, float] = {}
    for where, judgment in Stored(outputs_of(sources)).judgments() if sources else ():
        verdict = judgment.verdict
        if judgment.kind != "preference":
            raise InvalidRequest(f"{where} is a {judgment.kind}: --second takes pairs")
        if isinstance(verdict, Preference) and verdict.probability is not None:
            found[judgment.case_id] = verdict.probability
    return found


def _method(told: str, cases: Sequence[Routable]) -> Method:
    for name in METHODS:
        if name == told:
            return name
    labelled = [case for case in cases if case.label is not None]
    errors = sum(case.is_wrong for case in labelled)
    return "hybrid" if len(labelled) >= LEAST_LABELS and 0 < errors < len(labelled) else "uncertainty"


def _queue(
    cases: Sequence[Routable], method: Method, budget: int, seed: int, output: str, facts: dict[str, str], as_json: bool
) -> None:
    queue = routed(cases, method, seed)[:budget]
    rows = (
        orjson.dumps(
            {"case_id": one.case_id, "rank": rank, "score": one.score, "why": one.why, "method": method},
            option=orjson.OPT_APPEND_NEWLINE,
        )
        for rank, one in enumerate(queue, 1)
    )
    write_lines(output, rows, "rows")
    told = _expected(cases, method, queue)
    if as_json:
        record = {"object": "route", **facts, "method": method, "cases": len(cases), "queued": len(queue), **told}
        print(
            orjson.dumps(record, option=orjson.OPT_INDENT_2).decode(), file=sys.stderr if output == "-" else sys.stdout
        )
        return
    mix, alone = told["expected_accuracy"], told["expected_as_judged"]
    more = (
        "" if mix is None or alone is None else f"; {mix:.1%} of all labels are expected to be right, not {alone:.1%}"
    )
    where = "" if output == "-" else f" to {Path(output).name}"
    print(f"{len(queue)} of {len(cases)} cases{where}, by {method}{more}", file=sys.stderr)


def _expected(cases: Sequence[Routable], method: Method, queue: Sequence[Routed]) -> dict[str, float | None]:
    names = ("expected_accuracy", "expected_as_judged")
    if method != "hybrid":
        return dict.fromkeys(names)
    asked = frozenset(one.case_id for one in queue)
    return dict(zip(names, (expected_accuracy(cases, asked), expected_accuracy(cases, frozenset())), strict=True))


def _replay(found: Gathered, asked: Asked, facts: dict[str, str], report: str, as_json: bool) -> None:
    cases = [case for case in found.cases if case.label is not None]
    if len(cases) < 2:
        raise InvalidRequest("a replay takes labels of two cases or more")
    if len(cases) < len(found.cases):
        facts = {**facts, "without a label": str(len(found.cases) - len(cases))}
    budgets = (
        [min(asked.budget, len(cases))] if asked.budget else sorted({max(1, round(s * len(cases))) for s in SHARES})
    )
    replays = [_one_replay(cases, name, budgets, asked) for name in METHODS]
    errors = sum(case.is_wrong for case in cases)
    record = {
        "object": "route.replay",
        **facts,
        "cases": len(cases),
        "errors": errors,
        "confidence": asked.confidence,
        "methods": [replay_record(each) for each in replays],
    }
    write_report(report, replay_report(replays, len(cases), errors, facts, record))
    typer.echo(
        orjson.dumps(record, option=orjson.OPT_INDENT_2) if as_json else page(replays, len(cases), errors, facts)
    )


def _one_replay(cases: Sequence[Routable], method: Method, budgets: Sequence[int], asked: Asked) -> Replay:
    try:
        return replayed(cases, method, budgets, asked.seed, asked.confidence)
    except InvalidRequest as e:
        return Replay(method, (), (), e.message)
