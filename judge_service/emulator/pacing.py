"""How long answers take, and how many are served at once: timers and a queue, no tasks."""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Final

from judge_service.errors import InvalidOption

_NORMAL: Final = NormalDist()
_LONGEST_MS: Final = 3_600_000.0


def _uniform(low: float, high: float, drawn: float) -> float:
    return low + (high - low) * drawn


def _lognormal(median: float, sigma: float, drawn: float) -> float:
    return median * math.exp(sigma * _NORMAL.inv_cdf(drawn))


_SHAPES: Final[dict[str, Callable[[float, float, float], float]]] = {"uniform": _uniform, "lognormal": _lognormal}


@dataclass(frozen=True, slots=True)
class Latency:
    """A distribution of milliseconds; without a shape it is always `one`."""

    shape: str
    one: float
    other: float

    def seconds(self, drawn: float) -> float:
        """The quantile at a number drawn between 0 and 1."""
        if not self.shape:
            return self.one / 1000.0
        return min(_LONGEST_MS, _SHAPES[self.shape](self.one, self.other, drawn)) / 1000.0


@lru_cache(maxsize=256)
def latency(told: str) -> Latency:
    """Reads `200`, `uniform:50,300` or `lognormal:200,0.5` (median and sigma).

    Raises:
        InvalidOption: it is none of these.
    """
    shape, _, numbers = told.rpartition(":")
    try:
        values = [float(number) for number in numbers.split(",")]
    except ValueError:
        values = []
    sound = len(values) == (2 if shape else 1) and all(0.0 <= value <= _LONGEST_MS for value in values)
    if not sound or (shape and shape not in _SHAPES):
        forms = "200, uniform:50,300 or lognormal:200,0.5"
        raise InvalidOption(f"latency_ms is a number or a distribution, such as {forms}; got {told!r}", "latency_ms")
    return Latency(shape, values[0], values[-1])


class Stay:
    """One call's stay at the server, from its arrival to its answer."""

    __slots__ = ("done", "seconds", "served", "timer")

    def __init__(self, seconds: float | None, done: Callable[[], None]) -> None:
        self.seconds = seconds
        """How long it is served; None: for ever."""
        self.done = done
        self.served = False
        self.timer: asyncio.TimerHandle | None = None


class Gate:
    """Serves up to `capacity` calls at once (0: all); the others wait in the order they came."""

    def __init__(self) -> None:
        self.capacity = 0
        self.serving = 0
        self._queue: OrderedDict[Stay, None] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many calls wait for their turn."""
        return len(self._queue)

    @property
    def is_full(self) -> bool:
        """Whether a call that comes now has to wait."""
        return 0 < self.capacity <= self.serving

    def enter(self, stay: Stay) -> None:
        """Serves the call now, or when its turn comes."""
        if self.is_full:
            self._queue[stay] = None
        else:
            self._serve(stay)

    def leave(self, stay: Stay) -> None:
        """Ends a stay early: its caller has gone."""
        if stay in self._queue:
            del self._queue[stay]
        elif stay.served:
            if stay.timer is not None:
                stay.timer.cancel()
            self._end(stay)

    def widen(self, capacity: int) -> None:
        """Sets another capacity; calls that fit now need not wait on."""
        self.capacity = capacity
        self._next()

    def _serve(self, stay: Stay) -> None:
        self.serving += 1
        stay.served = True
        if stay.seconds is not None:
            stay.timer = asyncio.get_running_loop().call_later(stay.seconds, self._finish, stay)

    def _finish(self, stay: Stay) -> None:
        stay.done()
        self._end(stay)

    def _end(self, stay: Stay) -> None:
        stay.served = False
        self.serving -= 1
        self._next()

    def _next(self) -> None:
        while self._queue and not self.is_full:
            stay, _ = self._queue.popitem(last=False)
            self._serve(stay)
