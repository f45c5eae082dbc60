"""What judges on a worker of Ray: an asynchronous callable class, which Ray Data gives blocks of cases."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from judge_service.batch.runner import Judging, judged
from judge_service.domain.cases import Case
from judge_service.domain.judgments import Judgment
from judge_service.errors import JudgeServiceError, RunRefused

CASE: Final = "case"
JUDGMENT: Final = "judgment"
_CLOSING_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a worker can judge nothing: what ends the whole run."""

    message: str


class Paced(Judging, Protocol):
    """Judges cases one by one, and says how many at a time."""

    def has_room(self, cases: int) -> bool:
        """Whether another case may begin while so many are under way."""
        ...


class Opening:
    """How a worker opens what judges.

    It is no dataclass and shows nothing of what it holds: Ray writes the arguments of a dataset down.

    Args:
        opened: opens what judges, as the driver did.
        run_digest: what run the driver's judgments are of; empty if only a service elsewhere knows.
        at_once: how many cases it may have under way, by which blocks of cases are cut.
    """

    def __init__(self, opened: Callable[[], AbstractAsyncContextManager[Paced]], run_digest: str, at_once: int) -> None:
        self.opened = opened
        self.run_digest = run_digest
        self.at_once = at_once


class JudgeActor:
    """Judges blocks of cases, several at once. What it needs is opened with the first and closed with the actor."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._held: _Held | None = None

    async def __call__(self, block: Mapping[str, Any]) -> dict[str, Any]:
        """The judgments on a block's cases, in their order."""
        if self._held is None:
            self._held = _Held(self._opening)
        try:
            judging = await self._held.judging()
            told = list(await asyncio.gather(*[self._held.judged(judging, packed) for packed in block[CASE]]))
        except JudgeServiceError as e:
            told = [pickle.dumps(Ended(e.message))]
        # A plain array of bytes would lose zeros at their ends.
        return {JUDGMENT: np.array(told, dtype=object)}

    def __del__(self) -> None:
        # Ray lets go of it in another thread than that of its event loop.
        held, self._held = self._held, None
        if held is not None:
            held.close()


class _Held:
    """What judges, opened and closed in one task of its own."""

    def __init__(self, opening: Opening) -> None:
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[Paced] = self._loop.create_future()
        self._done = asyncio.Event()
        self._door = asyncio.Lock()
        self._under_way = 0
        self._task = self._loop.create_task(_held(opening, self._opened, self._done))

    async def judging(self) -> Paced:
        """What judges, once it is open.

        Raises:
            JudgeServiceError: it could not be opened.
        """
        either: set[asyncio.Future[Any]] = {self._opened, self._task}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not self._opened.done():
            await self._task
        return self._opened.result()

    async def judged(self, judging: Paced, packed: bytes) -> bytes:
        """The judgment on a packed case, packed."""
        where, case = unpacked_case(packed)
        async with self._door:
            # One waits for room, and the others for that one.
            while not judging.has_room(self._under_way):  # noqa: ASYNC110 - many things make room
                await asyncio.sleep(_LOOK_SECONDS)
            self._under_way += 1
        try:
            return pickle.dumps(await judged(judging, case, where))
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """Writes what waits to be written and closes connections, as far as there is time for it."""
        if self._task.done():
            return
        self._loop.call_soon_threadsafe(self._done.set)
        ended = asyncio.run_coroutine_threadsafe(asyncio.wait({self._task}, timeout=_CLOSING_SECONDS), self._loop)
        ended.result(_CLOSING_SECONDS)


async def _held(opening: Opening, opened: asyncio.Future[Paced], done: asyncio.Event) -> None:
    async with opening.opened() as judging:
        there = getattr(judging, "run_digest", opening.run_digest)
        if there != opening.run_digest:
            raise RunRefused("a worker's judgments would be of another run: it has another judge, version or library")
        opened.set_result(judging)
        await done.wait()


def packed_case(where: str, case: Case) -> bytes:
    """A row's case as bytes, which travel as they are."""
    return pickle.dumps((where, case))


def unpacked_case(packed: bytes) -> tuple[str, Case]:
    """Where a row stands, and its case."""
    where, case = pickle.loads(packed)  # noqa: S301 - our own driver's
    return where, case


def unpacked(packed: bytes) -> Judgment | Ended:
    """What an actor made of a case."""
    told: Judgment | Ended = pickle.loads(packed)  # noqa: S301 - our own worker's
    return told
