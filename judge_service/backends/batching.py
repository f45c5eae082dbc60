"""What concurrent callers ask for in one turn of the event loop goes out as one operation."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class _Asked(Generic[Q, A]):
    questions: Sequence[Q]
    weight: int
    answers: asyncio.Future[list[A]]


class Batches(Generic[Q, A]):
    """Gathers questions, in the order they were asked, into operations of bounded weight.

    Args:
        carry: one operation: an answer for each question, in their order. It never raises.
        most: the weight of one operation; a question weighs 1 unless its caller says more.
        lanes: operations under way at a time; while all are taken, what is asked gathers. With 1 the order holds from
            one operation to the next.

    A cancelled caller takes nothing from the others; what it asked is carried out all the same.
    """

    def __init__(self, carry: Callable[[list[Q]], Awaitable[list[A]]], most: int, lanes: int = 1) -> None:
        self._carry = carry
        self._most = most
        self._lanes = lanes
        self._waiting: deque[_Asked[Q, A]] = deque()
        self._under_way: set[asyncio.Task[None]] = set()
        self._is_due = False

    async def ask(self, questions: Sequence[Q], weight: int = 0) -> list[A]:
        """The answers to these questions, asked together with those of everyone else.

        Args:
            weight: of the questions together; their number if 0.
        """
        if len(questions) <= self._most:
            return await self._queued(questions, weight)
        parts = [questions[at : at + self._most] for at in range(0, len(questions), self._most)]
        answers = await asyncio.gather(*(self._queued(part, 0) for part in parts))
        return [answer for part in answers for answer in part]

    def _queued(self, questions: Sequence[Q], weight: int) -> asyncio.Future[list[A]]:
        loop = asyncio.get_running_loop()
        asked: _Asked[Q, A] = _Asked(questions, weight or len(questions), loop.create_future())
        self._waiting.append(asked)
        if not self._is_due:
            self._is_due = True
            loop.call_soon(self._send)
        return asked.answers

    def _send(self) -> None:
        self._is_due = False
        while self._waiting and len(self._under_way) < self._lanes:
            task = asyncio.get_running_loop().create_task(self._carried(self._next_batch()))
            self._under_way.add(task)
            task.add_done_callback(self._is_through)

    def _next_batch(self) -> list[_Asked[Q, A]]:
        batch = [self._waiting.popleft()]
        room = self._most - batch[0].weight
        while self._waiting and self._waiting[0].weight <= room:
            room -= self._waiting[0].weight
            batch.append(self._waiting.popleft())
        return batch

    async def _carried(self, batch: list[_Asked[Q, A]]) -> None:
        answers = await self._carry([question for asked in batch for question in asked.questions])
        at = 0
        for asked in batch:
            upto = at + len(asked.questions)
            if not asked.answers.done():
                asked.answers.set_result(answers[at:upto])
            at = upto

    def _is_through(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if self._waiting and not self._is_due:
            self._send()

    async def settled(self) -> None:
        """Returns when all that was asked is answered."""
        while self._waiting or self._under_way:
            if self._under_way:
                await asyncio.wait(self._under_way)
            await asyncio.sleep(0)
