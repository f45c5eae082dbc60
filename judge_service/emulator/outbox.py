"""Answers on their way out: those that are ready in one turn of the event loop are written together.

Writing wakes a caller that sleeps, which costs more than all the rest of an answer; together, it is woken once.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple


class _Letter(NamedTuple):
    transport: asyncio.Transport
    content: bytes
    last: bool


class Outbox:
    """What all connections of a server have to write."""

    def __init__(self) -> None:
        self._letters: list[_Letter] = []

    def put(self, transport: asyncio.Transport, content: bytes, last: bool) -> None:
        """Writes soon; after its last answer a connection is closed."""
        if not self._letters:
            asyncio.get_running_loop().call_soon(self.flush)
        self._letters.append(_Letter(transport, content, last))

    def flush(self) -> None:
        """Writes now."""
        letters, self._letters = self._letters, []
        for transport, content, last in letters:
            if transport.is_closing():
                continue
            transport.write(content)
            if last:
                transport.close()
