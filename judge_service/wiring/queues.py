"""How many calls a vLLM server works on and how many wait there, as its metrics say."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from judge_service.backends.base import TransientFault
from judge_service.backends.wires import Wire

_SECONDS: Final = 2.0
_TOLD: Final = re.compile(rb"^vllm:num_requests_(running|waiting)(?:\{[^}\n]*\})? ([0-9.e+]+)\s*$", re.MULTILINE)


async def queue_of(wire: Wire) -> tuple[int, int] | None:
    """Calls that run and calls that wait, of all the server's engines; None if it does not say so, or not soon."""
    try:
        async with asyncio.timeout(_SECONDS):
            reply = await wire.get("/../metrics")
    except (TransientFault, TimeoutError):
        return None
    return queue_told(reply.body) if reply.status == 200 else None


def queue_told(metrics: bytes) -> tuple[int, int] | None:
    """The same of the text of its metrics."""
    told = {b"running": 0.0, b"waiting": 0.0}
    found = _TOLD.findall(metrics)
    try:
        for state, count in found:
            told[state] += float(count)
    except ValueError:
        return None
    return (int(told[b"running"]), int(told[b"waiting"])) if len({state for state, _ in found}) == len(told) else None
