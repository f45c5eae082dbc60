"""How far a run is: a live line on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import timedelta
from types import TracebackType
from typing import Final

from judge_service.batch.progress import Progress
from judge_service.files.counting import Counting

_LIVE_SECONDS: Final = 0.25
_PLAIN_SECONDS: Final = 15.0
_FAR_DAYS: Final = 1000


class Display:
    """Shows a run's progress while it lasts."""

    def __init__(self, progress: Progress, quiet: bool, counting: Counting | None = None) -> None:
        self._counting = counting
        self._progress = progress
        self._live = sys.stderr.isatty()
        self._quiet = quiet
        self._started = time.monotonic()
        self._before = progress.finished
        self._next: asyncio.TimerHandle | None = None

    def __enter__(self) -> Display:
        if not self._quiet:
            self._later()
            if self._counting is not None:
                self._counting.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._next is not None:
            self._next.cancel()
        if self._counting is not None:
            self._counting.end()
        if self._live and not self._quiet:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)

    def _later(self) -> None:
        wait = _LIVE_SECONDS if self._live else _PLAIN_SECONDS
        self._next = asyncio.get_running_loop().call_later(wait, self._show)

    def _show(self) -> None:
        progress = self._progress
        rate = (progress.finished - self._before) / max(1e-9, time.monotonic() - self._started)
        total = None if self._counting is None else self._counting.total
        line = f"{_cases(progress.finished, total)}  {rate:,.0f}/s{_left(progress, total, rate)}  {_counts(progress)}"
        print(f"\r\x1b[2K{line}" if self._live else line, end="" if self._live else "\n", file=sys.stderr, flush=True)
        self._later()


def _cases(finished: int, total: int | None) -> str:
    return f"{finished:,} cases" if total is None else f"{finished:,} of {max(total, finished):,} cases"


def _left(progress: Progress, total: int | None, rate: float) -> str:
    """How long it will take at the rate so far. Rows that stand twice are not judged twice."""
    if total is None or not rate:
        return ""
    left = timedelta(seconds=round(max(0, total - progress.finished - progress.duplicates) / rate))
    return f"  {left} left" if left.days < _FAR_DAYS else ""


def _counts(progress: Progress) -> str:
    parts = [f"{progress.judge_calls:,} judge calls", f"{progress.cache_hits:,} from the cache"]
    if progress.unfinished:
        parts.append(f"{progress.unfinished:,} not judged")
    if progress.pairs:
        parts.append(f"orders disagree in {progress.flips / progress.pairs:.1%}")
    return "  ".join(parts)


def summary(progress: Progress, output: str, seconds: float, ended: str) -> str:
    """What a run came to, worth keeping in a log.

    Args:
        ended: how it ended before its end; "" if it did not.
    """
    lines = [f"{progress.finished:,} cases in {output}: {_by_status(progress)}"]
    if progress.resumed:
        lines.append(f"{progress.resumed:,} of them were finished before and not judged again")
    if progress.duplicates:
        lines.append(f"{progress.duplicates:,} identical duplicate rows were judged once")
    lines.append(f"{_counts(progress)}  in {seconds:.1f} s")
    if progress.failures:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(progress.failures.items()))
        lines.append(f"why not judged: {kinds} (the first: {progress.first_failure})")
    if ended:
        lines.append(f"{ended}: what is finished is kept; run the same command again to go on")
    return "\n".join(lines)


def _by_status(progress: Progress) -> str:
    return ", ".join(f"{count:,} {status}" for status, count in sorted(progress.statuses.items())) or "none"
