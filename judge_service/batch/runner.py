"""Judges a stream of rows: a bounded number of cases at a time, each recorded as soon as it is finished."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from judge_service.batch.feeding import AtHand, Awaited
from judge_service.batch.known import Known, in_short
from judge_service.batch.progress import Progress
from judge_service.batch.rows import case_of_row, id_of_row
from judge_service.domain.cases import Case
from judge_service.domain.digests import digest
from judge_service.domain.judgments import Judgment
from judge_service.domain.options import Task
from judge_service.errors import InvalidCase, RunRefused
from judge_service.files.reading import Row

BREATH: Final = 64
NO_CASE: Final = in_short(digest(None))
"""The digest in the judgment of a row that was no case."""


class Judging(Protocol):
    """Judges cases one by one: a sitting here, or one held by a server elsewhere."""

    async def judge(self, case: Case) -> Judgment:
        """The judgment on a case; InvalidCase if the case lacks what the standard takes."""
        ...

    def invalid(self, error: InvalidCase, case_id: str) -> Judgment:
        """The judgment at the place of a row that is no case."""
        ...


def _nowhere(case_id: str) -> None:
    """Keeps no order."""


def _nothing(progress: Progress) -> None:
    """Lets the run go on."""


def _some(cases: int) -> bool:
    return cases < 64


@dataclass(slots=True)
class Run:
    """One batch: where rows come from, who judges them and where judgments go.

    Attributes:
        done: digests of the cases an earlier run finished, in short, by case id; they are not judged again.
        has_room: whether another case may begin while so many are under way.
        record: keeps a judgment; it is called in the order in which cases finish.
        placed: is told the id under which each case is judged, or was, in the order of the rows.
        after: looks at the progress after each judgment, and may raise to end the run.
        is_drained: whether it was told to end, and left rows behind.
    """

    judging: Judging
    task: Task
    rows: Iterable[Row] | Awaited
    fields: Mapping[str, str]
    record: Callable[[Judgment], None]
    done: Known = field(default_factory=Known)
    has_room: Callable[[int], bool] = _some
    placed: Callable[[str], None] = _nowhere
    after: Callable[[Progress], None] = _nothing
    progress: Progress = field(default_factory=Progress)
    seen: Known = field(default_factory=Known)
    workers: int = 0
    is_drained: bool = False
    _is_ending: bool = False

    async def carry_out(self) -> Progress:
        """Judges every row that is not done.

        Raises:
            RunRefused: a row has the id of a finished case and another text.
        """
        async with asyncio.TaskGroup() as group:
            self._begin(group, self.incoming())
        self.is_drained = self.is_drained or (self._is_ending and isinstance(self.rows, Awaited))
        return self.progress

    def incoming(self) -> AsyncIterator[Row]:
        """The rows, one after the other, for as many as ask for them."""
        return self.rows if isinstance(self.rows, Awaited) else AtHand(self.rows)

    def drain(self) -> None:
        """Lets it end once the cases under way are judged."""
        self._is_ending = True
        if isinstance(self.rows, Awaited):
            self.rows.close()

    def _begin(self, group: asyncio.TaskGroup, rows: AsyncIterator[Row]) -> None:
        self.workers += 1
        group.create_task(self._work(group, rows))

    async def _work(self, group: asyncio.TaskGroup, rows: AsyncIterator[Row]) -> None:
        """Judges row after row, and has another worker begin with each as long as there is room; ends if there is none.

        Rows are read by those who have room for them: of a file nothing is read ahead, and no task waits for a row.
        """
        count = 0
        async for row in rows:
            count += 1
            if self._is_ending:
                self.is_drained = True
                break
            if self.has_room(self.workers):
                self._begin(group, rows)
            taken = self.taken_up(row)
            if taken is not None:
                self.keep(await judged(self.judging, taken, row.where) if isinstance(taken, Case) else taken)
            if count % BREATH == 0:
                # A run of cache hits never waits for anything; timers and signals want their turn.
                await asyncio.sleep(0)
            if self.workers > 1 and not self.has_room(self.workers - 1):
                break
        self.workers -= 1

    def taken_up(self, row: Row) -> Case | Judgment | None:
        """The row's case, or its judgment if it is none; None if it was done before or stands twice.

        Raises:
            RunRefused: the row has the id of a finished case and another text.
        """
        try:
            case = case_of_row(row, self.task, self.fields)
            return case if self._is_new(case, row) else None
        except InvalidCase as e:
            return self._no_case(e, row)

    def keep(self, judgment: Judgment) -> None:
        """Records a judgment and counts it."""
        self.record(judgment)
        self.progress.count(judgment)
        self.after(self.progress)

    def _is_new(self, case: Case, row: Row) -> bool:
        told = f" {sorted(case.metadata.items(), key=str)}" if case.metadata else ""
        content = in_short(case.digest + told)
        before = self.seen.first(case.id, content)
        if before is not None:
            if before != content:
                raise InvalidCase(f"the id '{case.id}' stands twice, with other content", "id")
            self.progress.duplicates += 1
            return False
        self.placed(case.id)
        done = self.done.get(case.id)
        if done is None:
            return True
        if done == NO_CASE:
            raise RunRefused(f"{row.where}: row '{case.id}' was no case before and is one now (--retry-failed?)")
        if done != in_short(case.digest):
            raise RunRefused(f"{row.where}: case '{case.id}' was judged before with another text (--overwrite?)")
        self.progress.resumed += 1
        return False

    def _no_case(self, error: InvalidCase, row: Row) -> Judgment | None:
        """An unscored judgment that names file, line and field; None if it was made before or the row stands twice."""
        name = id_of_row(row, self.fields)
        content = in_short(repr(row.value))
        before = None if name is None else self.seen.get(name)
        if before == content:
            self.progress.duplicates += 1
            return None
        case_id = row.where if name is None or before is not None else name
        self.seen.put(case_id, content)
        self.placed(case_id)
        if self.done.get(case_id) is not None:
            self.progress.resumed += 1
            return None
        return self.judging.invalid(_placed(error, row.where), case_id)


async def judged(judging: Judging, case: Case, where: str) -> Judgment:
    """The judgment on a row's case; an unscored one that names the row if the case lacks what the standard takes.

    Args:
        where: file and line of the row.
    """
    try:
        return await judging.judge(case)
    except InvalidCase as e:
        return replace(
            judging.invalid(_placed(e, where), case.id),
            case_digest=case.digest,
            candidates=tuple([c.id for c in case.candidates]),
            models={c.id: c.model for c in case.candidates},
            metadata=case.metadata,
        )


def _placed(error: InvalidCase, where: str) -> InvalidCase:
    return InvalidCase(f"{where}: {error.message}", error.param)
