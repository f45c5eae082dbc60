"""What the judge was asked: calls, distinct prompts, characters, faults, statuses, concurrency."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any, Final

from judge_service.emulator.behaviour import FAULT_KINDS

MOST_PROMPTS: Final = 1_000_000
"""So many prompts are remembered; beyond, the oldest tenth is forgotten and counts as new when it comes again."""


class Counts:
    """All counters since the start or the last reset."""

    def __init__(self) -> None:
        self.calls = 0
        self.characters = 0
        self.no_worth = 0
        self.abandoned = 0
        self.in_flight_max = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.faults: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self._attempts: dict[int, int] = {}
        self._forgotten = 0

    def asked(self, key: int, characters: int) -> int:
        """Counts a call; says which attempt at this prompt it is, from 1."""
        self.calls += 1
        self.characters += characters
        attempts = self._attempts
        attempt = attempts[key] = attempts.get(key, 0) + 1
        if len(attempts) > MOST_PROMPTS:
            self._forget(MOST_PROMPTS // 10)
        return attempt

    def _forget(self, many: int) -> None:
        for key in list(islice(self._attempts, many)):
            del self._attempts[key]
        self._forgotten += many

    def in_flight(self, now: int) -> None:
        """Notes how many calls are in flight."""
        if now > self.in_flight_max:
            self.in_flight_max = now

    def as_json(self, in_flight: int, waiting: int) -> dict[str, Any]:
        """All counters by name; every kind of fault is among them."""
        distinct = len(self._attempts) + self._forgotten
        return {
            "calls": self.calls,
            "distinct": distinct,
            "repeated": self.calls - distinct,
            "characters": self.characters,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "no_worth": self.no_worth,
            "abandoned": self.abandoned,
            "in_flight": in_flight,
            "waiting": waiting,
            "in_flight_max": self.in_flight_max,
            **{kind: self.faults[kind] for kind in (*FAULT_KINDS, "rejected")},
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
        }
