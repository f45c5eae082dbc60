"""audit verbosity: whether a judge prefers what is long, beyond what people prefer."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Final

import orjson
import typer

from judge_service.batch.outputs import outputs_of
from judge_service.batch.rows import parse_fields
from judge_service.batch.stored import Stored
from judge_service.batch.texts import judgments_with_texts
from judge_service.cli.people.estimated import UNDER, ranged, told
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
from judge_service.cli.plain import on_one_line
from judge_service.cli.reporting import ReportFile, check_report, write_report
from judge_service.errors import InvalidRequest
from judge_service.evaluation.audits.verbosity import (
    UNIDENTIFIED,
    GapBin,
    Sized,
    Verbosity,
    sized_judgment,
    verbosity_of,
    verbosity_record,
)
from judge_service.evaluation.contests.comparisons import prompt_of
from judge_service.files.sources import inputs_of
from judge_service.reports.page import Intervals, Report, Section, Table

NOT_IDENTIFIED: Final = 3


def verbosity(
    sources: Sources,
    label: LabelField = "",
    labels: LabelsFile = "",
    quality: Annotated[
        str,
        typer.Option(
            metavar="FIELD", help="Of metadata, two scores that know nothing of length: pairs of one quality."
        ),
    ] = "",
    tolerance: Annotated[float, typer.Option(min=0.0, help="Qualities this near are the same.")] = 0.0,
    cases: Annotated[
        str, typer.Option(metavar="FILE", help="The file that was judged, for texts that judgments do not carry.")
    ] = "",
    field: Annotated[list[str], typer.Option(help="FIELD=COLUMN of that file, as when it was judged.")] = [],  # noqa: B006
    cluster: Annotated[
        str, typer.Option(metavar="FIELD", help="The field of metadata that tells prompts apart. [default: their text]")
    ] = "",
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of intervals.")] = 0.95,
    fail_over: Annotated[
        float | None,
        typer.Option(metavar="BIAS", min=0.0, help="Exit with 3 where the bias is beyond that either way."),
    ] = None,
    allow_mixed: Annotated[
        bool, typer.Option("--allow-mixed", help="Take several judges, epochs, rubrics and methods together.")
    ] = False,
    report: ReportFile = "",
    as_json: AsJson = False,
) -> None:
    """How often a judge agrees with people where they preferred the longer answer, and where the shorter.

    With neither labels nor qualities it is not identified, and the exit code is 3: what is long may be better.
    """
    check_report(report, inputs_of([*sources, *filter(None, (labels, cases))]))
    people = people_told(label, labels) if label or labels else People(lambda _, __: ())
    stored, seen = Stored(outputs_of(sources), allow_mixed), Seen()
    left_out: Counter[str] = Counter()
    pairs: list[Sized] = []
    for where, judgment, case in facts_of(judgments_with_texts(stored, cases, parse_fields(field)), seen):
        if judgment.kind != "preference":
            raise InvalidRequest(f"{where} is a {judgment.kind}: a preference for length shows in pairs")
        sized = sized_judgment(judgment, prompt_of(judgment, case, cluster), case, people.of(where, judgment), quality)
        if isinstance(sized, str):
            left_out[sized] += 1
        else:
            pairs.append(sized)
    if not pairs:
        told_why = ", ".join(f"{count} {why}" for why, count in left_out.items()) or "there is no judgment"
        raise InvalidRequest(
            f"no pair has a verdict and texts ({told_why}); give the file that was judged: --cases FILE"
        )
    found = verbosity_of(pairs, confidence, tolerance, left_out)
    facts = in_words(seen)
    write_report(report, report_on(found, facts))
    record = {"object": "audit.verbosity", **facts, "confidence": confidence, **verbosity_record(found)}
    typer.echo(orjson.dumps(record, option=orjson.OPT_INDENT_2) if as_json else page(found, facts))
    for line in stored.told:
        print(line, file=sys.stderr)
    _end(found, fail_over)


def _end(found: Verbosity, fail_over: float | None) -> None:
    value = found.bias.value if found.identified == "labels" else found.matched.value
    if found.identified is None or value is None:
        raise typer.Exit(NOT_IDENTIFIED)
    if fail_over is not None and abs(value) > fail_over:
        print(f"the bias is {value:+.3f}, beyond {fail_over:g}", file=sys.stderr)
        raise typer.Exit(UNDER)


def page(found: Verbosity, facts: dict[str, str]) -> str:
    """The finding for a person."""
    lines = [", ".join(f"{name} {on_one_line(value)}" for name, value in facts.items()), *_counts(found)]
    if found.identified is None:
        lines.append(_line("bias", UNIDENTIFIED))
    if found.labels:
        lines += [
            _line("agrees with people", f"{told(found.on_longer, True)} where they preferred the longer"),
            _line("", f"{told(found.on_shorter, True)} where the shorter"),
            _line("bias", told(found.bias, True, True)),
            _line("longer picked", f"{told(found.more_than_people, True, True)} more than people do"),
        ]
    if found.matched.value is not None:
        lines.append(_line("of one quality", f"{told(found.matched, True, True)} beyond half for the longer"))
    lines.append(_line("picks the longer", told(found.picks_longer, True)))
    lines += [_line(f"  {_span(each)}", _bin(each)) for each in found.bins if each.pairs]
    return "\n".join(lines)


def _counts(found: Verbosity) -> Iterable[str]:
    yield _line("pairs", f"{found.pairs:,} of unequal length, {found.labels:,} with labels")
    if found.left_out:
        yield _line("left out", ", ".join(f"{count:,} {why}" for why, count in sorted(found.left_out.items())))


def _span(each: GapBin) -> str:
    return f"{each.low:g} to {each.high:g} times" if each.high < float("inf") else f"{each.low:g} times and more"


def _bin(each: GapBin) -> str:
    bias = "" if each.bias.value is None else f"; bias {told(each.bias, True, True)}"
    return told(each.picks_longer, True) + bias


def _line(name: str, value: str) -> str:
    return f"  {name:<22}{value}"


def report_on(found: Verbosity, facts: dict[str, str]) -> Report:
    """The same with plots by how many times as long the longer answer is."""
    bins = [each for each in found.bins if each.pairs]
    rows: Any = [(ranged(_span(each), each.picks_longer), ranged(_span(each), each.bias)) for each in bins]
    plots = (
        Intervals("The longer answer is picked", tuple(one for one, _ in rows if one), "share of pairs", 0.5),
        Intervals("Bias by gap", tuple(bias for _, bias in rows if bias), "agreement on longer less on shorter", 0.0),
    )
    names = ("on_longer", "on_shorter", "bias", "more_than_people", "matched", "picks_longer", "people_pick_longer")
    figures = tuple((name.replace("_", " "), *getattr(found, name)) for name in names)
    table = Table("Figures", ("figure", "value", "low", "high", "n", "why not"), figures, digits=3)
    summary = (
        UNIDENTIFIED if found.identified is None else f"Bias by {found.identified}: {told(_main(found), True, True)}."
    )
    shown = tuple(plot for plot in plots if plot.rows)
    return Report("Verbosity", (summary,), (Section("Length", (), (table,), shown),), facts, verbosity_record(found))


def _main(found: Verbosity) -> Any:
    return found.bias if found.identified == "labels" else found.matched
