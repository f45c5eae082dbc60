"""How much is under way: a place for each case, a bounded queue before it, and an end to work nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Final, NamedTuple, TypeVar

from fastapi import Request
from starlette.types import Receive

from judge_service.api.problems import Problem
from judge_service.backends.flow import Flow
from judge_service.backends.lanes import Lanes

T = TypeVar("T")
_LOOK_AFTER: Final = 0.02


class Turn(NamedTuple):
    """A place that is held.

    Attributes:
        number: by which it is given back.
        since: the event loop's time at which it was taken.
        waited: seconds for which it was waited for.
    """

    number: int
    since: float
    waited: float


class Lane:
    """One way to the places: the first, or the one of those who give way."""

    def __init__(self, lanes: Lanes, flow: Flow, gives_way: bool) -> None:
        self._lanes = lanes
        self._flow = flow
        self._gives_way = gives_way

    @property
    def waiting(self) -> int:
        """Cases that would have their places before one that comes now."""
        return self._lanes.waiting + (self._lanes.behind if self._gives_way else 0)

    @property
    def wait(self) -> float:
        """Seconds for which that one would wait, as far as that is known; 0 where nobody waits."""
        waiting = self.waiting
        return self._flow.wait(_now(), waiting) if waiting else 0.0

    async def enter(self, deadline: float | None = None) -> Turn:
        """Takes a place, or waits for one.

        Args:
            deadline: the event loop's time after which it is no longer waited for.

        Raises:
            TimeoutError: the deadline passed before there was a place.
        """
        now = _now()
        if self._lanes.took(self._gives_way):
            return Turn(self._flow.took(now), now, 0.0)
        self._flow.waits(now)
        async with asyncio.timeout_at(deadline):
            await self._lanes.acquire(self._gives_way)
        since = _now()
        return Turn(self._flow.took(since), since, since - now)

    def leave(self, turn: Turn) -> None:
        """Gives the place back."""
        self._lanes.release(self._gives_way)
        self._flow.freed(_now(), turn.number, self._lanes.waiting + self._lanes.behind)

    @asynccontextmanager
    async def place(self, deadline: float | None = None) -> AsyncIterator[None]:
        """A place for as long as the block lasts.

        Raises:
            TimeoutError: the deadline passed before there was one.
        """
        turn = await self.enter(deadline)
        try:
            yield
        finally:
            self.leave(turn)


class Places:
    """Lets so many cases be judged at a time; the others wait.

    Args:
        share: of the places, that those who give way may hold.

    Attributes:
        of_batches: how many places that share comes to.
        first: the way in for cases that somebody waits for.
        yielding: the way in for cases of batches: a place is only to be had there while no other case waits.
    """

    def __init__(self, most: int, share: float = 1.0) -> None:
        self.of_batches = max(1, int(most * share))
        self._lanes = Lanes(most, self.of_batches)
        flow = Flow()
        self.first = Lane(self._lanes, flow, gives_way=False)
        self.yielding = Lane(self._lanes, flow, gives_way=True)

    def lane(self, gives_way: bool) -> Lane:
        """The way in for who gives way, or not."""
        return self.yielding if gives_way else self.first

    @property
    def waiting(self) -> int:
        """Cases that wait for a place, those that give way left out."""
        return self._lanes.waiting


def _now() -> float:
    return asyncio.get_running_loop().time()


async def while_wanted(request: Request, work: Awaitable[T]) -> T:
    """What the work returns; if the caller hangs up before, the work is cancelled.

    Work that is done at once (a cache hit) pays for a timer and nothing more.

    Raises:
        Problem: 499, for the log: there is nobody to send it to.
    """
    task = asyncio.current_task()
    assert task is not None
    watch = _Watch(request.receive, task)
    timer = asyncio.get_running_loop().call_later(_LOOK_AFTER, watch.begin)
    try:
        return await work
    except asyncio.CancelledError:
        if not watch.gone:
            raise
        task.uncancel()
        raise Problem(499, "the caller has gone", code="caller_gone") from None
    finally:
        timer.cancel()
        watch.end()


class _Watch:
    def __init__(self, receive: Receive, task: asyncio.Task[object]) -> None:
        self.gone = False
        self._receive = receive
        self._task = task
        self._watching: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue
        self.gone = True
        self._task.cancel()

    def end(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
