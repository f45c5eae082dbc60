"""A wire between a client and a server that a test may cut."""

from __future__ import annotations

import asyncio
from typing import Self
from urllib.parse import urlsplit


class Relay:
    """Passes bytes on, both ways, between its own port and the server at an address.

    Attributes:
        cuts: for the connections to come, one after the other: the bytes of answers after which it breaks.
        opened: connections so far.
    """

    def __init__(self, address: str) -> None:
        told = urlsplit(address)
        self._to = (told.hostname or "", told.port or 0)
        self.cuts: list[int] = []
        self.opened = 0
        self._server: asyncio.Server | None = None
        self._port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    async def open(self) -> None:
        """Listens, again at the same port."""
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", self._port, limit=2**20)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Breaks all connections and lets none in."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _joined(self, ours: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.opened += 1
        most = self.cuts.pop(0) if self.cuts else None
        theirs, out = await asyncio.open_connection(*self._to)
        asking = asyncio.create_task(_passed(ours, out, None))
        try:
            await _passed(theirs, back, most)
        except (ConnectionError, asyncio.CancelledError):
            pass  # Either end has hung up, or the relay closes: both ends are closed below.
        finally:
            self._tasks.discard(task)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            back.transport.abort()
            out.transport.abort()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def _passed(come: asyncio.StreamReader, go: asyncio.StreamWriter, most: int | None) -> None:
    passed = 0
    while some := await come.read(2**16 if most is None else min(2**16, most - passed)):
        go.write(some)
        await go.drain()
        passed += len(some)
        if most is not None and passed >= most:
            return
    go.write_eof()
