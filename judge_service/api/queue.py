"""How much is under way: a place for each case, a bounded queue before it, and an end to work nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from types import TracebackType
from typing import Final, TypeVar

from fastapi import Request
from starlette.types import Receive

from judge_service.api.problems import Problem
from judge_service.backends.lanes import Lanes

T = TypeVar("T")
RETRY_SECONDS: Final = 1
_LOOK_AFTER: Final = 0.1


class Places:
    """Lets so many cases be judged at a time, and so many more wait.

    Args:
        share: of the places, that the cases of batches may hold.

    Attributes:
        of_batches: how many places that share comes to.
        yielding: a place for a case of a batch: one is only to be had while no other case waits.
    """

    def __init__(self, most: int, most_waiting: int, share: float = 1.0) -> None:
        self.of_batches = max(1, int(most * share))
        self._lanes = Lanes(most, self.of_batches)
        self._most_waiting = most_waiting
        self.yielding = _Yielding(self._lanes)

    @property
    def waiting(self) -> int:
        """Cases that wait for a place, those of batches left out."""
        return self._lanes.waiting

    def admit(self) -> None:
        """Turns a request away while the queue is full.

        Raises:
            Problem: 429, with Retry-After and the queue's depth.
        """
        if self.waiting >= self._most_waiting:
            problem = Problem(429, "the queue is full", code="queue_full", retry=RETRY_SECONDS)
            problem.headers["x-queue-depth"] = str(self.waiting)
            raise problem

    async def __aenter__(self) -> None:
        """Takes a place, or waits for one."""
        await self._lanes.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Gives the place back."""
        self._lanes.release()


class _Yielding:
    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    async def __aenter__(self) -> None:
        await self._lanes.acquire(gives_way=True)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lanes.release(gives_way=True)


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
