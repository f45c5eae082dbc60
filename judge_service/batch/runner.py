"""Judges a stream of rows: a bounded number of cases at a time, each recorded as soon as it is finished."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from judge_service.batch.files import Row
from judge_service.batch.progress import Progress
from judge_service.batch.rows import case_of_row, id_of_row
from judge_service.domain.cases import Case
from judge_service.domain.digests import digest
from judge_service.domain.judgments import Judgment
from judge_service.domain.options import Task
from judge_service.errors import InvalidCase, RunRefused

_BREATH = 64
NO_CASE: Final = digest(None)
"""The digest in the judgment of a row that was no case."""


class Judging(Protocol):
    """Judges cases one by one: a sitting here, or one held by a server elsewhere."""

    async def judge(self, case: Case) -> Judgment:
        """The judgment on a case; InvalidCase if the case lacks what the standard takes."""
        ...

    def invalid(self, error: InvalidCase, case_id: str) -> Judgment:
        """The judgment at the place of a row that is no case."""
        ...


def _nothing(progress: Progress) -> None:
    """Lets the run go on."""


def _some(cases: int) -> bool:
    return cases < 64


@dataclass(slots=True)
class Run:
    """One batch: where rows come from, who judges them and where judgments go.

    Attributes:
        done: digests of the cases an earlier run finished, by case id; they are not judged again.
        has_room: whether another case may begin while so many are under way.
        record: keeps a judgment; it is called in the order in which cases finish.
        after: looks at the progress after each judgment, and may raise to end the run.
    """

    judging: Judging
    task: Task
    rows: Iterable[Row]
    fields: Mapping[str, str]
    record: Callable[[Judgment], None]
    done: Mapping[str, str] = field(default_factory=dict)
    has_room: Callable[[int], bool] = _some
    after: Callable[[Progress], None] = _nothing
    progress: Progress = field(default_factory=Progress)
    seen: dict[str, int] = field(default_factory=dict)
    workers: int = 0

    async def carry_out(self) -> Progress:
        """Judges every row that is not done.

        Raises:
            RunRefused: a row has the id of a finished case and another text.
        """
        rows = iter(self.rows)
        async with asyncio.TaskGroup() as group:
            self._begin(group, rows)
        return self.progress

    def _begin(self, group: asyncio.TaskGroup, rows: Iterator[Row]) -> None:
        self.workers += 1
        group.create_task(self._work(group, rows))

    async def _work(self, group: asyncio.TaskGroup, rows: Iterator[Row]) -> None:
        """Judges row after row, and has another worker begin with each as long as there is room; ends if there is none.

        Rows are read by those who have room for them: nothing is read ahead, and no task waits for a row.
        """
        for count, row in enumerate(rows):
            if self.has_room(self.workers):
                self._begin(group, rows)
            judgment = await self._judgment(row)
            if judgment is not None:
                self.record(judgment)
                self.progress.count(judgment)
                self.after(self.progress)
            if count % _BREATH == 0:
                # A run of cache hits never waits for anything; timers and signals want their turn.
                await asyncio.sleep(0)
            if self.workers > 1 and not self.has_room(self.workers - 1):
                break
        self.workers -= 1

    async def _judgment(self, row: Row) -> Judgment | None:
        """The row's judgment; None if it was done before or stands twice."""
        try:
            case = case_of_row(row, self.task, self.fields)
            if not self._is_new(case, row):
                return None
        except InvalidCase as e:
            return self._no_case(e, row)
        try:
            return await self.judging.judge(case)
        except InvalidCase as e:
            return self._refused(e, row, case)

    def _is_new(self, case: Case, row: Row) -> bool:
        content = hash((case.digest, repr(sorted(case.metadata.items(), key=str)) if case.metadata else ""))
        if case.id in self.seen:
            if self.seen[case.id] != content:
                raise InvalidCase(f"the id '{case.id}' stands twice, with other content", "id")
            self.progress.duplicates += 1
            return False
        self.seen[case.id] = content
        if case.id not in self.done:
            return True
        if self.done[case.id] == NO_CASE:
            raise RunRefused(f"{row.where}: row '{case.id}' was no case before and is one now (--retry-failed?)")
        if self.done[case.id] != case.digest:
            raise RunRefused(f"{row.where}: case '{case.id}' was judged before with another text (--overwrite?)")
        self.progress.resumed += 1
        return False

    def _no_case(self, error: InvalidCase, row: Row) -> Judgment | None:
        """An unscored judgment that names file, line and field; None if it was made before or the row stands twice."""
        name = id_of_row(row, self.fields)
        content = hash(repr(row.value))
        if name is not None and self.seen.get(name) == content:
            self.progress.duplicates += 1
            return None
        case_id = row.where if name is None or name in self.seen else name
        self.seen[case_id] = content
        if case_id in self.done:
            self.progress.resumed += 1
            return None
        return self.judging.invalid(_placed(error, row), case_id)

    def _refused(self, error: InvalidCase, row: Row, case: Case) -> Judgment:
        """The unscored judgment on a case that lacks what the standard takes."""
        return replace(
            self.judging.invalid(_placed(error, row), case.id),
            case_digest=case.digest,
            candidates=tuple([c.id for c in case.candidates]),
            models={c.id: c.model for c in case.candidates},
            metadata=case.metadata,
        )


def _placed(error: InvalidCase, row: Row) -> InvalidCase:
    return InvalidCase(f"{row.where}: {error.message}", error.param)
