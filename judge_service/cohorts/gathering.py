"""Callers who send one response at a time wait here for the others of their prompt.

Pairs are not judged before all have come, whatever the strategy: the fences around the texts carry a code that is drawn
from all texts of a case together, so that no response can know it, and a pair that was judged among those present would
be another question to the judge than the same pair within the whole group. Its answer would be no use to the ranking,
which is to be the one that /v1/rank makes of the same members.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from judge_service.backends.seats import Seats
from judge_service.cohorts.ranking import Ranking
from judge_service.cohorts.shapes import Arrival, Doubt, Place, Table, Told
from judge_service.cohorts.table import Beats, left, seated, served
from judge_service.cohorts.watched import Member, Rank, Tally, Waiting, Watched
from judge_service.errors import StoreDown

log: Final = logging.getLogger(__name__)
TICK_SECONDS: Final = 0.05
_SECONDS_EACH: Final = 1e-4
"""Whoever waits for many prompts looks less often: at 1,000 ten times a second."""
_PATIENCE_SECONDS: Final = 3.0
_CLOSING_SECONDS: Final = 1.0


class Ending(Exception):
    """This server ends, and another is to be asked."""


class TooManyCohorts(Exception):
    """As many prompts are waited for here as may be."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is gathered here.

    Attributes:
        most_open: prompts that are waited for at a time.
        lease_seconds: how long a server that died is thought to live.
    """

    most_open: int = 10_000
    lease_seconds: float = 3.0


class Gathering:
    """One server process's part in all cohorts.

    What became of the tables that are waited for here is looked up together, and not by each caller for itself.

    Attributes:
        tally: who counts what becomes of cohorts, if anybody does.
    """

    def __init__(self, seats: Seats, limits: Limits) -> None:
        self.tally: Tally | None = None
        self._seats = seats
        self._limits = limits
        self._server = secrets.token_hex(8)
        self._watched: dict[str, Watched] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None
        self._next_beat = 0.0
        self._beats: Beats = {}
        self._next_look = 0.0
        self._ending = False

    @property
    def open(self) -> int:
        """Prompts that callers wait for here."""
        return sum(bool(watched.callers) for watched in self._watched.values())

    async def told(self, member: Member, rank: Rank) -> Told:
        """What a member is told once its cohort is ranked.

        Cancelled, the caller has hung up: its seat is kept for its next try.

        Raises:
            Ending, TooManyCohorts: it cannot be gathered here.
            StoreDown: what is kept of cohorts cannot be reached.
            TimeoutError: its deadline has passed.
        """
        if self._ending:
            raise Ending
        watched = self._watch_over(member)
        watched.rank = rank
        ticket, waiting = secrets.token_hex(8), Waiting()
        watched.callers[ticket] = waiting
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(member.deadline):
                waiting.place = await self._seated(member, watched, ticket)
                watched.tell()
                self._begin(watched)
                told = await waiting.told
        except BaseException:
            del watched.callers[ticket]
            waiting.told.cancel()
            watched.gone.add(ticket)
            self._do(self._note(watched))
            raise
        del watched.callers[ticket]
        watched.served.add(ticket)
        if self.tally is not None:
            self.tally.waited(asyncio.get_running_loop().time() - began)
        return told

    def _watch_over(self, member: Member) -> Watched:
        watched = self._watched.get(member.key)
        if watched is None:
            if self.open >= self._limits.most_open:
                raise TooManyCohorts
            watched = self._watched[member.key] = Watched(member.key, self._seats, member.terms, member.timeout)
        return watched

    async def _seated(self, member: Member, watched: Watched, ticket: str) -> Place:
        """Takes a seat. A store that fails for a moment costs nothing."""
        patience = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        sitting = _Sitting(member, ticket, self._server)
        while True:
            try:
                await self._beat()
                self._keep_watching()
                place = await sitting.seated(watched, self._seats)
            except StoreDown:
                if asyncio.get_running_loop().time() > patience:
                    raise
            else:
                if place is not None:
                    return place
            await asyncio.sleep(TICK_SECONDS)

    async def _beat(self) -> None:
        """Gives a sign of life, when it is time to."""
        now = asyncio.get_running_loop().time()
        if now >= self._next_beat:
            self._next_beat = now + self._limits.lease_seconds / 6
            try:
                await self._seats.beat(self._server, self._limits.lease_seconds)
            except BaseException:
                self._next_beat = 0.0
                raise

    def _keep_watching(self) -> None:
        if self._watch is None or self._watch.done():
            self._watch = asyncio.get_running_loop().create_task(self._watching())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watching(self) -> None:
        """Looks round until nobody waits any more. Whatever fails is looked at again."""
        while self._watched:
            try:
                await self._beat()
                await self._look_round()
            except StoreDown as e:
                log.debug("%s", e.message)
            except Exception:
                log.exception("the cohorts could not be looked at")
            await asyncio.sleep(max(TICK_SECONDS, _SECONDS_EACH * len(self._watched)))

    async def _look_round(self) -> None:
        self._watched = {key: watched for key, watched in self._watched.items() if not watched.is_idle}
        names = list(self._watched)
        versions = await self._seats.versions(names)
        changed = [
            n for n, v in zip(names, versions, strict=True) if n in self._watched and self._watched[n].version != v
        ]
        await asyncio.gather(*(self._watched[name].look() for name in changed))
        await self._look_for_the_dead()
        for watched in list(self._watched.values()):
            self._begin(watched)
            if watched.served or watched.gone:
                self._do(self._note(watched))

    def _begin(self, watched: Watched) -> None:
        """Ranks what is due."""
        for cohort in watched.due():
            if cohort.claim is None or self._orphans.get(cohort.claim.server, 0.0) is None:
                watched.ranking.add(cohort.number)
                self._do(self._rank(watched, cohort.number))

    async def _rank(self, watched: Watched, number: int) -> None:
        try:
            await Ranking(watched, number, self._server, self._seats, self.tally).carry_out(self._orphans)
        except StoreDown as e:
            log.debug("%s", e.message)
        except Exception:
            log.exception("a cohort could not be ranked")
            await asyncio.sleep(1.0)
        finally:
            watched.ranking.discard(number)

    @property
    def _orphans(self) -> Beats:
        """Whose claims are nobody's: those of the dead, and of this server where it is not ranking."""
        return {**self._beats, self._server: None}

    async def _look_for_the_dead(self) -> None:
        """Learns whether the servers that have claims still live."""
        now = asyncio.get_running_loop().time()
        if now < self._next_look:
            return
        self._next_look = now + self._limits.lease_seconds / 3
        cohorts = [cohort for watched in self._watched.values() for cohort in watched.table.cohorts]
        others = {cohort.claim.server for cohort in cohorts if cohort.claim is not None} - {self._server}
        self._beats = await self._seats.beats(sorted(others)) if others else {}

    async def _note(self, watched: Watched) -> None:
        """Has the table know who was answered, and who has hung up. What fails is tried again."""
        answered, gone = frozenset(watched.served), frozenset(watched.gone)
        with suppress(StoreDown):
            await watched.change(lambda table, _: left(served(table, answered), gone))
            watched.served -= answered
            watched.gone -= gone

    def end(self) -> None:
        """Sends those away whose cohort is not being ranked here: their next try is for another server."""
        self._ending = True
        for watched in self._watched.values():
            for waiting in watched.callers.values():
                is_ranked = waiting.place is not None and waiting.place.cohort in watched.ranking
                if not waiting.told.done() and not is_ranked:
                    waiting.told.set_exception(Ending())

    async def aclose(self) -> None:
        """Finishes what is under way, and looks no more."""
        if self._watch is not None:
            self._watch.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSING_SECONDS)
        for task in self._tasks:
            task.cancel()
        await self._seats.aclose()


class _Sitting:
    """One caller's way to its seat."""

    def __init__(self, member: Member, ticket: str, server: str) -> None:
        self._member = member
        self._ticket = ticket
        self._server = server
        self._came: float | None = None
        self._beats: Beats = {}
        self._outcome: Place | Doubt | None = None

    async def seated(self, watched: Watched, seats: Seats) -> Place | None:
        """The seat; None while it is not known whether a twin's server lives."""
        member = self._member
        await watched.change(self._sit, {f"{member.key}:{member.digest}": member.text})
        if isinstance(self._outcome, Doubt):
            self._beats = await seats.beats(sorted(self._outcome.servers))
            return None
        return self._outcome

    def _sit(self, table: Table, now: float) -> Table | None:
        self._came = now if self._came is None else self._came
        who = Arrival(self._member.digest, self._ticket, self._server, self._came)
        outcome = seated(table, who, self._member.terms, now, self._beats)
        if isinstance(outcome, Doubt):
            self._outcome = outcome
            return None
        self._outcome = outcome[1]
        return outcome[0]
