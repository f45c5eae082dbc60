"""How long one would wait in a line, by how fast it moves. Time is told, never read, and nothing here waits."""

from __future__ import annotations

from itertools import islice
from math import exp
from typing import Final

_NEWEST: Final = 0.03
_LEAST_MEMORY: Final = 2.0
_REACH: Final = 4.0
"""What was measured so many stays ago counts e times less than what is measured now."""


class Flow:
    """Places that others wait for: told who takes one and who gives it back, it knows when the next become free.

    It goes by the longer of two times, both of which are 0 as long as nothing is known.

    * Those who have a place leave it in the order in which they came, each after the smoothed time of a stay. So it is
      where stays are alike, even if many began, and so end, at one moment.
    * Places become free as fast as they did lately. Only while somebody waits does that rate say what the places can
      do, else it says how much is asked of them; so it is measured over such times alone, the newest counting most, and
      believed once as many have left as had a place when it began: one round. So it is where stays are not alike.

    All is forgotten when the last has left, and what is measured also when nobody has waited for long: no burst is met
    with what was true of other work.
    """

    __slots__ = (
        "_busy",
        "_count",
        "_ended",
        "_held",
        "_latest",
        "_next",
        "_round",
        "_seen",
        "_since",
        "_stay",
        "_stays",
    )

    def __init__(self) -> None:
        self._held: dict[int, float] = {}
        self._next = 0
        self._latest = 0.0
        self._stay = 0.0
        self._stays = 0
        self._since: float | None = None
        self._ended = 0.0
        self._forget()

    def _forget(self) -> None:
        self._count = self._busy = 0.0
        self._seen = self._round = 0

    @property
    def taken(self) -> int:
        """How many places are held."""
        return len(self._held)

    def took(self, now: float) -> int:
        """Somebody has a place from now on; the number by which it is given back."""
        self._next = number = self._next + 1
        # Those who came later leave later, whatever becomes of the clock.
        self._latest = self._held[number] = max(now, self._latest) if self._held else now
        return number

    def waits(self, now: float) -> None:
        """Somebody begins to wait."""
        if self._since is None:
            self._check_age(now)
            self._since = now
            if not self._seen:
                self._round = max(1, len(self._held))

    def freed(self, now: float, number: int, waiting: int) -> None:
        """A place was given back, while so many wait."""
        seconds = max(0.0, now - self._held.pop(number))
        if not waiting and not self._held:
            self._stay, self._stays, self._since = 0.0, 0, None
            self._forget()
            return
        self._stays += 1
        self._stay += (seconds - self._stay) * max(_NEWEST, 1 / self._stays)
        if self._since is None:
            return
        since = max(0.0, now - self._since)
        kept = exp(-since / self._memory)
        self._count = self._count * kept + 1.0
        self._busy = self._busy * kept + since
        self._seen += 1
        self._ended = now
        self._since = now if waiting else None

    def wait(self, now: float, waiting: int) -> float:
        """Seconds until one that comes now, behind so many, would have a place; 0 when nobody waits."""
        if not waiting:
            self._since = None
            return 0.0
        self._check_age(now)
        return max(self._by_order(now, waiting), self._by_rate(now, waiting))

    def _by_order(self, now: float, waiting: int) -> float:
        if not self._stay or not self._held:
            return 0.0
        rounds, place = divmod(waiting, len(self._held))
        began = next(islice(self._held.values(), place, None))
        return max(0.0, self._stay - max(0.0, now - began)) + rounds * self._stay

    def _by_rate(self, now: float, waiting: int) -> float:
        if not self._round or self._seen < self._round:
            return 0.0
        # Nothing has to be free before a stay is over; a line that stands still for longer gets longer.
        still = 0.0 if self._since is None else max(0.0, now - self._since - self._stay)
        return waiting * (self._busy + still) / self._count

    def _check_age(self, now: float) -> None:
        """Forgets what was measured before a time in which nobody waited, if that was long."""
        if self._since is None and now - self._ended > self._memory:
            self._forget()

    @property
    def _memory(self) -> float:
        return max(_LEAST_MEMORY, _REACH * self._stay)
