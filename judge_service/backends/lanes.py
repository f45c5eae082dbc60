"""Places that are taken in turn, in two lanes: who gives way takes one only while nobody in the other lane waits."""

from __future__ import annotations

import asyncio
from collections import deque


class Lanes:
    """So many places. A place that becomes free goes to the first who waits, of those who do not give way if any do.

    Args:
        most: places in all.
        yielded: how many of them those who give way may hold at a time; all if None.

    Attributes:
        waiting: how many wait in the first lane.
        behind: how many wait in the other.
    """

    def __init__(self, most: int, yielded: int | None = None) -> None:
        self._free = most
        self._yielded = most if yielded is None else yielded
        self._first: deque[asyncio.Future[None]] = deque()
        self._second: deque[asyncio.Future[None]] = deque()
        self.waiting = self.behind = 0

    def took(self, gives_way: bool = False) -> bool:
        """Takes a place if one is free; whether it was."""
        is_free = self._is_open(gives_way) and not (self._second if gives_way else self._first)
        if is_free:
            self._take(gives_way)
        return is_free

    async def acquire(self, gives_way: bool = False) -> None:
        """Takes a place, or waits for one."""
        if self.took(gives_way):
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._second if gives_way else self._first).append(place)
        self._count(gives_way, 1)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                # It came in the same moment.
                self._give_back(gives_way)
            self._serve()
            raise
        finally:
            self._count(gives_way, -1)

    def _count(self, gives_way: bool, more: int) -> None:
        if gives_way:
            self.behind += more
        else:
            self.waiting += more

    def release(self, gives_way: bool = False) -> None:
        """Gives a place back."""
        self._give_back(gives_way)
        self._serve()

    def _is_open(self, gives_way: bool) -> bool:
        if not gives_way:
            return self._free > 0
        return self._free > 0 and self._yielded > 0 and not self._first

    def _take(self, gives_way: bool) -> None:
        self._free -= 1
        self._yielded -= gives_way

    def _give_back(self, gives_way: bool) -> None:
        self._free += 1
        self._yielded += gives_way

    def _serve(self) -> None:
        """Hands out what is free: the place is theirs from this moment, though they run a turn later."""
        for lane, gives_way in ((self._first, False), (self._second, True)):
            while lane and (lane[0].done() or self._is_open(gives_way)):
                place = lane.popleft()
                if not place.done():
                    self._take(gives_way)
                    place.set_result(None)
