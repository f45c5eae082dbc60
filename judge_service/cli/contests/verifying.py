"""verify: a locked evaluation, some of it asked again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from judge_service import __version__
from judge_service.batch.begun import begun_by
from judge_service.batch.rows import parse_fields
from judge_service.batch.runner import Run
from judge_service.cli.contests.contest import paired_files
from judge_service.cli.contests.locking import pinned_inputs
from judge_service.cli.flags import (
    Config,
    JudgeUrl,
    KeyEnv,
    Model,
    Offline,
    WaitJudge,
    WhichJudge,
    plain_options,
)
from judge_service.cli.opened import opened_judging
from judge_service.cli.plain import on_one_line
from judge_service.cli.progress import Display
from judge_service.contests.lock import Lock, read_lock
from judge_service.contests.pairing import Paired
from judge_service.contests.pins import pinned_judging
from judge_service.contests.reproduced import CLOSE, Again, Reproduced
from judge_service.contests.verifying import Verified, asked_again, check_pinned, stored
from judge_service.domain.frozen import frozen
from judge_service.domain.records import record_of
from judge_service.errors import InvalidOption
from judge_service.files.packing import check_writable, write_lines
from judge_service.loops import run_interruptibly
from judge_service.sitting import Sitting

NOT_REPRODUCED: Final = 3
_HEARD_SECONDS: Final = 0.2
_NAMED: Final = 10


def verify(
    lock: Annotated[str, typer.Argument(metavar="LOCK", help="What win-rate --lock wrote.")],
    share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Of the judged cases, to ask again: at least 20, or all.")
    ] = 0.02,
    max_flips: Annotated[
        str,
        typer.Option(
            metavar="SHARE",
            help="Flips that are allowed, such as 2%. [default: none, and no logit further apart than 0.05]",
        ),
    ] = "",
    output: Annotated[str, typer.Option("--output", "-o", metavar="OUT", help="Keep the judgments made now.")] = "",
    judge_url: JudgeUrl = [],  # noqa: B006
    model: Model = "",
    judge_key_env: KeyEnv = "",
    offline: Offline = False,
    config: Config = None,
    wait_judge: WaitJudge = 10.0,
    concurrency: Annotated[int | None, typer.Option(help="Judge calls in flight. [default: 256]")] = None,
    json_: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Whether a locked evaluation is what it was: its files, its rubric, its judge, and what the judge says.

    Some of its cases are asked again, past the cache. Exit 0: said again; 3: more has changed than allowed; 2: the
    files, the rubric or the prompts are others, and nothing was asked.
    """
    path = Path(lock)
    locked = _Locked(path, read_lock(path), _share_told(max_flips))
    which = WhichJudge(judge_url, model, judge_key_env, offline, concurrency)
    contest = locked.contest()
    if output:
        check_writable(output, [path, *map(Path, locked.files.values())])
    verified = run_interruptibly(_verified(locked, contest, which, config, wait_judge, share, quiet))
    if output:
        write_lines(
            output, (orjson.dumps(record_of(j), option=orjson.OPT_APPEND_NEWLINE) for j in verified.judgments), "rows"
        )
    told = _record(verified, locked)
    typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2) if json_ else _page(verified, locked))
    if not verified.found.is_within(locked.most_flips):
        raise typer.Exit(NOT_REPRODUCED)


@frozen
class _Locked:
    """A lock, and what it is held to.

    Attributes:
        most_flips: the share of flips that is allowed; None: what the contract says.
    """

    path: Path
    lock: Lock
    most_flips: float | None

    @property
    def files(self) -> dict[str, str]:
        """Its files, by what they are."""
        return {name: self.lock.path_of(name, self.path) for name in self.lock.paths}

    def contest(self) -> Paired:
        """The contest as its files make it now.

        Raises:
            InvalidRequest: they make none.
            RunRefused: they are not what was locked.
        """
        files, reading = self.files, self.lock.reading
        names = (str(reading["names"][0]), str(reading["names"][1]))
        fields, questions = parse_fields(reading["fields"]), files.get("questions", "")
        found = paired_files(files["model"], files["baseline"], questions, fields, names, reading["allow_missing"])
        inputs = {name: path for name, path in files.items() if name in self.lock.pinned["inputs"]}
        check_pinned(self.path, self.lock, pinned_inputs(inputs, found))
        return found

    def options(self) -> dict[str, Any]:
        """Those of the judging, with the rubric's file as it is now, past the cache."""
        rubric = self.files.get("rubric")
        now = plain_options({"rubric": rubric}) if rubric else {}
        return {**self.lock.reading["options"], **now, "cache": "bypass"}


async def _verified(
    locked: _Locked,
    contest: Paired,
    which: WhichJudge,
    config: Path | None,
    wait: float,
    share: float,
    quiet: bool,
) -> Verified:
    output = locked.files["output"]
    before = stored(output, locked.lock)
    listening = _listening(which, config)
    opened = opened_judging("compare", locked.options(), listening, config, wait, "", begun_by(output))
    async with opened as judging:
        assert isinstance(judging, Sitting)
        now = {"judging": pinned_judging(judging), "service": __version__}
        changed = check_pinned(locked.path, locked.lock, now)

        async def shown(run: Run) -> None:
            with Display(run.progress, quiet):
                await run.carry_out()

        return await asked_again(judging, contest.rows, before, share, changed, shown)


def _listening(which: WhichJudge, config: Path | None) -> WhichJudge:
    """The same judges, whose canaries are heard now: that another command heard them a while ago is not enough here."""
    settings = which.settings(config)
    judges = {
        name: judge.model_copy(update={"canary_seconds": min(judge.canary_seconds, _HEARD_SECONDS)})
        for name, judge in settings.judges.items()
    }
    return replace(which, resolved=settings.model_copy(update={"judges": judges}))


def _share_told(told: str) -> float | None:
    """A share such as 2% or 0.02; None where none is told.

    Raises:
        InvalidOption: it is none.
    """
    if not told:
        return None
    try:
        share = float(told.removesuffix("%")) / (100.0 if told.endswith("%") else 1.0)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise InvalidOption(f"--max-flips is a share such as 2% or 0.02; got {told!r}", "max_flips")
    return share


def _record(verified: Verified, locked: _Locked) -> dict[str, Any]:
    found = verified.found
    return {
        "object": "verification",
        "lock": locked.lock.digest,
        "reproduced": found.is_within(locked.most_flips),
        "max_flips": locked.most_flips,
        "changed": list(verified.changed),
        "cases": found.of,
        "asked": found.asked,
        "flipped": found.flipped,
        "flips": found.flips,
        "flips_interval": None if found.low is None else [found.low, found.high],
        "beyond": found.beyond,
        "close": CLOSE,
        "unjudged": found.unjudged,
        "mean_logit_difference": found.mean_apart,
        "most_logit_difference": found.most_apart,
        "not_reproduced": [each._asdict() for each in found.cases],
    }


def _page(verified: Verified, locked: _Locked) -> str:
    found = verified.found
    lines = [
        f"{found.asked:,} of {found.of:,} judged cases asked again, past the cache",
        _line("files, rubric and prompts", "as they were locked"),
        _line("judge and service", "as they were locked" if not verified.changed else "; ".join(verified.changed)),
    ]
    if found.flips is None or found.low is None or found.high is None:
        lines.append(_line("said again", "nothing: no case could be judged"))
    else:
        told = f"{found.flipped:,} with another winner: {found.flips:.1%} ({found.low:.1%} to {found.high:.1%}, exact)"
        lines.append(_line("flips", told))
        lines.append(_line("logits", f"{found.mean_apart:.3f} apart on average, {found.most_apart:.3f} at the most"))
        told = f"{found.beyond:,} with the same winner whose logits are more than {CLOSE:g} apart"
        lines.append(_line("further apart", told))
    if found.unjudged:
        lines.append(_line("not judged now", f"{found.unjudged:,}"))
    lines += [_line("", _case(each)) for each in found.cases[:_NAMED]]
    more = len(found.cases) - _NAMED
    return "\n".join(
        [*lines, *([_line("", f"and {more:,} more (--json)")] if more > 0 else []), _verdict(found, locked)]
    )


def _verdict(found: Reproduced, locked: _Locked) -> str:
    most = locked.most_flips
    allowed = "no flips, and no logits further apart, are" if most is None else f"up to {most:.1%} of flips are"
    is_within = found.is_within(locked.most_flips)
    return _line("reproduced" if is_within else "not reproduced", f"{allowed} allowed")


def _case(each: Again) -> str:
    now = each.failure if each.winner_now is None else each.winner_now
    apart = "" if each.apart is None else f", logits {each.apart:.3f} apart"
    return on_one_line(f"{each.case_id}: {each.winner_before} then, {now} now{apart}")


def _line(name: str, told: str) -> str:
    return f"  {name:<26}{told}"
