"""Judges a stream of rows: a bounded number of cases at a time, each recorded as soon as it is finished."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from judge_service.batch.files import Row
from judge_service.batch.known import Known, in_short
from judge_service.batch.progress import Progress
from judge_service.batch.rows import case_of_row, id_of_row
from judge_service.domain.cases import Case
from judge_service.domain.digests import digest
from judge_service.domain.judgments import Judgment
from judge_service.domain.options import Task
from judge_service.errors import InvalidCase, RunRefused

_BREATH = 64
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


@dataclass(slots=True)
class Run:
    """One batch: where rows come from, who judges them and where judgments go.

    Attributes:
        done: digests of the cases an earlier run finished, in short, by case id; they are not judged again.
        judged_at_once: how many cases are under way at a time.
        record: keeps a judgment; it is called in the order in which cases finish.
        placed: is told the id under which each case is judged, or was, in the order of the rows.
        after: looks at the progress after each judgment, and may raise to end the run.
        is_drained: whether it was told to end, and left rows behind.
    """

    judging: Judging
    task: Task
    rows: Iterable[Row]
    fields: Mapping[str, str]
    record: Callable[[Judgment], None]
    done: Known = field(default_factory=Known)
    judged_at_once: int = 64
    placed: Callable[[str], None] = _nowhere
    after: Callable[[Progress], None] = _nothing
    progress: Progress = field(default_factory=Progress)
    seen: Known = field(default_factory=Known)
    is_drained: bool = False
    _is_ending: bool = False

    async def carry_out(self) -> Progress:
        """Judges every row that is not done.

        Raises:
            RunRefused: a row has the id of a finished case and another text.
        """
        rows = iter(self.rows)
        async with asyncio.TaskGroup() as group:
            for _ in range(self.judged_at_once):
                group.create_task(self._work(rows))
        return self.progress

    def drain(self) -> None:
        """Lets it end once the cases under way are judged."""
        self._is_ending = True

    async def _work(self, rows: Iterator[Row]) -> None:
        for count, row in enumerate(rows):
            if self._is_ending:
                self.is_drained = True
                return
            judgment = await self._judgment(row)
            if judgment is not None:
                self.record(judgment)
                self.progress.count(judgment)
                self.after(self.progress)
            if count % _BREATH == 0:
                # A run of cache hits never waits for anything; timers and signals want their turn.
                await asyncio.sleep(0)

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
