"""The line before a judge's replicas: cases whose calls wait for a place, and which of them a free place goes to."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from judge_service.backends.replica import Replica

_LOOKED_THROUGH: Final = 64


@dataclass(slots=True, eq=False)
class Seat:
    """Where one case's calls go.

    Attributes:
        own: the replica that is the case's by its texts.
        at: the replica that its first call went to, where the others go as well.
        calls: its calls that have not ended.
        waiting: those of them that wait for a place, first come, first served.
    """

    own: Replica
    at: Replica | None = None
    calls: int = 0
    waiting: deque[asyncio.Future[Replica | None]] = field(default_factory=deque)

    @property
    def home(self) -> Replica:
        """Where it would have its next call go."""
        return self.own if self.at is None else self.at


class Line:
    """Cases in the order in which they came to wait, those of batches behind all others.

    A free place goes to the first case among the foremost whose home its replica is, and else to the foremost that has
    not begun: nobody waits for a busy replica while another one is idle, and a case that has begun stays where it is.
    """

    def __init__(self) -> None:
        self._seats: dict[int, Seat] = {}
        self._yielding: dict[int, Seat] = {}

    def __len__(self) -> int:
        return len(self._seats) + len(self._yielding)

    def join(self, affinity: int, seat: Seat, turn: asyncio.Future[Replica | None], gives_way: bool = False) -> None:
        """Puts a call of a case into the line, at its case's place if that is there."""
        seat.waiting.append(turn)
        if not gives_way:
            self._yielding.pop(affinity, None)
            self._seats[affinity] = seat
        elif affinity not in self._seats:
            self._yielding[affinity] = seat

    def _remove(self, affinity: int) -> None:
        self._seats.pop(affinity, None)
        self._yielding.pop(affinity, None)

    def leave(self, affinity: int, seat: Seat, turn: asyncio.Future[Replica | None]) -> None:
        """Takes a call out that waits no longer."""
        if turn in seat.waiting:
            seat.waiting.remove(turn)
            if not seat.waiting:
                self._remove(affinity)

    def take(self, replica: Replica) -> tuple[Seat, asyncio.Future[Replica | None]]:
        """The call that a free place of this replica goes to; the line must not be empty."""
        affinity, seat = self._next(replica)
        turn = seat.waiting.popleft()
        if not seat.waiting:
            self._remove(affinity)
        return seat, turn

    def _next(self, replica: Replica) -> tuple[int, Seat]:
        new: tuple[int, Seat] | None = None
        seats = self._seats or self._yielding
        for affinity, seat in islice(seats.items(), _LOOKED_THROUGH):
            if seat.home is replica:
                return affinity, seat
            if new is None and (seat.at is None or seat.at.is_leaving):
                new = affinity, seat
        return new or next(iter(seats.items()))

    def empty(self) -> list[asyncio.Future[Replica | None]]:
        """Everyone who waits, sent away together."""
        seats = [*self._seats.values(), *self._yielding.values()]
        turns = [turn for seat in seats for turn in seat.waiting]
        for seat in seats:
            seat.waiting.clear()
        self._seats.clear()
        self._yielding.clear()
        return turns
