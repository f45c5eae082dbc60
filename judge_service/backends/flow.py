"""How long one would wait in a line, by how fast it moves. Time is told, never read, and nothing here waits."""

from __future__ import annotations

from math import exp
from typing import Final

_NEWEST: Final = 0.1
_LEAST_MEMORY: Final = 2.0
_STAYS: Final = 4.0
"""What was measured so many stays ago counts e times less than what is measured now."""


class Flow:
    """Places that others wait for: told of each place that becomes free, it knows how fast they do.

    Only while somebody waits does that rate say what the places can do; else it says how much is asked of them. So it
    is measured over such times alone, the newest counting most, and believed once as many places became free as were
    taken when it began: one round. Before that the rate is the places taken over the seconds of a stay (Little, "A
    proof for the queuing formula L = lambda W", 1961). All is forgotten when the last has left, and what is measured
    also when nobody has waited for long: no burst is met with what was true of other work.
    """

    __slots__ = ("_busy", "_count", "_ended", "_round", "_seen", "_since", "_stay")

    def __init__(self) -> None:
        self._stay = 0.0
        self._since: float | None = None
        self._ended = 0.0
        self._forget()

    def _forget(self) -> None:
        self._count = self._busy = 0.0
        self._seen = self._round = 0

    @property
    def stay(self) -> float:
        """The smoothed seconds for which a place is held; 0 while that is not known."""
        return self._stay

    def waits(self, now: float, taken: int) -> None:
        """Somebody waits, while so many places are taken."""
        if self._since is not None:
            return
        self._check_age(now)
        self._since = now
        if not self._seen:
            self._round = max(1, taken)

    def freed(self, now: float, seconds: float, waiting: int, taken: int) -> None:
        """A place was given back.

        Args:
            seconds: for how long it was held.
            waiting: how many wait still; the next of them has the place already.
            taken: how many places are held, by that one too.
        """
        if not waiting and not taken:
            self._stay, self._since = 0.0, None
            self._forget()
            return
        self._stay += (seconds - self._stay) * (_NEWEST if self._stay else 1.0)
        if self._since is None:
            return
        since = max(0.0, now - self._since)
        kept = exp(-since / self._memory)
        self._count = self._count * kept + 1.0
        self._busy = self._busy * kept + since
        self._seen += 1
        self._ended = now
        self._since = now if waiting else None

    def wait(self, now: float, waiting: int, taken: int) -> float:
        """Seconds until one that comes now would have a place.

        0 when nobody waits, and as long as nothing is known of how fast the line moves.

        Args:
            waiting: how many wait before it.
            taken: how many places are held.
        """
        if not waiting:
            self._since = None
            return 0.0
        self._check_age(now)
        rate = self._rate(now, taken)
        return waiting / rate if rate else 0.0

    def _rate(self, now: float, taken: int) -> float:
        """Places that become free in a second; 0 if that is not known."""
        if self._round and self._seen >= self._round:
            busy = self._busy + (max(0.0, now - self._since) if self._since is not None else 0.0)
            if busy:
                return self._count / busy
        return taken / self._stay if self._stay else 0.0

    def _check_age(self, now: float) -> None:
        """Forgets what was measured before a time in which nobody waited, if that was long."""
        if self._since is None and now - self._ended > self._memory:
            self._forget()

    @property
    def _memory(self) -> float:
        return max(_LEAST_MEMORY, _STAYS * self._stay)
