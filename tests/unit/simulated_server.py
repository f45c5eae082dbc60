"""A judge server in simulated time, and a client that sends as many calls as its window allows. No clock is read."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from judge_service.backends.window import Window


@dataclass
class Simulation:
    """One server with more work before it than it can do, asked by one client.

    Attributes:
        capacity: calls served at once; 0 is no limit.
        rejects: whether calls beyond the capacity are refused; else they wait their turn.
        noise: share of the calls that are refused whatever the load.
        allowed: seconds after which a call is given up.
        looks: seconds between two looks at the server's queue; 0 is none.
        worked: seconds that the server worked on calls, those of one after the other.
    """

    window: Window
    seconds: Callable[[random.Random], float]
    capacity: int = 0
    rejects: bool = False
    noise: float = 0.0
    allowed: float = float("inf")
    looks: float = 0.0
    now: float = 0.0
    answered: int = 0
    refused: int = 0
    late: int = 0
    worked: float = 0.0
    limits: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._drawn = random.Random(1)
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = self._out = self._rests = self._taken = self._serving = 0
        self._queue: deque[list[Any]] = deque()
        if self.looks:
            self._at(self.looks, self._look)

    def run(self, seconds: float) -> Simulation:
        """Goes on for so long."""
        end = self.now + seconds
        self._send()
        while self._events and self._events[0][0] <= end:
            when, _, what, told = heapq.heappop(self._events)
            self._pass_until(when)
            what(*told)
            self.limits.append(self.window.limit)
            self._send()
        self._pass_until(end)
        return self

    def _pass_until(self, when: float) -> None:
        self.worked += self._serving * (when - self.now)
        self.now = when

    def _at(self, when: float, what: Callable[..., None], *told: Any) -> None:
        self._count += 1
        heapq.heappush(self._events, (when, self._count, what, told))

    def _send(self) -> None:
        if self.now < self.window.opens:
            self._at(self.window.opens, lambda: None)
            return
        while self._out < min(self.window.limit, max(self.window.limit - self._rests, self._taken)):
            self._out += 1
            call = [self.now, False]
            if self._drawn.random() < self.noise or (self.rejects and 0 < self.capacity <= self._serving):
                self._at(self.now + 0.001, self._refused)
                continue
            if self.allowed != float("inf"):
                self._at(self.now + self.allowed, self._given_up, call)
            self._queue.append(call)
            self._serve()

    def _serve(self) -> None:
        while self._queue and not 0 < self.capacity <= self._serving:
            call = self._queue.popleft()
            if call[1]:
                continue
            self._serving += 1
            self._at(self.now + self.seconds(self._drawn), self._done, call)

    def _done(self, call: list[Any]) -> None:
        self._serving -= 1
        if not call[1]:
            call[1] = True
            self.answered += 1
            self.window.answered(self.now - call[0], self.allowed, self._out)
            self._out -= 1
        self._serve()

    def _given_up(self, call: list[Any]) -> None:
        if not call[1]:
            call[1] = True
            self.late += 1
            self.window.answered(self.allowed, self.allowed, self._out)
            self._out -= 1

    def _refused(self) -> None:
        self.refused += 1
        self.window.refused(self.now, 0.0, self._out)
        self._out -= 1
        self._taken = self._out
        self._rests += 1
        self._at(self.now + (self.window.latency or 0.25), self._rested)

    def _rested(self) -> None:
        self._rests -= 1
        if not self._rests:
            self._taken = 0

    def _look(self) -> None:
        waiting = sum(not call[1] for call in self._queue)
        self.window.queued(self._serving, waiting, self._out)
        self._at(self.now + self.looks, self._look)
