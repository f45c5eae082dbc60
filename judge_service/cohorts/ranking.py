"""A cohort in this server's hands: claimed, ranked, and its members told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final

from judge_service.backends.seats import Seats
from judge_service.cohorts.shapes import Claim, Cohort, Mark, Seat, Table, Told
from judge_service.cohorts.table import claimed, mark_of, released, settled
from judge_service.cohorts.watched import Ranked, Tally, Watched
from judge_service.errors import StoreDown

log: Final = logging.getLogger(__name__)
ALONE: Final = "alone"
_PAUSE_SECONDS: Final = 0.5


class Ranking:
    """What is done about one cohort that is due.

    Args:
        server: the name of this server process.
    """

    def __init__(self, watched: Watched, number: int, server: str, seats: Seats, tally: Tally | None) -> None:
        self._watched = watched
        self._number = number
        self._server = server
        self._seats = seats
        self._tally = tally

    async def carry_out(self, beats: Mapping[str, float | None]) -> None:
        """Claims the cohort, ranks it and tells its members; nothing, if another does.

        Raises:
            StoreDown: what was kept cannot be reached; it is tried again as long as somebody waits.
        """
        claim, cohort = await self._claimed(beats)
        if claim is None or cohort is None:
            return
        members = cohort.seats[: claim.members]
        mark = mark_of(cohort, self._watched.terms)
        try:
            ranked = await self._ranked(members, cohort, claim)
        except BaseException:
            await self._give_up(claim)
            raise
        if await self._tell(claim, _told(ranked, mark, len(members))) and self._tally is not None:
            end = ALONE if len(members) == 1 else mark
            before = sum(seat.told is not None for seat in members)
            self._tally.cohort(end, len(members) - before if mark == "late" else 0)

    async def _claimed(self, beats: Mapping[str, float | None]) -> tuple[Claim | None, Cohort | None]:
        def claiming(table: Table, now: float) -> Table | None:
            return claimed(table, self._number, self._server, self._watched.terms, now, beats)

        table = await self._watched.change(claiming)
        cohort = None if table is None else table.cohort(self._number)
        return (None, None) if cohort is None else (cohort.claim, cohort)

    async def _ranked(self, members: Sequence[Seat], cohort: Cohort, claim: Claim) -> Ranked:
        """The members' scores. They are ranked in the order of their texts, whenever they came."""
        if len(members) == 1:
            return Ranked(None, (ALONE, "nobody else came with this prompt, and one response alone cannot be ranked"))
        places = sorted(range(len(members)), key=lambda place: (members[place].text, place))
        names = [f"{self._watched.key}:{members[place].text}" for place in places]
        texts = [text for text in await self._seats.texts(names) if text is not None]
        if len(texts) < len(names) or self._watched.rank is None:
            return Ranked(None, ("judge_error", f"texts of the cohort are gone from {self._seats.place}"))
        timeout, wait = self._watched.timeout, self._watched.terms.wait
        ranked = await self._watched.rank(texts, max(cohort.opened + timeout - claim.since, timeout - wait))
        if ranked.scores is None:
            return ranked
        scores = dict(zip(places, ranked.scores, strict=True))
        return Ranked([scores[place] for place in range(len(members))], None, ranked.logs)

    async def _tell(self, claim: Claim, told: Sequence[Told]) -> bool:
        """Tells the members; False if the cohort is another server's by now. A store that fails is tried again."""
        until = asyncio.get_running_loop().time() + self._watched.timeout
        while True:
            try:
                table = await self._watched.change(lambda t, now: settled(t, self._number, claim.turn, told, now))
            except StoreDown:
                if asyncio.get_running_loop().time() > until:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                cohort = None if table is None else table.cohort(self._number)
                return cohort is not None and cohort.ended is not None

    async def _give_up(self, claim: Claim) -> None:
        try:
            await self._watched.change(lambda table, _: released(table, self._number, claim.turn))
        except StoreDown as e:
            log.warning("a cohort waits for another server: %s", e.message)


def _told(ranked: Ranked, mark: Mark, size: int) -> list[Told]:
    """What each member is told."""
    if ranked.scores is None:
        return [Told(None, mark, size, ranked.failure or ("judge_error", "the cohort was not ranked"))] * size
    return [Told(score, mark, size, None, ranked.logs) for score in ranked.scores]
