"""Several server processes on one address: started together, replaced when one dies, ended together."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Final

from judge_service.api.server import Serving, announce, listening, serve_on
from judge_service.errors import JudgeDown, JudgeServiceError
from judge_service.loops import run
from judge_service.settings import Settings, share_metrics_in

log: Final = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 0.2
_SHORT_LIFE: Final = 2.0
_CANNOT_START: Final = 3


def serve_with(workers: int, settings: Settings, serving: Serving) -> None:
    """Serves with so many processes until SIGTERM or SIGINT.

    Raises:
        InvalidConfiguration: the address may not, or cannot, be listened on.
        JudgeDown: the workers cannot start.
    """
    with listening(serving, settings) as on, tempfile.TemporaryDirectory() as metrics:
        share_metrics_in(metrics)
        crew = _Crew(workers, lambda: _started(on, settings, serving))
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, crew.end)
        announce(serving, on)
        crew.work()


def _started(on: socket.socket, settings: Settings, serving: Serving) -> SpawnProcess:
    # Spawned, not forked: an event loop and its threads do not survive a fork.
    process = multiprocessing.get_context("spawn").Process(target=work, args=(on, settings, serving))
    process.start()
    return process


def work(on: socket.socket, settings: Settings, serving: Serving) -> None:
    """What one worker does."""
    try:
        run(serve_on(on, settings, serving))
    except JudgeServiceError as e:
        log.error("a worker cannot start: %s", e.message)  # noqa: TRY400
        raise SystemExit(_CANNOT_START) from None


class _Crew:
    def __init__(self, size: int, start: Callable[[], SpawnProcess]) -> None:
        self._start = start
        self._ending = False
        self._crew = [(start(), time.monotonic()) for _ in range(size)]

    def end(self, _signal: int, _frame: FrameType | None) -> None:
        """Asks every worker to finish what is in flight and end."""
        self._ending = True
        for process, _ in self._crew:
            process.terminate()

    def work(self) -> None:
        while any(process.is_alive() for process, _ in self._crew) or not self._ending:
            self._crew = [self._kept(process, since) for process, since in self._crew]
            time.sleep(_LOOK_SECONDS)

    def _kept(self, process: SpawnProcess, since: float) -> tuple[SpawnProcess, float]:
        """The worker, or another in its place if it died."""
        if self._ending or process.is_alive():
            return process, since
        if process.exitcode == _CANNOT_START or time.monotonic() - since < _SHORT_LIFE:
            self.end(0, None)
            raise JudgeDown("a worker could not start; its own message says why")
        log.warning("a worker ended with %s and is replaced", process.exitcode)
        return self._start(), time.monotonic()
