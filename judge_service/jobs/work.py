"""Work on batches: whoever holds one goes on where whoever held it before has stopped."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from judge_service.backends.papers import NotHeld
from judge_service.errors import StoreDown
from judge_service.jobs.files import lines_of
from judge_service.jobs.finishing import Finishing
from judge_service.jobs.hold import Hold
from judge_service.jobs.judging import Answer, LineJudging, Pace
from judge_service.jobs.life import is_over
from judge_service.jobs.lines import Validation
from judge_service.jobs.office import Office
from judge_service.jobs.sweeping import Sweeper

log: Final = logging.getLogger(__name__)
LOOK_SECONDS: Final = 1.0


class Worker:
    """One server process's work, until its office ends: some batches at a time, the oldest first."""

    def __init__(self, office: Office, answer: Answer, pace: Pace) -> None:
        self._office = office
        self._answer = answer
        self._pace = pace
        self._holder = secrets.token_hex(8)
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._sweeper = Sweeper(office)
        self._warned = False

    async def run(self) -> None:
        """Works. What is under way when the office ends has the pace's grace to finish; the rest is for the next."""
        while not self._office.ending.is_set():
            self._office.stirred.clear()
            await self._look()
            await self._pause()
        await asyncio.gather(*self._under_way.values())

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await self._office.stirred.wait()

    async def _look(self) -> None:
        """Takes up what nobody holds. Whatever fails is looked at again."""
        try:
            await self._sweeper.sweep_when_due()
            for name in await self._office.papers.unfinished():
                if name not in self._under_way and len(self._under_way) < self._office.settings.at_once:
                    await self._take_up(name)
        except StoreDown as e:
            if not self._warned:
                log.warning("%s: batches wait for it", e.message)
            self._warned = True
        except Exception:
            log.exception("no batch could be taken up")
        else:
            self._warned = False

    async def _take_up(self, name: str) -> None:
        papers, seconds = self._office.papers, self._office.settings.lease_seconds
        if not await papers.lease(name, self._holder, seconds):
            return
        (facts,) = await papers.facts([name])
        if facts is not None:
            hold = Hold(papers, name, self._holder, seconds, facts)
            self._under_way[name] = asyncio.get_running_loop().create_task(self._work_on(hold))

    async def _work_on(self, hold: Hold) -> None:
        try:
            await BatchWork(hold, self._office, self._answer, self._pace).go_on()
        except NotHeld:
            log.info("%s is gone, or another's", hold.name)
        except StoreDown as e:
            log.warning("%s waits: %s", hold.name, e.message)
        except Exception:
            # The others go on, and this one is tried again; its window ends it if nothing else does.
            log.exception("the work on %s failed", hold.name)
            await asyncio.sleep(LOOK_SECONDS)
        finally:
            with suppress(StoreDown):
                await self._office.papers.release(hold.name, self._holder)
            del self._under_way[hold.name]


class BatchWork:
    """Everything that is done to one batch, from its facts on."""

    def __init__(self, hold: Hold, office: Office, answer: Answer, pace: Pace) -> None:
        self._hold = hold
        self._office = office
        self._judging = LineJudging(hold, office, answer, pace)

    async def go_on(self) -> None:
        """Does what is left to do, or as much of it as the office's end allows.

        Raises:
            NotHeld: the batch is another's now.
            StoreDown: it cannot be done now.
        """
        await self._hold.beat()
        if is_over(self._hold.facts):
            # Whoever brought it to its end was gone before it could say so.
            await self._hold.finish()
            return
        if "finalizing_at" not in self._hold.facts and not await self._come_to_an_end():
            return
        await Finishing(self._hold, self._office).finish()

    async def _come_to_an_end(self) -> bool:
        """Validates and judges; False if there is more to do and this process may not."""
        try:
            if "total" not in self._hold.facts:
                await self._validate()
            if "finalizing_at" in self._hold.facts:
                return True
            why = await self._judging.judge(self._lines())
        except NotHeld as e:
            if e.args != (self._input,):
                raise
            await self._fail([_GONE])
            return True
        if why == "ending":
            return False
        await self._hold.settle(ending=why, finalizing_at=self._office.now())
        return True

    @property
    def _input(self) -> str:
        return str(self._hold.facts["input_file_id"])

    async def _lines(self) -> AsyncIterator[tuple[int, bytes]]:
        (file,) = await self._hold.papers.facts([self._input])
        if file is None:
            raise NotHeld(self._input)
        async for line in lines_of(self._hold.papers, self._input, file):
            yield line

    async def _validate(self) -> None:
        validation = Validation(self._hold.facts["endpoint"], self._office.settings.max_lines)
        async for number, line in self._lines():
            validation.take(number, line)
            await self._hold.beat()
        validation.end()
        if validation.errors:
            await self._fail(validation.errors)
        else:
            await self._hold.settle(total=validation.total, in_progress_at=self._office.now())

    async def _fail(self, errors: Sequence[Mapping[str, object]]) -> None:
        await self._hold.settle(ending="failed", errors=errors, finalizing_at=self._office.now())


_GONE: Final = {
    "code": "input_file_missing",
    "line": None,
    "message": "the input file is no longer there",
    "param": "input_file_id",
}
