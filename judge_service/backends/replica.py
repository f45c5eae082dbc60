"""One server of a judge that has several: how it has been doing, and whether it has a place for a call."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Final

from judge_service.backends.base import Backend, TransientFault
from judge_service.backends.limited import Limited

log: Final = logging.getLogger(__name__)
FIRST_REST: Final = 1.0
LONGEST_REST: Final = 30.0
FAULTS_BEFORE_REST: Final = 3
_BOUNDLESS: Final = 2**20
_MASK: Final = 0xFFFFFFFFFFFFFFFF


@dataclass(slots=True, eq=False)
class Replica:
    """One server and how it has been doing.

    Attributes:
        faults: failures in a row.
        rest: how long it is left alone after the next failure, in seconds; it doubles.
        failing_since: when the failures began.
        calls: calls it was given that have not ended.
        promised: places that calls are on their way to.
        counted: its places as the pool counts them, none while it rests.
        is_leaving: whether it gets no more calls.
    """

    backend: Backend
    name: str
    salt: int
    faults: int = 0
    rest: float = FIRST_REST
    resting_until: float = 0.0
    failing_since: float = 0.0
    calls: int = 0
    promised: int = 0
    counted: int = 0
    is_leaving: bool = False

    @property
    def limit(self) -> int:
        """How many calls it takes at a time."""
        return self.backend.limit if isinstance(self.backend, Limited) else _BOUNDLESS

    @property
    def has_place(self) -> bool:
        """Whether a call that is given to it goes out at once."""
        free = self.backend.free if isinstance(self.backend, Limited) else _BOUNDLESS
        return free > self.promised

    def is_up(self, now: float) -> bool:
        """Whether it may be given calls."""
        return self.resting_until <= now and not self.is_leaving

    def liking(self, affinity: int) -> int:
        """A well-mixed 64-bit number for a case and this replica (the finaliser of splitmix64)."""
        z = ((affinity ^ self.salt) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def worked(self) -> bool:
        """Forgets past failures; whether it was away and is back."""
        was_away = self.rest > FIRST_REST
        if was_away:
            log.warning("judge replica %s is back", self.name)
        self.faults, self.rest = 0, FIRST_REST
        return was_away

    def failed(self, fault: TransientFault) -> float:
        """Counts a failure; the seconds it is left alone for it, out of reach or failing three times in a row."""
        if fault.status == 429:
            return 0.0
        self.faults += 1
        if self.faults == 1:
            self.failing_since = time.monotonic()
        if fault.status is not None and self.faults < FAULTS_BEFORE_REST:
            return 0.0
        if self.rest == FIRST_REST:
            log.warning("judge replica %s fails (%s): it is left alone for a while", self.name, fault)
        rest = self.rest
        self.resting_until = time.monotonic() + rest
        self.rest = min(LONGEST_REST, 2 * rest)
        return rest
