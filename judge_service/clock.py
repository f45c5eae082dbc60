"""The time of day, as judgments tell it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache


def now() -> str:
    """RFC 3339, in UTC, to the millisecond: 2026-01-31T12:00:00.000Z."""
    milliseconds = time.time_ns() // 1_000_000
    return f"{_to_the_second(milliseconds // 1000)}.{milliseconds % 1000:03}Z"


@lru_cache(maxsize=2)
def _to_the_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
