"""Where a cache keeps its entries: bytes under 32-byte keys, many at a time."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

log: Final = logging.getLogger(__name__)
MEMORY_ENTRIES: Final = 200_000
FLUSH_ENTRIES: Final = 512
FLUSH_SECONDS: Final = 0.2
_BUSY_SECONDS: Final = 10.0


class Store(Protocol):
    """Keeps bytes. A store that fails is a miss and a warning, never an error of the caller."""

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """What is kept under each key, None where nothing is."""
        ...

    async def put_many(self, entries: Mapping[bytes, bytes]) -> None:
        """Keeps the entries; they may reach the disk a moment later."""
        ...

    async def aclose(self) -> None:
        """Writes what is still waiting and closes."""
        ...


class MemoryStore:
    """Entries in this process, the longest unused dropped first."""

    def __init__(self, most: int = MEMORY_ENTRIES) -> None:
        self._entries: OrderedDict[bytes, bytes] = OrderedDict()
        self._most = most

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """What is kept under each key."""
        found = [self._entries.get(key) for key in keys]
        for key, value in zip(keys, found, strict=True):
            if value is not None:
                self._entries.move_to_end(key)
        return found

    async def put_many(self, entries: Mapping[bytes, bytes]) -> None:
        """Keeps the entries."""
        self._entries.update(entries)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    async def aclose(self) -> None:
        """Nothing is held."""


class SqliteStore:
    """Entries in one SQLite file, shared by the processes of one machine; writes are committed in groups."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: dict[bytes, bytes] = {}
        self._flush_due: asyncio.TimerHandle | None = None
        self._warned = False
        self._db = self._opened()

    def _opened(self) -> sqlite3.Connection | None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute("CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
        except (OSError, sqlite3.Error) as e:
            self._warn("cannot be opened", e)
            return None
        return db

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """What is kept under each key, written already or still waiting."""
        found = {key: self._waiting[key] for key in keys if key in self._waiting}
        missing = [key for key in keys if key not in found]
        if missing and self._db is not None:
            marks = ",".join("?" * len(missing))
            try:
                # The marks are question marks and nothing else.
                query = f"SELECT key, value FROM answers WHERE key IN ({marks})"  # noqa: S608
                found.update(self._db.execute(query, missing))
            except sqlite3.Error as e:
                self._warn("cannot be read", e)
        return [found.get(key) for key in keys]

    async def put_many(self, entries: Mapping[bytes, bytes]) -> None:
        """Keeps the entries, on disk within a fifth of a second."""
        if self._db is None:
            return
        self._waiting.update(entries)
        if len(self._waiting) >= FLUSH_ENTRIES:
            self._flush()
        elif self._flush_due is None:
            self._flush_due = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)

    def _flush(self) -> None:
        if self._flush_due is not None:
            self._flush_due.cancel()
            self._flush_due = None
        if self._db is None or not self._waiting:
            return
        entries, self._waiting = self._waiting, {}
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", entries.items())
            self._db.execute("COMMIT")
        except sqlite3.Error as e:
            self._warn("cannot be written", e)
            if self._db.in_transaction:
                self._db.rollback()

    def _warn(self, what: str, error: Exception) -> None:
        if not self._warned:
            self._warned = True
            log.warning("the cache %s %s (%s): judging goes on without it", self._path, what, error)

    async def aclose(self) -> None:
        """Writes what is still waiting and closes the file."""
        self._flush()
        if self._db is not None:
            self._db.close()
            self._db = None
