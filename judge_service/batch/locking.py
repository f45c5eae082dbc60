"""One process writes an output at a time."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from judge_service.disks import local_place, network_file_system
from judge_service.errors import RunRefused

log: Final = logging.getLogger(__name__)
_HELD: Final = (errno.EWOULDBLOCK, errno.EACCES)
_AT_ONCE: Final = fcntl.LOCK_EX | fcntl.LOCK_NB


class Lock:
    """The right to write one output, until it is given up or the process ends.

    On a network file system, whose locks may hold between machines, on one machine only, or not at all, another one is
    kept on a disk of this machine.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kind = network_file_system(path)
        self._beside: int | None = None

    def take(self, file: int) -> None:
        """Locks the open output.

        Raises:
            RunRefused: another process holds it.
        """
        if self._kind is not None and self._beside is None:
            place = local_place(self._path, "lock")
            log.warning("%s lies on a network file system (%s): its lock is kept at %s", self._path, self._kind, place)
            self._beside = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            self._lock(self._beside)
        try:
            self._lock(file)
        except OSError as e:
            if self._kind is None:
                raise self._refused() from None
            log.debug("%s cannot be locked itself: %s", self._path, e)

    def _lock(self, file: int) -> None:
        try:
            fcntl.flock(file, _AT_ONCE)
        except OSError as e:
            if e.errno in _HELD:
                raise self._refused() from None
            raise

    def _refused(self) -> RunRefused:
        return RunRefused(f"{self._path}: another process is writing this output")

    def give_up(self) -> None:
        """Lets others write; the lock on the output itself goes with the output's descriptor."""
        if self._beside is not None:
            os.close(self._beside)
            self._beside = None


def is_at(file: int, path: Path) -> bool:
    """Whether an open file is the one that stands at a path."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file), path.stat())
    return False
