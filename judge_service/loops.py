"""One event loop for a command or a server process: uvloop where the platform has it."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

try:
    from uvloop import new_event_loop
except ImportError:  # uvloop has no wheel for Windows
    new_event_loop = asyncio.new_event_loop  # type: ignore[assignment]

T = TypeVar("T")
LOOP: Callable[[], asyncio.AbstractEventLoop] = new_event_loop


class _Interrupted(Exception):
    """A signal has ended the work."""


_COLLECTED_AFTER: Final = (50_000, 20, 50)
"""How many more objects than are gone again let the collector look, and how often it looks at the older ones."""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end; it deals with signals itself.

    The garbage collector is told to leave alone what the program is made of, and to look less often: by its own
    numbers it would look through hundreds of calls under way, none of which is garbage, for a third of the CPU.
    """
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)
    with asyncio.Runner(loop_factory=LOOP) as runner:
        return runner.run(work)


def run_interruptibly(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end; Ctrl-C cancels it, whatever it is waiting for.

    Raises:
        KeyboardInterrupt: it was interrupted.
    """
    try:
        return run(_interruptible(work))
    except _Interrupted:
        raise KeyboardInterrupt from None


async def _interruptible(work: Coroutine[Any, Any, T]) -> T:
    # The loop's own signal handler: one of Python's is only seen when the loop next comes back to Python.
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise _Interrupted from None
    finally:
        loop.remove_signal_handler(signal.SIGINT)
