"""Whether and when a request that failed is sent again: pure, so that every case of it can be tried."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from judge_service.integrations.client.failing import JudgeError

FIRST_WAIT: Final = 0.25
LONGEST_WAIT: Final = 10.0
GRACE: Final = 5.0
"""Seconds beyond the deadline told to the service in which its answer may still come through."""


@dataclass(slots=True)
class Patience:
    """The patience one request has, all its attempts together.

    Attributes:
        until: the clock's time by which it must be answered.
        retries: how many faults in a row are borne.
        draw: gives random numbers in [0, 1).
        faults: how many came since something last went well.
    """

    until: float
    retries: int
    draw: Callable[[], float] = field(default=random.random, repr=False)
    faults: int = 0

    def left(self, now: float) -> float:
        """Seconds until the deadline; 0 once it has passed."""
        return max(0.0, self.until - now)

    def told_seconds(self, now: float) -> float:
        """The same as the service's option `timeout`: whole seconds, for what is prepared for one number serves all
        requests that name it.
        """
        left = self.left(now)
        return float(math.ceil(left)) if left > 1.0 else max(0.001, left)

    def went_well(self) -> None:
        """Something came: faults are counted anew."""
        self.faults = 0

    def wait_after(self, error: JudgeError, now: float) -> float:
        """Seconds until the next attempt: what the service asked for, and on top a random share of a doubling time
        ("full jitter", as in AWS's "Exponential Backoff And Jitter"), so that callers that were sent away together do
        not come back together.

        Raises:
            JudgeError: the error itself, if it will not pass, has been borne too often, or leaves no time for another
                attempt.
        """
        self.faults += 1
        if not error.may_pass or self.faults > self.retries:
            raise error
        backoff = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (self.faults - 1)) * self.draw()
        wait = (error.retry_after or 0.0) + backoff
        if wait >= self.left(now):
            raise error
        return wait
