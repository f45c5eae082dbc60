"""Several replicas of one judge: a case stays with one of them, and moves on when that one is busy or fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from judge_service.backends.base import Backend, Terms, TransientFault
from judge_service.backends.flow import Flow
from judge_service.backends.limited import Limited
from judge_service.backends.line import Line, Seat
from judge_service.backends.replica import Replica
from judge_service.domain.digests import draw
from judge_service.domain.prompting import Completion, JudgePrompt

T = TypeVar("T")
GONE_SECONDS: Final = 30.0
AHEAD: Final = 2
"""Calls under way to one place: while one is answered another is made ready, and no place ever waits for us."""
_BEGINNING: Final = 256
"""So many cases may be under way that ask nothing: they look into the cache, or wait to try again."""
_MOST_SEATS: Final = 4096
_A_MOMENT: Final = 0.01
"""Two clocks need not agree to the millisecond."""


class Gone(TransientFault):
    """Every replica has been out of reach for so long that trying again soon is no use."""

    hopeless = True


class Pool:
    """Chooses replicas by rendezvous hashing of the case's affinity: one that goes takes only its own cases along.

    The highest-scoring replica that is not resting is asked (Thaler & Ravishankar, "Using name-based mappings to
    increase hit rates", 1998) as long as it has a free place; then the next one that has (consistent hashing with
    bounded loads: Mirrokni, Thorup & Zadimoghaddam, 2018; the bound is what a replica's limiter lets through). Where
    none has, calls wait in one line before all of them, so that a slow replica holds up no more than it is working on.
    All calls of a case follow its first one.

    Attributes:
        returned: is called when a replica that was away is back, or a new one has come; it may be another judge.
        under_way: calls that have not ended, waiting or asked.
    """

    def __init__(self, replicas: Sequence[tuple[str, Backend]]) -> None:
        self.returned: Callable[[], None] = _nobody
        self.under_way = 0
        self._flow = Flow()
        self._in_line = 0
        self._places = 0
        self._replicas: list[Replica] = []
        self._seats: dict[int, Seat] = {}
        self._line = Line()
        for name, backend in replicas:
            self.add(name, backend)

    def add(self, name: str, backend: Backend) -> None:
        """Takes a replica in."""
        replica = Replica(backend, name, draw("replica", name) | 1)
        self._replicas.append(replica)
        if isinstance(backend, Limited):
            backend.freed = lambda: self._offer(replica)
            backend.began, backend.ended = self._began, self._ended
        self._offer(replica)

    async def drop(self, name: str) -> None:
        """Gives a replica no more calls, and closes it when those it has are done. The last one cannot be dropped."""
        replica = next(r for r in self._replicas if r.name == name)
        self._replicas.remove(replica)
        replica.is_leaving = True
        self._count(replica)
        if len(self._replicas) == 1:
            self._send_away()
        if not replica.calls and not replica.promised:
            await replica.backend.aclose()

    def has_room(self, cases: int) -> bool:
        """Whether another case may begin while so many are under way: enough that no place is ever idle."""
        places = AHEAD * max(1, self._places)
        return self.under_way < places and cases < min(places, _BEGINNING + self.under_way)

    def loads(self) -> list[tuple[str, int, int]]:
        """Of each replica with a limit its name, the limit and the calls in flight."""
        return [(replica.name, b.limit, b.in_flight) for replica, b in self._limited()]

    def _limited(self) -> list[tuple[Replica, Limited]]:
        return [(replica, replica.backend) for replica in self._replicas if isinstance(replica.backend, Limited)]

    def line(self, gives_way: bool = False, coming: float = 0.0) -> tuple[int, float]:
        """Calls that wait for a place before one that comes now, and the seconds for which that one would wait.

        They are 0 where nobody waits, and as long as nothing is known of how fast the line moves.

        Args:
            gives_way: whether it is one of a batch, which stands behind all others.
            coming: how many more calls are about to come before it.
        """
        if gives_way:
            waiting = max(0, self.under_way - self._flow.taken)
        else:
            waiting = self._in_line + sum(backend.waiting for _, backend in self._limited())
        waiting += max(0, round(coming) - max(0, self._places - self._flow.taken))
        return waiting, self._flow.wait(_now(), waiting) if waiting else 0.0

    def _began(self) -> int:
        return self._flow.took(_now())

    def _ended(self, number: int) -> None:
        # The one that has ended is under way until its caller has heard, and here it still counts as taken.
        self._flow.freed(_now(), number, max(0, self.under_way - self._flow.taken))

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        """Asks the case's own replica, and at once the next one if that cannot be reached.

        Raises:
            TransientFault: no replica answered; it is hopeless when none has for half a minute.
            TimeoutError: the case's deadline passed.
        """
        return await self.asked(lambda replica: replica.backend.complete(prompts, terms), terms)

    async def asked(self, ask: Callable[[Replica], Awaitable[T]], terms: Terms) -> T:
        """What comes of asking the case's own replica in some way, or the next one if that cannot be reached.

        Raises:
            TransientFault: no replica answered; it is hopeless when none has for half a minute.
            TimeoutError: the case's deadline passed.
        """
        if self._are_gone():
            raise Gone("judge_unavailable", f"no replica of the judge has answered for {GONE_SECONDS:g} s")
        seat = self._seated(terms.affinity)
        seat.calls += 1
        self.under_way += 1
        if self.under_way > self._places:
            self._flow.waits(_now())
        try:
            return await self._answered(ask, terms, seat)
        finally:
            self.under_way -= 1
            seat.calls -= 1
            if not seat.calls and seat.home is seat.own:
                self._seats.pop(terms.affinity, None)

    async def _answered(self, ask: Callable[[Replica], Awaitable[T]], terms: Terms, seat: Seat) -> T:
        fault: TransientFault | None = None
        tried: list[Replica] = []
        while (replica := await self._found(terms, seat, tried)) is not None:
            replica.calls += 1
            try:
                answer = await ask(replica)
            except TransientFault as e:
                self._failed(replica, e)
                fault = e
                if e.status is not None:
                    break
                tried.append(replica)
            else:
                if replica.faults and replica.worked():
                    self.returned()
                return answer
            finally:
                replica.calls -= 1
                if replica.is_leaving and not replica.calls:
                    await replica.backend.aclose()
        assert fault is not None
        raise fault

    def _are_gone(self) -> bool:
        """Whether every replica rests and has failed for long: then a case need not wait for all its attempts."""
        now = time.monotonic()
        return all(r.resting_until > now and now - r.failing_since > GONE_SECONDS for r in self._replicas)

    def _seated(self, affinity: int) -> Seat:
        """The case's seat; where its replica is out of reach, or it has none, that of its own one."""
        seat = self._seats.get(affinity)
        now = time.monotonic()
        if seat is not None and seat.home.is_up(now):
            return seat
        up = [r for r in self._replicas if r.is_up(now)] or self._replicas
        own = up[0] if len(up) == 1 else max(up, key=lambda replica: replica.liking(affinity))
        if seat is not None:
            seat.own, seat.at = own, None
            return seat
        seat = self._seats[affinity] = Seat(own)
        if len(self._seats) > _MOST_SEATS:
            self._forget()
        return seat

    def _forget(self) -> None:
        """Forgets where the oldest of the cases that have moved went, unless they have calls under way."""
        for affinity in [a for a, seat in self._seats.items() if not seat.calls][: _MOST_SEATS // 2]:
            del self._seats[affinity]

    async def _found(self, terms: Terms, seat: Seat, tried: Sequence[Replica]) -> Replica | None:
        """The replica for a call, which waits in the line where none has a place; None if all that are up were tried.

        If all rest, it is the one that has rested longest.
        """
        while True:
            now, home = time.monotonic(), seat.home
            if home.has_place and home.is_up(now) and home not in tried:
                seat.at = home
                return home
            replica = None
            if not self._line:
                up = [r for r in self._replicas if r.is_up(now) and r not in tried]
                if not up:
                    return None if tried else min(self._replicas, key=lambda replica: replica.resting_until)
                if len(self._replicas) == 1:
                    return up[0]
                replica = _another(up, terms.affinity, seat)
            replica = replica or await self._turn(terms, seat)
            if replica is not None:
                seat.at = replica
                return replica

    async def _turn(self, terms: Terms, seat: Seat) -> Replica | None:
        """A replica with a place for this call; None if there is none left to wait for."""
        turn: asyncio.Future[Replica | None] = asyncio.get_running_loop().create_future()
        gives_way = terms.priority == "batch"
        self._line.join(terms.affinity, seat, turn, gives_way)
        self._in_line += not gives_way
        try:
            replica = await terms.waited(turn)
        except BaseException:
            self._line.leave(terms.affinity, seat, turn)
            if turn.done() and not turn.cancelled() and (given := turn.result()) is not None:
                given.promised -= 1
                self._offer(given)
            raise
        finally:
            self._in_line -= not gives_way
        if replica is not None:
            replica.promised -= 1
        return replica

    def _count(self, replica: Replica) -> None:
        """Keeps count of all places, which change with each limit and with each replica that rests or is back."""
        places = replica.limit if replica.is_up(time.monotonic()) else 0
        self._places += places - replica.counted
        replica.counted = places

    def _offer(self, replica: Replica) -> None:
        """Gives a replica's free places to the calls in the line."""
        if replica.counted != replica.limit:
            self._count(replica)
        while self._line and replica.has_place and replica.is_up(time.monotonic()):
            seat, turn = self._line.take(replica)
            if not turn.done():
                seat.at = replica
                replica.promised += 1
                turn.set_result(replica)

    def _failed(self, replica: Replica, fault: TransientFault) -> None:
        rest = replica.failed(fault)
        if rest:
            asyncio.get_running_loop().call_later(rest + _A_MOMENT, self._offer, replica)
            self._count(replica)
            now = time.monotonic()
            if not any(r.is_up(now) for r in self._replicas):
                self._send_away()

    def _send_away(self) -> None:
        """Has everyone in the line look again for whom to ask."""
        for turn in self._line.empty():
            if not turn.done():
                turn.set_result(None)

    async def aclose(self) -> None:
        """Closes every replica."""
        for replica in self._replicas:
            await replica.backend.aclose()


def _nobody() -> None:
    """Nobody wants to know."""


def _now() -> float:
    return asyncio.get_running_loop().time()


def _another(up: Sequence[Replica], affinity: int, seat: Seat) -> Replica | None:
    """The next replica with a place for a case whose own has none; None if there is none, or the case has begun."""
    if seat.at is not None and seat.at in up:
        return None
    return max((r for r in up if r.has_place), key=lambda replica: replica.liking(affinity), default=None)
