"""Rows one after the other: those of a file are at hand, those of standard input come when they come."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable
from typing import Final

from judge_service.files.reading import Row

_AHEAD: Final = 64


class AtHand(AsyncIterator[Row]):
    """Rows that are read as they are asked for, which takes no time worth waiting for."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = iter(rows)

    async def __anext__(self) -> Row:
        for row in self._rows:
            return row
        raise StopAsyncIteration


class Awaited(AsyncIterator[Row]):
    """Rows that are read in a thread, a few ahead: who waits for them keeps neither answers nor signals waiting.

    Several may wait for the next one at a time.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = rows
        self._room = threading.Semaphore(_AHEAD)
        self._come: asyncio.Queue[Row | BaseException | None] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __anext__(self) -> Row:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            # A daemon: a read that never ends must not keep the program from ending.
            threading.Thread(target=self._read, args=(self._loop,), daemon=True).start()
        row = await self._come.get()
        if isinstance(row, Row):
            self._room.release()
            return row
        # Whoever comes next is told the same.
        self._come.put_nowait(row)
        if row is None:
            raise StopAsyncIteration
        raise row

    def close(self) -> None:
        """There are no more rows for those who wait."""
        self._come.put_nowait(None)

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        end: BaseException | None = None
        try:
            for row in self._rows:
                self._room.acquire()
                loop.call_soon_threadsafe(self._come.put_nowait, row)
        except Exception as e:  # noqa: BLE001 - it is told to whoever waits for a row
            end = e
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._come.put_nowait, end)
