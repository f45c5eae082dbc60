"""Judgments on many cases as lines of JSON, each as soon as it is ready."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

import orjson

from judge_service.domain.judgments import Judgment
from judge_service.domain.records import record_of

C = TypeVar("C")
_AT_ONCE: Final = 4
_ENOUGH: Final = 32


async def lines(judgment_at: Callable[[int, C], Awaitable[Judgment]], cases: Sequence[C]) -> AsyncIterator[bytes]:
    """A line to each case, with its place among the cases in `index`: ids may repeat. A caller that hangs up ends the
    rest.

    A few cases begin in each turn of the event loop, so that their calls go out before the next are laid out; begun all
    at once, the judge would have nothing to do until the last was ready. What is ready in one turn goes out together.
    """
    under_way = _UnderWay(judgment_at)
    try:
        for place, case in enumerate(cases):
            under_way.begin(place, case)
            if place % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            if len(under_way.ready) >= _ENOUGH:
                yield under_way.taken()
        while under_way.left:
            await under_way.came.wait()
            yield under_way.taken()
    finally:
        under_way.cancel()


class _UnderWay(Generic[C]):
    """The cases that have begun.

    Attributes:
        left: how many of them have not been taken.
        ready: those whose judgment is there.
        came: set while there are any.
    """

    def __init__(self, judgment_at: Callable[[int, C], Awaitable[Judgment]]) -> None:
        self._judgment_at = judgment_at
        self._tasks: list[asyncio.Task[bytes]] = []
        self.left = 0
        self.ready: list[asyncio.Task[bytes]] = []
        self.came = asyncio.Event()

    def begin(self, place: int, case: C) -> None:
        task = asyncio.ensure_future(self._line(place, case))
        task.add_done_callback(self._ended)
        self._tasks.append(task)
        self.left += 1

    async def _line(self, place: int, case: C) -> bytes:
        record = {"index": place, **record_of(await self._judgment_at(place, case))}
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)

    def _ended(self, task: asyncio.Task[bytes]) -> None:
        self.ready.append(task)
        self.came.set()

    def taken(self) -> bytes:
        """The lines that are ready; whatever a case failed with is raised."""
        ready, self.ready = self.ready, []
        self.left -= len(ready)
        self.came.clear()
        return b"".join([task.result() for task in ready])

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
