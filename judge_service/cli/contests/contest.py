"""Two files of outputs are judged for a command: in memory, or in an output that the next run goes on with."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

import typer

from judge_service.batch.begun import begun_by
from judge_service.batch.imported import texts_in
from judge_service.batch.ledger import Finished
from judge_service.batch.outputs import Reading, judgment_at
from judge_service.batch.rows import case_of_row
from judge_service.batch.runner import Run
from judge_service.cli.flags import WhichJudge
from judge_service.cli.opened import opened_judging
from judge_service.cli.outgoing import opened_output
from judge_service.cli.printing import warn_offline
from judge_service.cli.progress import Display, summary
from judge_service.cli.signalled import Signalled
from judge_service.contests.answers import answers_of
from judge_service.contests.comparisons import Compared, Gathering
from judge_service.contests.judging import Ahead, Asked, Enough, all_at_once, judged, never
from judge_service.contests.pairing import Paired, paired
from judge_service.domain.judgments import Judgment
from judge_service.errors import InvalidOption
from judge_service.remote import RemoteSitting
from judge_service.sitting import Sitting


@dataclass(frozen=True, slots=True)
class ContestFlags:
    """What a contest is told besides its judge.

    Attributes:
        options: of the judging, as they would stand in a request.
        output: where judgments go; "" keeps them in memory.
    """

    options: Mapping[str, Any]
    which: WhichJudge
    config: Path | None
    wait: float
    server: str
    output: str
    retry_failed: bool
    overwrite: bool
    quiet: bool

    def check_no_judging(self) -> None:
        """For what was judged before.

        Raises:
            InvalidOption: a judge is named, or how it should judge.
        """
        if self.which.urls or self.which.offline or self.server or self.output or self.options:
            raise InvalidOption("these are judgments: no judge is asked, and no option of judging goes with them", "IN")


def paired_files(
    model: str,
    baseline: str,
    questions: str,
    fields: Mapping[str, str],
    names: tuple[str, str],
    allow_missing: bool,
) -> Paired:
    """The contest that two files of outputs make.

    Args:
        names: of the model and of the baseline, where their files hold the answers of several.

    Raises:
        InvalidRequest: the files do not make one; the message says why.
    """
    texts = texts_in(questions, ())
    ours, theirs = (answers_of(path, texts, fields, name) for path, name in zip((model, baseline), names, strict=True))
    return paired(ours, theirs, allow_missing)


Settle = Callable[[Sitting | RemoteSitting], None]


def _unsettled(judging: Sitting | RemoteSitting) -> None:
    """Nothing is settled before the first case is judged."""


def _unnoted(judgment: Judgment) -> None:
    """Nothing is counted."""


@dataclass(frozen=True, slots=True)
class Course:
    """What looks on while a contest is judged.

    Attributes:
        settle: is told who judges before the first case is judged, and may refuse.
        noted: is told every judgment, those of an earlier run too, in whatever order they come.
        is_enough, ahead: as `contests.judging`.
    """

    settle: Settle = _unsettled
    noted: Callable[[Judgment], None] = _unnoted
    is_enough: Enough = never
    ahead: Ahead = all_at_once


UNATTENDED: Final = Course()
"""Nothing looks on, and every case is judged."""


async def judged_contest(contest: Paired, flags: ContestFlags, course: Course = UNATTENDED) -> Compared:
    """The contest's comparisons, in the order of its cases.

    Raises:
        typer.Exit: a signal has ended it; what is finished is kept where there is an output.
        JudgeServiceError: nothing could be judged.
    """
    begun = None if flags.overwrite or not flags.output else begun_by(flags.output)
    # Texts are written along, so that an output can be compared again, and its lengths controlled for, by itself.
    options = {"include": ["votes", "case"], **flags.options}
    with Signalled((), 0.0) as signals:
        try:
            async with opened_judging(
                "compare", options, flags.which, flags.config, flags.wait, flags.server, begun
            ) as judging:
                course.settle(judging)
                if isinstance(judging, Sitting) and not flags.quiet:
                    warn_offline(judging.provenance)
                with _kept(flags, judging) as (record, finished):
                    before = _judged_before(flags.output, finished) if len(finished.digests) else {}
                    for judgment in before.values():
                        course.noted(judgment)
                    kept = partial(_noted, record, course.noted)
                    asked = Asked(judging, contest.rows, kept, finished.digests, before, judging.has_room, course.ahead)
                    found = await judged(asked, course.is_enough, _Shown(flags, signals, finished).carry_out)
        except asyncio.CancelledError:
            _end(signals, flags)
    return _compared(found, contest)


@contextmanager
def _kept(
    flags: ContestFlags, judging: Sitting | RemoteSitting
) -> Iterator[tuple[Callable[[Judgment], None], Finished]]:
    if not flags.output:
        yield _nowhere, Finished()
        return
    with opened_output(flags.output, flags.overwrite, flags.retry_failed, judging, None) as kept:
        yield kept


def _nowhere(judgment: Judgment) -> None:
    """It is held in memory only."""


def _noted(record: Callable[[Judgment], None], noted: Callable[[Judgment], None], judgment: Judgment) -> None:
    record(judgment)
    noted(judgment)


def _judged_before(output: str, finished: Finished) -> dict[str, Judgment]:
    records = Reading([Path(output)], allow_mixed=True).records()
    return {
        record["case_id"]: judgment_at(where, record)
        for where, record in records
        if finished.digests.get(record["case_id"]) is not None
    }


@dataclass(frozen=True, slots=True)
class _Shown:
    """A run with its progress shown, that hears signals."""

    flags: ContestFlags
    signals: Signalled
    finished: Finished

    async def carry_out(self, run: Run) -> None:
        run.progress.statuses.update(self.finished.statuses)
        run.progress.finished = sum(self.finished.statuses.values())
        started = time.monotonic()
        with Display(run.progress, self.flags.quiet):
            await self.signals.carry_out(run)
        if not self.flags.quiet:
            print(summary(run.progress, self.flags.output or "memory", time.monotonic() - started, ""), file=sys.stderr)


def _end(signals: Signalled, flags: ContestFlags) -> NoReturn:
    if signals.code is None:
        raise asyncio.CancelledError
    kept = "what is finished is kept; run the same command again to go on" if flags.output else "nothing is kept (-o)"
    print(f"interrupted: {kept}", file=sys.stderr)
    raise typer.Exit(signals.code)


def _compared(judgments: Sequence[Judgment], contest: Paired) -> Compared:
    cases = {case.id: case for case in (case_of_row(row, "compare", {}) for row in contest.rows)}
    gathering = Gathering()
    for judgment in judgments:
        gathering.take(f"case '{judgment.case_id}'", judgment, cases[judgment.case_id])
    return gathering.compared(contest.told)
