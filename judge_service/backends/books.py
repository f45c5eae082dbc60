"""Where it is kept how much every account has used: in this process's memory, or elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from judge_service.backends.buckets import EMPTY, Charged, Level, Limit, charge, settle

Clock = Callable[[], float]
"""Seconds since 1970."""


class BookAway(Exception):
    """The book cannot be looked into."""


class Book(Protocol):
    """Levels of each account and limit.

    Attributes:
        faults: how many operations failed, by kind.
    """

    @property
    def faults(self) -> Mapping[str, int]: ...

    async def charge(self, account: str, limits: Sequence[Limit], costs: Sequence[float]) -> Charged:
        """Charges all limits or, if one does not allow it, none.

        Raises:
            BookAway: it cannot be said.
        """
        ...

    async def look(self, account: str, limits: Sequence[Limit]) -> Charged:
        """Charges nothing.

        Raises:
            BookAway: it cannot be said.
        """
        ...

    def settle(self, account: str, limits: Sequence[Limit], amounts: Sequence[float]) -> None:
        """Charges what has been used already, or takes back what has not. It does not wait for the book."""
        ...

    async def aclose(self) -> None:
        """Finishes what is under way."""
        ...


class MemoryBook:
    """Levels in this process's memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._levels: dict[tuple[str, Limit], Level] = {}
        self.faults: Counter[str] = Counter()

    async def charge(self, account: str, limits: Sequence[Limit], costs: Sequence[float]) -> Charged:
        """Charges all limits or none."""
        return self._kept(account, limits, charge(limits, self._of(account, limits), costs, self._clock()))

    async def look(self, account: str, limits: Sequence[Limit]) -> Charged:
        """Charges nothing."""
        return self._settled(account, limits, [0.0] * len(limits))

    def settle(self, account: str, limits: Sequence[Limit], amounts: Sequence[float]) -> None:
        """Charges what has been used already."""
        self._settled(account, limits, amounts)

    def _settled(self, account: str, limits: Sequence[Limit], amounts: Sequence[float]) -> Charged:
        return self._kept(account, limits, settle(limits, self._of(account, limits), amounts, self._clock()))

    def _of(self, account: str, limits: Sequence[Limit]) -> list[Level]:
        return [self._levels.get((account, limit), EMPTY) for limit in limits]

    def _kept(self, account: str, limits: Sequence[Limit], charged: Charged) -> Charged:
        for limit, level in zip(limits, charged.levels, strict=True):
            self._levels[account, limit] = level
        return charged

    async def aclose(self) -> None:
        """There is nothing to finish."""
