"""The signals that end a batch before its end: at once, or once what is under way is finished."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Final

from judge_service.batch.progress import Progress
from judge_service.batch.runner import Run
from judge_service.errors import InvalidOption

INTERRUPTED: Final = 130
DRAINED: Final = 75
"""EX_TEMPFAIL of sysexits.h: run the same command again."""
_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


def parse_signals(told: str) -> tuple[signal.Signals, ...]:
    """The signals of a --drain-on flag: `SIGUSR1,TERM`.

    Raises:
        InvalidOption: no such signal, or one that no program can hear.
    """
    found = []
    for part in filter(None, (part.strip().upper() for part in told.split(","))):
        name = part if part.startswith("SIG") else f"SIG{part}"
        known = signal.Signals.__members__.get(name)
        if known is None or known in (signal.SIGKILL, signal.SIGSTOP):
            raise InvalidOption(f"--drain-on takes signals such as SIGUSR1,SIGTERM; got {part!r}", "drain_on")
        found.append(known)
    return tuple(found)


class Signalled:
    """Hears SIGINT, SIGTERM and those that drain, from the start of a batch to the end of its run.

    A signal that drains lets what is under way be finished, for some seconds; one more ends that at once.

    Attributes:
        code: the exit code that a signal has brought about; None while there was none.
    """

    def __init__(self, drain_on: tuple[signal.Signals, ...], seconds: float) -> None:
        self.code: int | None = None
        self._drain_on = drain_on
        self._seconds = seconds
        self._end: Callable[[], object] = _nothing
        self._drain: Callable[[], object] | None = None

    def __enter__(self) -> Signalled:
        task = asyncio.current_task()
        assert task is not None
        self._end = task.cancel
        for name in {*_ENDING, *self._drain_on}:
            asyncio.get_running_loop().add_signal_handler(name, self._heard, name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        for name in {*_ENDING, *self._drain_on}:
            asyncio.get_running_loop().remove_signal_handler(name)

    def _heard(self, name: signal.Signals) -> None:
        drain, self._drain = self._drain, None
        if name not in self._drain_on:
            self.code = INTERRUPTED
            self._end()
            return
        self.code = DRAINED
        (self._end if drain is None else drain)()

    async def carry_out(self, run: Run) -> None:
        """Carries a run out; a signal ends it between two lines of the output, and its code is told.

        Raises:
            asyncio.CancelledError: a signal has ended it before what was under way was finished.
        """
        task = asyncio.ensure_future(run.carry_out())
        self._end, self._drain = task.cancel, partial(self._drained, run, task)
        try:
            await task
        except BaseExceptionGroup as group:
            raise _first(group) from None
        finally:
            self._close()
        if not run.is_drained:
            self.code = None

    def _drained(self, run: Run, task: asyncio.Future[Progress]) -> None:
        run.drain()
        asyncio.get_running_loop().call_later(self._seconds, task.cancel)


def _nothing() -> None:
    """There is nothing to end yet."""


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
