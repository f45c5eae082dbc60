"""diff: two outputs over the same cases, and where they differ."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from judge_service.batch.outputs import Reading, judgment_at, outputs_of
from judge_service.batch.rows import parse_fields
from judge_service.batch.texts import Texts, own_case, texts_from
from judge_service.cli.changes_page import changes_lines, changes_record, changes_report, failures
from judge_service.cli.plain import on_one_line
from judge_service.cli.reporting import ReportFile, check_report, write_report
from judge_service.domain.judgments import Judgment
from judge_service.errors import InvalidRequest
from judge_service.evaluation.audits.thresholds import checked, thresholds_in
from judge_service.evaluation.changes import measures_of
from judge_service.evaluation.contests.comparisons import prompt_of
from judge_service.evaluation.differences import Differences, Disagreement, Outcome, differences, outcome_of
from judge_service.evaluation.origins import telling
from judge_service.exports.shapes import text as plain_text

FAILED: Final = 3
_NAMED: Final = 10


def diff(
    one: Annotated[str, typer.Argument(metavar="A", help="An output, a pattern or a folder.")],
    other: Annotated[str, typer.Argument(metavar="B", help="The one to compare it with.")],
    most: Annotated[int, typer.Option("-n", min=0, help="How many disagreements to tell, the largest first.")] = 10,
    cases: Annotated[
        str, typer.Option(metavar="FILE", help="The cases that were judged, for their prompts and lengths.")
    ] = "",
    field: Annotated[list[str], typer.Option(help="FIELD=COLUMN of that file.")] = [],  # noqa: B006
    fail_if: Annotated[
        str, typer.Option(metavar="CONDITIONS", help="Exit code 3 if one holds: 'changed>5%,|move|>0.2,longer>60%'.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    report: ReportFile = "",
    allow_mixed: Annotated[
        bool, typer.Option(help="Take outputs of several judges, epochs, rubrics and methods.")
    ] = False,
) -> None:
    """Compare two outputs, such as two versions of a rubric or judge, case by case: what changed, and if by chance."""
    thresholds = thresholds_in(fail_if)
    check_report(report, [one, other])
    with texts_from(cases, parse_fields(tuple(field))) as texts:
        before, after = (_Side(outputs_of([told]), allow_mixed, texts) for told in (one, other))
        joined = _Joined(dict(before.outcomes()))
        found = differences(joined.pairs(after), most)
    told = _record(found, joined, before, after)
    changed = found.changes.found()
    looked_at = checked(thresholds, measures_of(changed, told["other_status"], found.cases))
    told |= {**changes_record(changed), "thresholds": [vars(each) for each in looked_at]}
    lines = [_page(told, found), *changes_lines(changed, found.is_of_pairs), *failures(looked_at)]
    typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2) if as_json else "\n".join(lines))
    write_report(report, changes_report(told, changed, lines))
    if any(each.failed for each in looked_at):
        raise typer.Exit(FAILED)


@dataclass(slots=True)
class _Side:
    """One of the two.

    Attributes:
        told: what the first of its judgments tells of how it was made.
        alike: what is the same in most cases, and held once for all of them.
    """

    files: list[Path]
    allow_mixed: bool
    texts: Texts
    torn: list[Path] = field(default_factory=list)
    told: dict[str, str] = field(default_factory=dict)
    alike: dict[Hashable, Any] = field(default_factory=dict)

    def outcomes(self) -> Iterator[tuple[str, Outcome]]:
        reading = Reading(self.files, self.allow_mixed)
        for where, record in reading.records():
            if not self.told and record.get("provenance"):
                self.told = _telling(record, where)
            judgment = judgment_at(where, record, with_evidence=False)
            yield judgment.case_id, self._in_common(self._outcome(judgment))
        self.torn = reading.torn

    def _outcome(self, judgment: Judgment) -> Outcome:
        case = own_case(judgment) or (self.texts.case_of(judgment) if self.texts.path and judgment.candidates else None)
        if case is None:
            return outcome_of(judgment)
        sizes = {candidate.id: len(plain_text(candidate.content)) for candidate in case.candidates}
        most = [name for name, size in sizes.items() if size == max(sizes.values())]
        is_one_longer = len(sizes) == 2 and len(most) == 1
        return outcome_of(judgment, prompt_of(judgment, case), most[0] if is_one_longer else None)

    def _in_common(self, outcome: Outcome) -> Outcome:
        held = self.alike.setdefault
        status, winner = held(outcome.status, outcome.status), held(outcome.winner, outcome.winner)
        candidates = held(outcome.candidates, outcome.candidates)
        models, domain = held(outcome.models, outcome.models), held(outcome.domain, outcome.domain)
        return outcome._replace(status=status, candidates=candidates, winner=winner, models=models, domain=domain)


@dataclass(slots=True)
class _Joined:
    """The cases of both: those of the first are held until they are met, those of the second only pass by."""

    first: dict[str, Outcome | None]
    only_second: dict[str, None] = field(default_factory=dict)

    def pairs(self, second: _Side) -> Iterator[tuple[str, Outcome, Outcome]]:
        for case_id, outcome in second.outcomes():
            if case_id not in self.first:
                self.only_second[case_id] = None
                continue
            known, self.first[case_id] = self.first[case_id], None
            if known is not None:
                yield case_id, known, outcome

    @property
    def only_first(self) -> list[str]:
        return [case_id for case_id, outcome in self.first.items() if outcome is not None]


def _telling(record: Mapping[str, Any], where: str) -> dict[str, str]:
    try:
        return telling(record["provenance"])
    except (KeyError, TypeError, AttributeError):
        raise InvalidRequest(f"{where} is damaged: its provenance cannot be read") from None


def _record(found: Differences, joined: _Joined, one: _Side, other: _Side) -> dict[str, Any]:
    return {
        "a": [str(path) for path in one.files],
        "b": [str(path) for path in other.files],
        "torn": [str(path) for path in (*one.torn, *other.torn)],
        "provenance": {
            name: {"a": one.told[name], "b": other.told.get(name)}
            for name in one.told
            if one.told[name] != other.told.get(name)
        },
        "only_a": _some(joined.only_first),
        "only_b": _some(list(joined.only_second)),
        "both": found.cases,
        "other_texts": found.other_texts,
        "other_status": sum(count for (a, b), count in found.statuses.items() if a != b),
        "statuses": {f"{a} -> {b}": count for (a, b), count in found.statuses.most_common()},
        "judged_in_both": found.judged,
        "same_winner": found.same,
        "other_winner": found.judged - found.same,
        "same_share": found.share,
        "kappa": found.kappa,
        "winners": {f"{a} -> {b}": count for (a, b), count in found.winners.most_common()},
        "mean_difference": found.distance,
        "largest": [_disagreement(each) for each in found.largest],
    }


def _some(ids: list[str]) -> dict[str, Any]:
    return {"count": len(ids), "first": ids[:_NAMED]}


def _disagreement(each: Disagreement) -> dict[str, Any]:
    return {"case_id": each.case_id, "a": _outcome(each.one), "b": _outcome(each.other), "difference": each.apart}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {"status": outcome.status, "winner": outcome.winner, "value": outcome.value}


def _page(told: Mapping[str, Any], found: Differences) -> str:
    lines = [f"{found.cases:,} cases in both"]
    for side in ("a", "b"):
        only = told[f"only_{side}"]
        if only["count"]:
            more = ", …" if only["count"] > _NAMED else ""
            lines.append(f"{only['count']:,} in {side.upper()} only: {on_one_line(', '.join(only['first']))}{more}")
    lines += [f"{path}: the last line is torn, and left out" for path in told["torn"]]
    if found.other_texts:
        lines.append(f"{found.other_texts:,} of them with another text or order of the candidates")
    lines += [f"{name}: {values['a']} in A, {values['b']} in B" for name, values in told["provenance"].items()]
    if told["other_status"]:
        changes = ", ".join(f"{count:,} {change}" for change, count in told["statuses"].items() if _differs(change))
        lines.append(f"{told['other_status']:,} with another status: {changes}")
    return "\n".join([*lines, *_agreement(found), *_largest(found)])


def _differs(change: str) -> bool:
    before, _, after = change.partition(" -> ")
    return before != after


def _agreement(found: Differences) -> list[str]:
    if found.share is None:
        return ["no case was judged in both"]
    parts = [f"{found.judged:,} judged in both: the same verdict in {found.same:,} ({found.share:.1%})"]
    parts.append(f"another in {found.judged - found.same:,}")
    if found.kappa is not None:
        parts.append(f"Cohen's kappa {found.kappa:.3f}")
    if found.distance is not None:
        parts.append(f"mean absolute difference of {'logits' if found.is_of_pairs else 'scores'} {found.distance:.3f}")
    return ["; ".join(parts)]


def _largest(found: Differences) -> list[str]:
    if not found.largest:
        return []
    rows = [
        f"  {on_one_line(each.case_id)}: {_short(each.one)} in A, {_short(each.other)} in B" for each in found.largest
    ]
    return ["the largest disagreements:", *rows]


def _short(outcome: Outcome) -> str:
    value = "" if outcome.value is None else f" ({outcome.value:+.2f})"
    return f"{outcome.winner or outcome.status}{value}"
