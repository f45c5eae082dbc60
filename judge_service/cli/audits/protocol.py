"""audit protocol: whether ratings and comparisons of the same answers say the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import orjson
import typer

from judge_service.batch.rows import parse_fields
from judge_service.cli.changes_page import failures
from judge_service.cli.plain import on_one_line
from judge_service.cli.reporting import ReportFile, check_report, write_report
from judge_service.contests.twice import BothWays, both_ways
from judge_service.evaluation.audits.thresholds import checked, thresholds_in
from judge_service.evaluation.audits.two_protocols import (
    Disagreement,
    Favour,
    ProtocolAudit,
    protocol_measures,
    two_protocols,
)
from judge_service.evaluation.origins import differing
from judge_service.reports.page import Intervals, Ranged, Report, Section
from judge_service.statistics.intervals import Interval

FAILED: Final = 3
NEVER: Final = (
    "Numbers of one protocol are never comparable with those of the other: rates and scores go together only with what"
    " was asked in the same way."
)


def protocol(
    ratings: Annotated[str, typer.Argument(metavar="RATINGS", help="What score made, or --ratings.")],
    rankings: Annotated[str, typer.Argument(metavar="RANKINGS", help="What compare or rank made of the same cases.")],
    cases: Annotated[str, typer.Option(metavar="FILE", help="The cases that were judged, for their texts.")] = "",
    field: Annotated[list[str], typer.Option(help="FIELD=COLUMN of that file.")] = [],  # noqa: B006
    cluster: Annotated[
        str, typer.Option(metavar="FIELD", help="The field of metadata that tells prompts apart. [default: their text]")
    ] = "",
    fail_if: Annotated[
        str,
        typer.Option(metavar="CONDITIONS", help="Exit code 3 if one holds: 'protocol.disagreement>20%'."),
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    report: ReportFile = "",
) -> None:
    """Learn how often ratings and comparisons of the same answers contradict each other, and who wins under each."""
    thresholds = thresholds_in(fail_if)
    check_report(report, [ratings, rankings])
    read = both_ways([ratings], [rankings], cases=cases, fields=parse_fields(tuple(field)), prompt_field=cluster)
    found = two_protocols(read.pairs)
    looked_at = checked(thresholds, protocol_measures(found))
    told = {**_record(found, read), "thresholds": [vars(each) for each in looked_at]}
    lines = [*_lines(found, read), *failures(looked_at)]
    typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2) if as_json else "\n".join(lines))
    write_report(report, _report(found, read, told))
    if any(each.failed for each in looked_at):
        raise typer.Exit(FAILED)


def _record(found: ProtocolAudit, read: BothWays) -> dict[str, Any]:
    favours = {"longer": found.longer, "more_distinct_words": found.richer}
    return {
        "object": "protocol_audit",
        "pairs": found.pairs,
        "prompts": found.prompts,
        "disagreement": {"ratings": _disagreement(found.expected), "nearest_steps": _disagreement(found.steps)},
        "domains": {name: _interval(told) for name, told in found.domains.items()},
        "win_rate": None if found.win_rate is None else {"of": found.of, **_favour(found.win_rate)},
        "favours": {name: None if told is None else _favour(told) for name, told in favours.items()},
        "left_out": {name: count for name, count in read.left_out.items() if count},
        "facts": _facts(read),
        "notes": [*_notes(read), *read.told],
    }


def _disagreement(told: Disagreement) -> dict[str, Any]:
    return {
        "ties_count": _interval(told.with_ties),
        "ties_left_out": None if told.without_ties is None else _interval(told.without_ties),
        "rated_ties": told.rated_ties,
        "compared_ties": told.compared_ties,
    }


def _favour(told: Favour) -> dict[str, Any]:
    return {name: _interval(interval) for name, interval in told._asdict().items()}


def _interval(told: Interval) -> dict[str, Any]:
    return told._asdict()


def _facts(read: BothWays) -> dict[str, str]:
    return {"rated by": str(read.rated_by or "unknown"), "compared by": str(read.compared_by or "unknown")}


def _notes(read: BothWays) -> list[str]:
    if read.rated_by is None or read.compared_by is None or read.rated_by == read.compared_by:
        return [NEVER]
    differs = " and ".join(differing(read.rated_by, read.compared_by))
    return [f"the two differ in {differs} too, so that not all of it comes of the protocol", NEVER]


def _lines(found: ProtocolAudit, read: BothWays) -> list[str]:
    left_out = ", ".join(f"{count:,} {why}" for why, count in read.left_out.items() if count)
    return [
        f"{found.pairs:,} pairs on {found.prompts:,} prompts rated and compared"
        + (f" (left out: {left_out})" if left_out else ""),
        *(f"  {name}: {on_one_line(value)}" for name, value in _facts(read).items()),
        _line("disagree", _both(found.expected)),
        _line("by whole steps", _both(found.steps)),
        *(_line(f"  in {on_one_line(name)}", _shown(told)) for name, told in found.domains.items()),
        *_favours(found),
        *(f"note: {on_one_line(note)}" for note in (*_notes(read), *read.told)),
    ]


def _line(name: str, told: str) -> str:
    return f"  {name:<24}{told}"


def _both(told: Disagreement) -> str:
    where = "where both name a better one"
    decided = f"no pair {where}" if told.without_ties is None else f"{_shown(told.without_ties)} {where}"
    return (
        f"{decided}; {_shown(told.with_ties)} of all, a tie being an answer"
        f" (ties: {told.rated_ties:.1%} by ratings, {told.compared_ties:.1%} by comparisons)"
    )


def _shown(told: Interval) -> str:
    if told.low is None or told.high is None:
        return f"{told.value:.1%} (n {told.n:,})"
    return f"{told.value:.1%} ({told.low:.1%} to {told.high:.1%}, n {told.n:,})"


def _favours(found: ProtocolAudit) -> list[str]:
    named = {
        f"{on_one_line(found.of)} wins": found.win_rate,
        "the longer is favoured": found.longer,
        "more distinct words": found.richer,
    }
    return [
        _line(name, f"{_shown(told.rated)} by ratings, {_shown(told.compared)} by comparisons: {_apart(told.apart)}")
        for name, told in named.items()
        if told is not None
    ]


def _apart(told: Interval) -> str:
    if told.low is None or told.high is None:
        return f"{100 * told.value:+.1f} points"
    return f"{100 * told.value:+.1f} points ({100 * told.low:+.1f} to {100 * told.high:+.1f})"


def _report(found: ProtocolAudit, read: BothWays, numbers: Mapping[str, Any]) -> Report:
    decided = found.expected.without_ties
    summary = (
        "No pair has a better one by both."
        if decided is None
        else f"Ratings and comparisons name different answers as the better one in {_shown(decided)} of the pairs in"
        " which both name one.",
        *_notes(read),
    )
    named = {"where both name a better one": decided, "of all, ties count": found.expected.with_ties,
             "of all, by whole steps": found.steps.with_ties,
             **{f"in {name}": told for name, told in found.domains.items()}}  # fmt: skip
    rates: dict[str, Interval] = {}
    for name, told in {found.of: found.win_rate, "longer": found.longer, "more words": found.richer}.items():
        if told is not None:
            rates |= {f"{name}, by ratings": told.rated, f"{name}, by comparisons": told.compared}
    sections = [Section("Disagreement", tuple(_lines(found, read)[:1]), (), (_plot("Pairs that disagree", named),))]
    if rates:
        plot = _plot("Favoured, a tie counting half", rates, 50.0)
        sections.append(Section("Who is favoured", (), (), (plot,)))
    return Report("Ratings and comparisons", summary, tuple(sections), _facts(read), numbers)


def _plot(title: str, named: Mapping[str, Interval | None], reference: float | None = None) -> Intervals:
    rows = tuple(
        Ranged(name, 100 * told.value, *(None if end is None else 100 * end for end in (told.low, told.high)))
        for name, told in named.items()
        if told is not None
    )
    return Intervals(title, rows, "percent", reference)
