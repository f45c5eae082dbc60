"""One event loop for a command or a server process: uvloop where the platform has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

try:
    from uvloop import new_event_loop
except ImportError:  # uvloop has no wheel for Windows
    new_event_loop = asyncio.new_event_loop  # type: ignore[assignment]

T = TypeVar("T")
LOOP: Callable[[], asyncio.AbstractEventLoop] = new_event_loop


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end; Ctrl-C cancels it and is raised again as KeyboardInterrupt."""
    with asyncio.Runner(loop_factory=LOOP) as runner:
        return runner.run(work)
