"""A backend with a limit of calls in flight, which is learned: as many as the server takes, and no more."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from judge_service.backends.base import Backend, Terms, TransientFault
from judge_service.backends.window import Window
from judge_service.backends.wires import Reply
from judge_service.domain.prompting import Completion, JudgePrompt

LOOK_SECONDS: Final = 2.0
REFUSALS: Final = frozenset((429, 503, 529))
"""Too many requests; unavailable, as overloaded gateways say it; overloaded, as Anthropic does."""
_FIRST_REST: Final = 0.25
_LONGEST_REST: Final = 5.0

Look = Callable[[], Awaitable[tuple[int, int] | None]]
"""How many calls the server works on, and how many wait in its queue; None if it does not say."""


class Limited:
    """Lets so many calls through at a time as its server takes, `most` at the most; the others wait for a place.

    Those of batches wait behind the rest.

    A place whose call was refused rests for as long as an answer takes: refusals, which come at once, would else draw
    one waiting call after the other after them.

    Args:
        look: looks at the server's queue, every two seconds while it answers calls.

    Attributes:
        freed: is called when there may be a place for a call that waits elsewhere.
        began: is called when a call goes out; gives it a number.
        ended: is called with that number when it has come back.
    """

    def __init__(self, inner: Backend, most: int, look: Look | None = None) -> None:
        self._inner = inner
        self._window = Window(most)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._yielding: deque[asyncio.Future[None]] = deque()
        self._out = 0
        self._resting = 0
        self._taken = 0
        self._is_well = True
        self._look = look
        self._next_look: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self.freed: Callable[[], None] = _nobody
        self.began: Callable[[], int] = _no_number
        self.ended: Callable[[int], None] = _not_counted

    @property
    def limit(self) -> int:
        """How many calls it lets through at a time, as things are."""
        return self._window.limit

    @property
    def in_flight(self) -> int:
        """How many calls are with the server."""
        return self._out

    @property
    def waiting(self) -> int:
        """How many calls wait here for a place, those of batches left out."""
        return len(self._waiting)

    @property
    def free(self) -> int:
        """How many more calls would go out at once."""
        return 0 if self._is_awaited or not self._has_place() else self._most_out() - self._out

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        """Asks as soon as there is a place.

        A case of a batch that ran out of time while the server had a queue is asked for once more: it may only have
        waited there, and that time is as little its own as the time it waits here.

        Raises:
            TransientFault: the call failed in a way that may pass.
            TimeoutError: the case's deadline passed.
        """
        await self._enter(terms)
        began, held = self._now(), terms.held
        before = held.seconds if held is not None else 0.0
        try:
            return await self._asked(prompts, terms, began)
        except TimeoutError:
            if held is None or not self._window.has_queue:
                raise
        held.count(began, before)
        await self._place(terms)
        return await self._asked(prompts, terms, self._now())

    async def carried(self, carry: Callable[[], Awaitable[Reply]], terms: Terms) -> None:
        """Has a call of somebody's own carried to the server, in a place like any other; its time teaches nothing.

        Args:
            carry: carries it to its end; of what it returns, nothing but a refusal is of interest.

        Raises:
            TransientFault: the call failed in a way that may pass.
            TimeoutError: the deadline passed.
        """
        await self._enter(terms)
        self._look_if_any()
        number = self.began()
        try:
            async with asyncio.timeout_at(terms.until):
                reply = await carry()
            if reply.status in REFUSALS:
                self._refused(reply.retry_after)
        finally:
            self._out -= 1
            self._rouse()
            self.ended(number)

    async def _asked(self, prompts: Sequence[JudgePrompt], terms: Terms, began: float) -> list[Completion]:
        """One call, with a place that it gives back."""
        until = terms.until
        allowed = float("inf") if until is None else until - began
        if allowed <= 0.0:
            # Nobody would hear the answer: the judge is not asked, and its limit learns nothing from it.
            self._out -= 1
            self._rouse()
            raise TimeoutError
        self._look_if_any()
        number = self.began()
        try:
            async with asyncio.timeout_at(until):
                completions = await self._inner.complete(prompts, terms)
            self._is_well = True
            self._window.answered(self._now() - began, allowed, self._out)
        except TimeoutError:
            self._window.answered(max(0.0, allowed), allowed, self._out)
            raise
        except TransientFault as fault:
            self._is_well = False
            if fault.status in REFUSALS:
                self._refused(fault.retry_after)
            raise
        finally:
            self._out -= 1
            self._rouse()
            self.ended(number)
        return completions

    @property
    def _is_awaited(self) -> bool:
        return bool(self._waiting or self._yielding)

    def _has_place(self) -> bool:
        opens = self._window.opens
        return self._out < self._most_out() and (not opens or opens <= self._now())

    def _most_out(self) -> int:
        """The limit without the places that rest, but never less than the server had taken when it refused one."""
        limit = self._window.limit
        return limit if not self._resting else min(limit, max(limit - self._resting, self._taken))

    async def _enter(self, terms: Terms) -> None:
        """Takes a place, which is waited for if there is none."""
        if self._is_awaited or not self._has_place():
            await self._place(terms)
        else:
            self._out += 1

    async def _place(self, terms: Terms) -> None:
        """Waits for a place, behind those that came before."""
        turn = asyncio.get_running_loop().create_future()
        line = self._yielding if terms.priority == "batch" else self._waiting
        line.append(turn)
        self._rouse()
        try:
            await terms.waited(turn)
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._out -= 1
                self._rouse()
            else:
                with suppress(ValueError):
                    line.remove(turn)
            raise

    def _rouse(self) -> None:
        """Gives free places to those that wait, here or elsewhere."""
        while self._is_awaited and self._has_place():
            turn = (self._waiting or self._yielding).popleft()
            if not turn.done():
                self._out += 1
                turn.set_result(None)
        if not self._is_awaited:
            self.freed()

    def _refused(self, retry_after: float | None) -> None:
        window, loop = self._window, asyncio.get_running_loop()
        window.refused(loop.time(), retry_after, self._out)
        self._resting += 1
        self._taken = self._out - 1
        loop.call_later(min(_LONGEST_REST, window.latency or _FIRST_REST), self._rested)
        if window.opens > loop.time():
            loop.call_at(window.opens, self._rouse)

    def _rested(self) -> None:
        self._resting -= 1
        self._rouse()

    def _look_if_any(self) -> None:
        if self._look is not None and self._next_look is None:
            self._look_later()

    def _look_later(self) -> None:
        self._next_look = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._begin_to_look)

    def _begin_to_look(self) -> None:
        """Looks as long as there are calls, but never at a server that fails."""
        self._next_look = None
        if self._out:
            self._look_later()
            if self._is_well and (self._looking is None or self._looking.done()):
                self._looking = asyncio.get_running_loop().create_task(self._looked())

    async def _looked(self) -> None:
        assert self._look is not None
        told = await self._look()
        if told is None:
            self._window.blind()
        else:
            self._window.queued(*told, self._out)
            self._rouse()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def aclose(self) -> None:
        """Closes what is inside."""
        if self._next_look is not None:
            self._next_look.cancel()
        if self._looking is not None:
            self._looking.cancel()
        await self._inner.aclose()


def _nobody() -> None:
    """Nobody waits elsewhere."""


def _no_number() -> int:
    return 0


def _not_counted(_number: int) -> None:
    """Nobody counts."""
