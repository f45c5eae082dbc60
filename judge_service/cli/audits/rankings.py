"""audit rankings: what a filter on Kendall's W keeps, and how many rankings it takes to know."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Final

import orjson
import typer

from judge_service.batch.outputs import outputs_of
from judge_service.batch.stored import Stored
from judge_service.cli.audits.rankings_report import rankings_report
from judge_service.cli.reporting import ReportFile, check_report, write_report
from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import Ranking
from judge_service.errors import InvalidOption, InvalidRequest
from judge_service.evaluation.audits.repeated_rankings import RankingAudit, Ranks, Rule, audit
from judge_service.protocols.listwise import ranks_of
from judge_service.statistics.repeat_ranking import FEWEST

_SHARE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def rankings(
    sources: Annotated[list[str], typer.Argument(metavar="IN…", help="Files of judgments, or patterns.")],
    keep: Annotated[float | None, typer.Option(help="The least W to keep, such as 0.6.")] = None,
    top: Annotated[str, typer.Option(help="The share of cases to keep, those of the highest W. [default: 50%]")] = "",
    error: Annotated[float, typer.Option(help="The share of decisions that stopping early may change.")] = 0.01,
    report: ReportFile = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    allow_mixed: Annotated[
        bool, typer.Option(help="Take several judges, epochs, rubrics and methods together.")
    ] = False,
) -> None:
    """Learn from repeated listwise rankings which W to keep, and when fewer repeats settle it."""
    if keep is not None and top:
        raise InvalidOption("give --keep or --top, not both", "keep")
    if keep is not None and not 0 <= keep <= 1:
        raise InvalidOption(f"--keep is a number from 0 to 1; got {keep:g}", "keep")
    if not 0 < error < 1:
        raise InvalidOption(f"--error is a number between 0 and 1; got {error:g}", "error")
    share = _share(top or "50%")
    check_report(report, outputs_of(sources))
    judgments = [judgment for _, judgment in Stored(outputs_of(sources), allow_mixed).judgments()]
    cases, left_out = _complete(judgments)
    told = audit(cases, left_out, keep, share, error)
    if report:
        write_report(report, rankings_report(cases, told, asdict(told)))
    if as_json:
        typer.echo(orjson.dumps(asdict(told), option=orjson.OPT_INDENT_2))
    else:
        typer.echo(_page(told, error))


def _share(told: str) -> float:
    found = _SHARE.fullmatch(told.strip())
    if found is None or not 0 < float(found[1]) <= 100:
        raise InvalidOption(f"--top is a share such as 50%; got {told!r}", "top")
    return float(found[1]) / 100


def _complete(judgments: Sequence[Judgment]) -> tuple[list[Ranks], int]:
    """The cases whose rankings were all read, and how many judgments are none.

    Raises:
        InvalidRequest: there are none, or some stopped early.
    """
    listwise = [j for j in judgments if isinstance(j.verdict, Ranking) and j.verdict.strategy == "listwise"]
    repeats = max((len(j.votes) for j in listwise), default=0)
    if any(isinstance(j.verdict, Ranking) and j.verdict.kept is not None and len(j.votes) < repeats for j in listwise):
        # What is left would be the cases on which it is hard to decide, and no sample of all.
        raise InvalidRequest("some of these rankings stopped early: give some that were judged without repeats.keep")
    cases = [_ranks(j) for j in listwise if j.status == "judged" and len(j.votes) == repeats and _is_one_question(j)]
    if repeats < 2 or not cases:
        raise InvalidRequest("there are no listwise rankings with votes here that were repeated (rank --repeats 5)")
    return cases, len(judgments) - len(cases)


def _is_one_question(judgment: Judgment) -> bool:
    return len({vote.repeat for vote in judgment.votes}) == len(judgment.votes)


def _ranks(judgment: Judgment) -> Ranks:
    shown = [name for name in judgment.candidates if name in judgment.votes[0].order]
    return [ranks_of(vote, shown) for vote in sorted(judgment.votes, key=lambda vote: vote.repeat)]


def _page(told: RankingAudit, error: float) -> str:
    left_out = f" ({told.left_out} judgments left out)" if told.left_out else ""
    percentiles = ", ".join(f"{w:.2f} at {percent}" for percent, w in told.w.items())
    lines = [
        f"{told.cases} cases of {told.repeats} rankings each{left_out}",
        f"Kendall's W: {percentiles}; random rankings repeated {told.repeats} times average {told.random:.2f}",
        f"keeping W of {told.keep:g} or more keeps {told.kept:.1%}",
        f"stopping once that is certain: {_saved(told.exact, told.repeats)}",
    ]
    if told.learned:
        lines.append(f"stopping at learned bounds too: {_saved(told.learned, told.repeats)} on cases not learned from")
    elif "below" in told.option:
        lines.append(f"learned bounds: too few cases to hold half of them out; see how {2 * FEWEST} do")
    elif told.repeats > 2:
        lines.append(f"no bounds were learned: at an error of {error:g}, {told.cases} cases leave none sure enough")
    return "\n".join([*lines, f"--repeats '{orjson.dumps(told.option).decode()}'"])


def _saved(rule: Rule, repeats: int) -> str:
    return (
        f"{rule.rankings:.2f} rankings a case, {1 - rule.rankings / repeats:.0%} saved, {rule.same:.2%} decided alike"
    )
