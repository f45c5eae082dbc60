"""Who is turned away at once, rather than answered too late: by how long the line is, in cases and in seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from judge_service.api.problems import Problem

_LEAST_RETRY: Final = 1
_LONGEST_RETRY: Final = 120
"""OpenAI's client does not wait for longer."""
_NEWEST: Final = 0.1
_TIMEOUTS: Final = ("x-stainless-read-timeout", "x-stainless-timeout")
"""Seconds until the caller hangs up, as OpenAI's clients tell them: in Python, and in JavaScript."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a request would find before it.

    Attributes:
        cases: cases that wait for a place.
        calls: calls that wait for a judge, of cases that have one.
        wait: seconds until its first case would be asked about, as far as that is known.
        stay: seconds a case like its own usually takes from there on; 0 where that is not known.
    """

    cases: int
    calls: int
    wait: float
    stay: float = 0.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long the line may be.

    Attributes:
        cases: that may wait for a place.
        seconds: that may be waited.
    """

    cases: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is turned away.

    Attributes:
        code: queue_full, or deadline_unreachable.
        seconds: after which it would be let in, if nobody else came.
    """

    code: str
    message: str
    seconds: float

    def problem(self, ahead: Ahead) -> Problem:
        """429, with Retry-After and the queue's depth."""
        retry = min(_LONGEST_RETRY, max(_LEAST_RETRY, math.ceil(self.seconds)))
        problem = Problem(429, self.message, code=self.code, retry=retry)
        problem.headers["x-queue-depth"] = str(ahead.cases + ahead.calls)
        return problem


def refusal(ahead: Ahead, cases: int, left: float, bounds: Bounds) -> Refusal | None:
    """Why a request of so many cases is turned away; None if it is let in, as it always is while nothing waits.

    Its own cases wait for each other by its own wish: they count for the number that may wait, not for the time.

    Args:
        left: seconds until the caller wants its answer.
    """
    if not ahead.cases and not ahead.calls:
        return None
    if ahead.cases and ahead.cases + cases > bounds.cases:
        told = f"the queue is full: {ahead.cases:,} cases wait, of {bounds.cases:,} that may"
        return Refusal("queue_full", told, ahead.wait)
    if ahead.wait > bounds.seconds:
        told = f"the queue is full: a case would wait for {ahead.wait:.3g} s, and {bounds.seconds:g} s is the limit"
        return Refusal("queue_full", told, ahead.wait - bounds.seconds)
    if ahead.wait + ahead.stay > left and ahead.wait:
        takes = f"a case would wait for {ahead.wait:.3g} s and take {ahead.stay:.3g} s"
        told = f"the deadline cannot be met: {takes}, and the caller waits for {left:.3g} s"
        return Refusal("deadline_unreachable", told, ahead.wait + ahead.stay - left)
    return None


def patience(headers: Mapping[str, str]) -> float:
    """Seconds until the caller hangs up, if it says so; infinite if not.

    OpenAI's client for Python tells the time it allows between two reads: that of an answer that comes in one piece.
    """
    for name in _TIMEOUTS:
        try:
            seconds = float(headers.get(name, ""))
        except ValueError:
            continue
        if 0.0 < seconds < math.inf:
            return seconds
    return math.inf


class Stays:
    """How long cases of each kind take once they have a place and nothing waits: smoothed seconds."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, str], float] = {}

    def learn(self, kind: tuple[str, str], seconds: float) -> None:
        """A case has been judged."""
        known = self._seconds.get(kind)
        self._seconds[kind] = seconds if known is None else known + (seconds - known) * _NEWEST

    def of(self, kind: tuple[str, str]) -> float:
        """Seconds; 0 for a kind that has not been seen."""
        return self._seconds.get(kind, 0.0)
