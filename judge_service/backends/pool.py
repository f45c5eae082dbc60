"""Several replicas of one judge: a case stays with one of them, and moves on when that one fails."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from judge_service.backends.base import Backend, Terms, TransientFault
from judge_service.domain.digests import draw
from judge_service.domain.prompting import Completion, JudgePrompt

log: Final = logging.getLogger(__name__)
FIRST_REST: Final = 1.0
LONGEST_REST: Final = 30.0
FAULTS_BEFORE_REST: Final = 3
GONE_SECONDS: Final = 30.0
_MASK: Final = 0xFFFFFFFFFFFFFFFF


class Gone(TransientFault):
    """Every replica has been out of reach for so long that trying again soon is no use."""

    hopeless = True


@dataclass(slots=True)
class Replica:
    """One server and how it has been doing.

    Attributes:
        faults: failures in a row.
        rest: how long it is left alone after the next failure, in seconds; it doubles.
        failing_since: when the failures began.
    """

    backend: Backend
    name: str
    salt: int
    faults: int = 0
    rest: float = FIRST_REST
    resting_until: float = 0.0
    failing_since: float = 0.0

    def worked(self) -> bool:
        """Forgets past failures; whether it was away and is back."""
        was_away = self.rest > FIRST_REST
        if was_away:
            log.warning("judge replica %s is back", self.name)
        self.faults, self.rest = 0, FIRST_REST
        return was_away

    def failed(self, fault: TransientFault) -> None:
        """Counts a failure; out of reach, or failing three times in a row, it is left alone for a while."""
        if fault.status == 429:
            return
        self.faults += 1
        if self.faults == 1:
            self.failing_since = time.monotonic()
        if fault.status is None or self.faults >= FAULTS_BEFORE_REST:
            if self.rest == FIRST_REST:
                log.warning("judge replica %s fails (%s): it is left alone for a while", self.name, fault)
            self.resting_until = time.monotonic() + self.rest
            self.rest = min(LONGEST_REST, 2 * self.rest)


class Pool:
    """Chooses replicas by rendezvous hashing of the case's affinity: one that goes takes only its own cases along.

    The highest-scoring replica that is not resting is asked (Thaler & Ravishankar, "Using name-based mappings to
    increase hit rates", 1998).

    Attributes:
        returned: is called when a replica that was away is back; it may be another than it was.
    """

    def __init__(self, replicas: Sequence[tuple[str, Backend]]) -> None:
        self.returned: Callable[[], None] = _nobody
        self._replicas = [Replica(backend, name, draw("replica", name) | 1) for name, backend in replicas]

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        """Asks the case's own replica, and at once the next one if that cannot be reached.

        Raises:
            TransientFault: no replica answered; it is hopeless when none has for half a minute.
        """
        fault: TransientFault | None = None
        if self._are_gone():
            raise Gone("judge_unavailable", f"no replica of the judge has answered for {GONE_SECONDS:g} s")
        for replica in self._preferred(terms.affinity):
            try:
                completions = await replica.backend.complete(prompts, terms)
            except TransientFault as e:
                replica.failed(e)
                fault = e
                if e.status is not None:
                    break
            else:
                if replica.faults and replica.worked():
                    self.returned()
                return completions
        assert fault is not None
        raise fault

    def _are_gone(self) -> bool:
        """Whether every replica rests and has failed for long: then a case need not wait for all its attempts."""
        now = time.monotonic()
        return all(r.resting_until > now and now - r.failing_since > GONE_SECONDS for r in self._replicas)

    def _preferred(self, affinity: int) -> list[Replica]:
        """The replicas that are not resting, the case's own first; if all rest, the one that has rested longest."""
        now = time.monotonic()
        awake = [replica for replica in self._replicas if replica.resting_until <= now]
        if not awake:
            return [min(self._replicas, key=lambda replica: replica.resting_until)]
        return sorted(awake, key=lambda replica: _score(affinity, replica.salt), reverse=True)

    async def aclose(self) -> None:
        """Closes every replica."""
        for replica in self._replicas:
            await replica.backend.aclose()


def _nobody() -> None:
    """Nobody wants to know."""


def _score(affinity: int, salt: int) -> int:
    """A well-mixed 64-bit number for a case and a replica (the finaliser of splitmix64)."""
    z = ((affinity ^ salt) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)
