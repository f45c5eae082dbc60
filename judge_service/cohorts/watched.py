"""One key's table as a server process sees it, and those who wait at it here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from judge_service.backends.seats import NOTHING, Kept, Seats
from judge_service.cohorts.records import packed, table_in
from judge_service.cohorts.shapes import Cohort, Place, Table, Terms, Told
from judge_service.cohorts.table import is_due
from judge_service.errors import StoreDown

_TRIES: Final = 200
_KEPT_BEYOND: Final = 180.0


@dataclass(frozen=True, slots=True)
class Ranked:
    """What came of ranking some members.

    Attributes:
        scores: the mean probability of beating another member, in the order of the members; None where there are none.
        failure: kind and message of why there are none.
        logs: numbers on the judging, for logs.
    """

    scores: Sequence[float] | None
    failure: tuple[str, str] | None = None
    logs: dict[str, float] = field(default_factory=dict)


Rank = Callable[[Sequence[bytes], float], Awaitable[Ranked]]
"""Ranks members, given as their texts, within so many seconds. It raises nothing that a caller should be told."""


@dataclass(frozen=True, slots=True)
class Member:
    """A caller who is to be ranked among others.

    Attributes:
        key: names all that a cohort has in common: whose it is, its run, its options and its prompt.
        text: what it says, as it goes to the ranking.
        digest: names the text.
        timeout: seconds that it may take from the first arrival of a cohort to the last answer.
        deadline: the event loop's time by which this caller is answered.
    """

    key: str
    text: bytes
    digest: str
    terms: Terms
    timeout: float
    deadline: float


class Tally(Protocol):
    """Who counts what becomes of cohorts."""

    def cohort(self, end: str, late: int) -> None:
        """A ranking is through: complete, partial, late or alone; so many members were late."""
        ...

    def waited(self, seconds: float) -> None:
        """A caller has been answered."""
        ...


class Waiting:
    """A caller that waits here for what its seat is told."""

    def __init__(self) -> None:
        self.told: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self.place: Place | None = None


class Watched:
    """The table of one key, as it was when it was last looked at.

    Attributes:
        rank: how its members are ranked: the way of the caller that came last.
        callers: those that wait here, by their tickets.
        served: tickets of those that were answered, which the table does not know yet.
        gone: tickets of those that hung up, likewise.
        ranking: the cohorts that are being ranked here.
    """

    def __init__(self, key: str, seats: Seats, terms: Terms, timeout: float) -> None:
        self.key = key
        self.terms = terms
        self.timeout = timeout
        self.rank: Rank | None = None
        self.callers: dict[str, Waiting] = {}
        self.served: set[str] = set()
        self.gone: set[str] = set()
        self.ranking: set[int] = set()
        self.table = Table()
        self.version = NOTHING
        self._seats = seats
        self._behind = 0.0
        # Callers of one process take their turns here, so that only servers can get into each other's way.
        self._turn = asyncio.Lock()

    @property
    def is_idle(self) -> bool:
        """Whether nobody has anything to do here."""
        return not (self.callers or self.served or self.gone or self.ranking or self._turn.locked())

    def now(self) -> float:
        """The keeper's clock, as far as it is known."""
        return asyncio.get_running_loop().time() + self._behind

    async def look(self) -> float:
        """Looks at the table, and gives what was told to whom it was told; the keeper's time.

        Raises:
            StoreDown: it cannot be looked at.
        """
        async with self._turn:
            kept = await self._seats.look(self.key)
            self._seen(kept, table_in(kept.value))
            return kept.now

    def _seen(self, kept: Kept, table: Table) -> None:
        self.table, self.version = table, kept.version
        self._behind = kept.now - asyncio.get_running_loop().time()
        self.tell()

    async def change(
        self, change: Callable[[Table, float], Table | None], texts: dict[str, bytes] | None = None
    ) -> Table | None:
        """The table as it is after a change; None if there is none to be made.

        Raises:
            StoreDown: it cannot be changed.
        """
        async with self._turn:
            for _ in range(_TRIES):
                kept = await self._seats.look(self.key)
                table = table_in(kept.value)
                changed = change(table, kept.now)
                if changed is None or changed == table:
                    self._seen(kept, table)
                    return changed
                seconds = 3 * self.terms.wait + self.timeout + _KEPT_BEYOND
                if await self._seats.swap(self.key, kept.version, packed(changed), seconds, texts):
                    # Its version shows when it is looked at next; what stands there is known already.
                    self.table = changed
                    self._behind = kept.now - asyncio.get_running_loop().time()
                    self.tell()
                    return changed
        raise StoreDown(f"cohorts in {self._seats.place}: too many servers write at once")

    def tell(self) -> None:
        """Gives each caller what its seat was told."""
        for waiting in self.callers.values():
            if waiting.place is None or waiting.told.done():
                continue
            cohort = self.table.cohort(waiting.place.cohort)
            if cohort is None:
                waiting.told.set_exception(StoreDown(f"cohorts in {self._seats.place}: what was kept there is gone"))
                continue
            told = cohort.seats[waiting.place.seat].told
            if told is not None:
                waiting.told.set_result(told)

    def due(self) -> list[Cohort]:
        """The cohorts that callers here wait for, and that are to be ranked now."""
        waited = {w.place.cohort for w in self.callers.values() if w.place is not None and not w.told.done()}
        cohorts = [self.table.cohort(number) for number in waited - self.ranking]
        return [cohort for cohort in cohorts if cohort is not None and is_due(cohort, self.terms, self.now())]
