"""aggregate: verdicts made anew from stored votes, without a judge."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, get_args

import orjson
import typer

from judge_service.batch.filters import Condition, Filter, Share, filtered, flagged, parse_filters, with_bounds
from judge_service.batch.outputs import outputs_of
from judge_service.batch.stored import Stored
from judge_service.cli.flags import Config
from judge_service.domain.judgments import Judgment
from judge_service.domain.options import COMBINES, PANELS
from judge_service.domain.records import record_of
from judge_service.domain.standards import Aggregate
from judge_service.errors import InvalidOption, InvalidRequest
from judge_service.files.packing import check_writable, write_lines
from judge_service.library import open_library
from judge_service.protocols.again import Anew, StandardOf, settled_again
from judge_service.protocols.fits import FITS, CannotSettle
from judge_service.settings import read_settings

CRITERIA: Mapping[str, Aggregate] = {name: name for name in get_args(Aggregate)}


def aggregate(
    sources: Annotated[list[str], typer.Argument(metavar="IN…", help="Files of judgments, or patterns.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="OUT", help="Where they go; - for standard output.")],
    combine: Annotated[
        str, typer.Option(help=f"How votes are combined: {', '.join(COMBINES)}; as before if not said.")
    ] = "",
    panel: Annotated[str, typer.Option(help=f"How a panel is reduced: {', '.join(PANELS)}.")] = "",
    groups: Annotated[
        str,
        typer.Option(
            metavar="'NAME=JUDGE,…;…'",
            help="With --panel min or lexicographic: judges in groups, such as 'strict=a,b;lenient=c'. The mean within "
            "a group, and the worst case over groups, or the first that is clear.",
        ),
    ] = "",
    fit: Annotated[
        str, typer.Option(metavar="NAME", help=f"How votes become a ranking: {', '.join(FITS)}; as before if not said.")
    ] = "",
    criteria: Annotated[
        str, typer.Option(help=f"How criteria asked one by one are joined: {', '.join(CRITERIA)}; as the rubric says.")
    ] = "",
    keep: Annotated[
        str,
        typer.Option(
            "--filter",
            metavar="EXPR",
            help="Drop what does not meet it: 'kendall-w>=0.6,certainty>0.8', or 'kendall-w top 50%' over all files. "
            "Random rankings, repeated m times, have an average W of 1/m: 0.2 for five.",
        ),
    ] = "",
    flag: Annotated[
        str, typer.Option(metavar="EXPR", help="The same, but mark it in `flags` and leave it judged.")
    ] = "",
    allow_mixed: Annotated[
        bool, typer.Option(help="Take several judges, epochs, rubrics and methods together.")
    ] = False,
    config: Config = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No summary.")] = False,
) -> None:
    """Make verdicts anew from stored votes; one row to each row, and no judge is asked."""
    for name, told, known in (("combine", combine, COMBINES), ("panel", panel, PANELS), ("fit", fit, FITS)):
        _check(name, told, known)
    _check("criteria", criteria, tuple(CRITERIA))
    anew = Anew(combine or None, panel or None, _groups(groups, panel), fit or None, CRITERIA.get(criteria))
    files = outputs_of(sources)
    check_writable(output, files)
    standards = open_library(read_settings(file=config).rubrics).by_digest
    stored = _Anew(Stored(files, allow_mixed), anew, standards)
    tally = _Tally()
    kept, marked = parse_filters(keep), parse_filters(flag, "flag")
    bounds = with_bounds((*kept, *marked), stored.judgments())
    write_lines(output, _lines(stored, bounds[: len(kept)], bounds[len(kept) :], tally))
    if not quiet:
        print("\n".join([tally.told((*kept, *marked), bounds), *stored.stored.told]), file=sys.stderr)


def _check(name: str, told: str, known: tuple[str, ...]) -> None:
    if told and told not in known:
        raise InvalidOption(f"--{name} is one of {', '.join(known)}; got {told!r}", name)


def _groups(told: str, panel: str) -> dict[str, tuple[str, ...]] | None:
    """Judges by group."""
    if not told:
        return None
    if panel not in ("min", "lexicographic"):
        raise InvalidOption("--groups goes with --panel min or lexicographic", "groups")
    groups: dict[str, tuple[str, ...]] = {}
    for part in told.split(";"):
        name, sign, members = part.partition("=")
        judges = tuple(filter(None, (judge.strip() for judge in members.split(","))))
        if not sign or not name.strip() or not judges or name.strip() in groups:
            raise InvalidOption(f"--groups is 'strict=a,b;lenient=c', each name once; got {part!r}", "groups")
        groups[name.strip()] = judges
    return groups


@dataclass(frozen=True, slots=True)
class _Anew:
    """The judgments of all files, each with its verdict made anew."""

    stored: Stored
    anew: Anew
    standards: StandardOf

    def judgments(self) -> Iterator[Judgment]:
        """One after the other, from the start each time."""
        for where, judgment in self.stored.judgments():
            try:
                yield settled_again(judgment, self.anew, self.standards) if self.anew != Anew() else judgment
            except CannotSettle as e:
                raise InvalidRequest(f"{where}: {e}") from None


@dataclass(slots=True)
class _Tally:
    statuses: Counter[str] = field(default_factory=Counter)
    flagged: int = 0

    def count(self, judgment: Judgment) -> None:
        self.statuses[judgment.status] += 1
        self.flagged += bool(judgment.flags)

    def told(self, conditions: tuple[Condition, ...], bounds: tuple[Filter, ...]) -> str:
        """The summary: how many of each status, and which thresholds shares came to."""
        counts = ", ".join(f"{count} {status}" for status, count in self.statuses.most_common())
        parts = [f"{sum(self.statuses.values())} judgments: {counts or 'none'}"]
        parts += [f"{self.flagged} of them flagged"] if self.flagged else []
        shares = {
            f"{condition} came to {bound.sign}{bound.bound:g}": None
            for condition, bound in zip(conditions, bounds, strict=True)
            if isinstance(condition, Share)
        }
        return "; ".join([*parts, *shares])


def _lines(stored: _Anew, kept: tuple[Filter, ...], marked: tuple[Filter, ...], tally: _Tally) -> Iterator[bytes]:
    for judgment in stored.judgments():
        told = flagged(filtered(judgment, kept), marked)
        tally.count(told)
        yield orjson.dumps(record_of(told), option=orjson.OPT_APPEND_NEWLINE)
