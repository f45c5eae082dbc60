"""Whether something that failed is tried again yet. The time is told, never read: nothing here waits."""

from __future__ import annotations

from typing import Final

FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 5.0


class Outage:
    """One thing that may fail for a while: it is left alone for a short, growing time, then one attempt goes to it.

    Args:
        first, longest: seconds it is left alone, doubled from attempt to attempt.
    """

    def __init__(self, first: float = FIRST_PAUSE, longest: float = LONGEST_PAUSE) -> None:
        self._first = first
        self._longest = longest
        self._pause = first
        self._until = 0.0
        self._is_on = False

    def rests(self, now: float) -> bool:
        """Whether it is left alone at this moment."""
        return self._is_on and now < self._until

    def admits(self, now: float) -> bool:
        """Whether an attempt may be made. During an outage the answer is yes once, and then no for another pause."""
        if not self._is_on:
            return True
        if now < self._until:
            return False
        self._pause = min(self._longest, self._pause * 2)
        self._until = now + self._pause
        return True

    def failed(self, now: float) -> bool:
        """Notes a failure; whether an outage begins with it."""
        if self._is_on:
            return False
        self._is_on = True
        self._pause = self._first
        self._until = now + self._first
        return True

    def worked(self) -> bool:
        """Notes a success; whether an outage ends with it."""
        was_on, self._is_on = self._is_on, False
        return was_on
