"""Runs a program for no longer than its owner lives: a script of its own, given a grace in seconds and a command.

The owner holds the other end of standard input. When that end closes, however the owner may have died, the program and
all that it started are told to end and, after the grace, killed. A program that ends by itself leaves nobody behind
either, and its exit code is passed on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress


def keep(grace: float, command: Sequence[str]) -> int:
    """Runs the command to its end, or to its owner's; the exit code as shells give it."""
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)  # noqa: S603
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # Whoever ends the owner as well as us ends the program: by the owner's end, and with its grace.
        signal.signal(number, _nothing)
    threading.Thread(target=_end_with_owner, args=(program.pid, grace), daemon=True).start()
    # Left unburied for a moment: until then nobody else can get its number, which is its group's number too.
    os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOWAIT)
    _send(program.pid, signal.SIGKILL)
    code = program.wait()
    return code if code >= 0 else 128 - code


def _end_with_owner(group: int, grace: float) -> None:
    while os.read(0, 4096):
        continue  # it has nothing to say, and saying something is no reason to end
    _send(group, signal.SIGTERM)
    time.sleep(grace)
    _send(group, signal.SIGKILL)


def _send(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _nothing(_number: int, _frame: object) -> None:
    """A handler, and not SIG_IGN, which the program would inherit."""


if __name__ == "__main__":
    sys.exit(keep(float(sys.argv[1]), sys.argv[2:]))
