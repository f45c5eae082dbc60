"""A batch's lines are judged: some at a time, each answer kept as soon as it is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

from judge_service.backends.papers import ERRORS, OUTPUT
from judge_service.domain.options import Task
from judge_service.jobs.hold import Hold
from judge_service.jobs.lines import ENDPOINTS, answer_line, request_in
from judge_service.jobs.office import Office

Why = Literal["completed", "cancelled", "expired", "ending"]
"""Why no further line is begun: none is left, or the caller, the time, or this process has come to an end."""
_TICK_SECONDS: Final = 0.25
_SAVE_BYTES: Final = 2**20
_UNAVAILABLE: Final = 503
_LATE: Final = 504
_MOST_LATE: Final = 3
_LONGEST_PAUSE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What an endpoint's own caller would have got: a status and a body that can be written as JSON."""

    status: int
    body: Any


Answer = Callable[[Task, bytes, str], Awaitable[Answered]]
"""Answers a request's body, for a tenant."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is done at a time.

    Attributes:
        lines: lines under way, of one batch.
        grace: seconds that lines under way may take once this process ends.
    """

    lines: int
    grace: float


class LineJudging:
    """One pass over the lines of a batch that have no answer yet."""

    def __init__(self, hold: Hold, office: Office, answer: Answer, pace: Pace) -> None:
        self._hold = hold
        self._office = office
        self._answer = answer
        self._pace = pace
        self._stirred = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._fresh: dict[tuple[str, int], bytes] = {}
        self._fresh_bytes = 0
        self._stopping = asyncio.Event()
        self._broken: BaseException | None = None

    async def judge(self, lines: AsyncIterator[tuple[int, bytes]]) -> Why:
        """Judges until something ends it; what has been answered is kept then.

        Raises:
            NotHeld: the batch is another's now.
            StoreDown: answers could not be kept.
        """
        try:
            why = await self._begin_all(lines)
            seconds = {"cancelled": self._office.settings.cancel_seconds, "ending": self._pace.grace}.get(why, 0.0)
            await self._finish_within(seconds)
            return why
        finally:
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _begin_all(self, lines: AsyncIterator[tuple[int, bytes]]) -> Why:
        """Begins line after line as there is room, until none is left or another reason comes."""
        done = set(await self._hold.papers.numbers(self._hold.name, OUTPUT))
        done.update(await self._hold.papers.numbers(self._hold.name, ERRORS))
        async for number, line in lines:
            await self._hold.beat()
            if number in done:
                continue
            while not (why := self._reason()) and len(self._under_way) >= self._pace.lines:
                await self._turn()
            if why:
                return why
            self._begin(number, line)
            await self._keep_if_much()
        while self._under_way:
            why = self._reason()
            if why:
                return why
            await self._turn()
        return "completed"

    def _reason(self) -> Why | None:
        if self._office.ending.is_set():
            return "ending"
        if "ending" in self._hold.facts:
            return "cancelled"
        return "expired" if time.time() >= self._hold.facts["expires_at"] else None

    async def _turn(self) -> None:
        """Waits until something has happened, keeps what has come, and holds on to the batch."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_TICK_SECONDS):
                await self._stirred.wait()
        self._stirred.clear()
        await self._keep()
        await self._hold.beat()

    async def _finish_within(self, seconds: float) -> None:
        self._stopping.set()
        until = time.monotonic() + seconds
        while self._under_way and time.monotonic() < until:
            await self._turn()
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._keep()

    def _begin(self, number: int, line: bytes) -> None:
        task = asyncio.get_running_loop().create_task(self._judge_line(number, line))
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._broken = task.exception()
        self._stirred.set()

    async def _judge_line(self, number: int, line: bytes) -> None:
        request = request_in(line, self._hold.facts["endpoint"])
        answered = await self._answered(ENDPOINTS[request.url], request.body)
        if answered is None:
            return
        tray = OUTPUT if answered.status < 400 else ERRORS
        kept = answer_line(self._hold.name, number, request.custom_id, answered.status, answered.body)
        self._fresh[tray, number] = kept
        self._fresh_bytes += len(kept)

    async def _answered(self, task: Task, body: bytes) -> Answered | None:
        """The answer that stands: a judge that is down is waited for, and one that was late is asked again.

        None if the batch is stopped while it waits.
        """
        pause, late = 1.0, 0
        while True:
            answered = await self._answer(task, body, self._hold.facts["tenant"])
            late += answered.status == _LATE
            if answered.status != _UNAVAILABLE and not 0 < late < _MOST_LATE:
                return answered
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            if self._stopping.is_set():
                return None
            pause = min(_LONGEST_PAUSE, 2 * pause)

    async def _keep_if_much(self) -> None:
        if self._fresh_bytes >= _SAVE_BYTES:
            await self._keep()

    async def _keep(self) -> None:
        if self._broken is not None:
            raise self._broken
        if self._fresh:
            fresh, self._fresh, self._fresh_bytes = self._fresh, {}, 0
            await self._hold.put(fresh)
