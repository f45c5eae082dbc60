"""Where a cache keeps its entries: bytes under 32-byte keys, many at a time."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from judge_service.backends.sqlite_file import Limits, empty, open_file, prune
from judge_service.errors import InvalidConfiguration

if TYPE_CHECKING:
    from judge_service.backends.claims import Claims

T = TypeVar("T")
log: Final = logging.getLogger(__name__)
MEMORY_ENTRIES: Final = 200_000
FLUSH_ENTRIES: Final = 512
FLUSH_SECONDS: Final = 0.2


class Store(Protocol):
    """Keeps bytes. A store that fails is a miss and a warning, never an error of the caller."""

    @property
    def claims(self) -> Claims | None:
        """Who makes which entry, among the processes that share the store; None where they cannot tell each other."""
        ...

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """What is kept under each key, None where nothing is."""
        ...

    async def put_many(self, entries: Mapping[bytes, bytes]) -> None:
        """Keeps the entries; they may reach the disk a moment later."""
        ...

    async def aclose(self) -> None:
        """Writes what is still waiting and closes."""
        ...


@dataclass(frozen=True, slots=True)
class Stock:
    """What a store keeps.

    Attributes:
        place: where, without secrets.
        bytes: what the file or the server takes up, other things in it included.
        oldest: when the oldest entry was made, in seconds since 1970; None if that is not known.
    """

    place: str
    entries: int
    bytes: int
    oldest: float | None = None


class Keeper(Store, Protocol):
    """A store that outlives the process and can be looked after."""

    async def stock(self) -> Stock:
        """What is kept.

        Raises:
            InvalidConfiguration: the store cannot be reached.
        """
        ...

    async def purge(self) -> int:
        """Removes every entry; how many there were.

        Raises:
            InvalidConfiguration: the store cannot be reached.
        """
        ...


class MemoryStore:
    """Entries in this process, the longest unused dropped first."""

    claims = None

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
        # Copies: what orjson has written holds on to the far larger room it was written in.
        self._entries.update({key: bytes(memoryview(value)) for key, value in entries.items()})
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    async def aclose(self) -> None:
        """Nothing is held."""


class SqliteStore:
    """Entries in one SQLite file, shared by the processes of one machine; writes are committed in groups.

    Args:
        limits: how old entries may get, and how large the file; the oldest go first.

    Attributes:
        faults: how many operations failed, by kind.
    """

    claims = None

    def __init__(self, path: Path, limits: Limits = Limits()) -> None:  # noqa: B008 - it is frozen
        self._path = path
        self._limits = limits
        self._waiting: dict[bytes, bytes] = {}
        self._flush_due: asyncio.TimerHandle | None = None
        self._warned = False
        self.faults: Counter[str] = Counter()
        self._db = self._opened()

    def _opened(self) -> sqlite3.Connection | None:
        try:
            return open_file(self._path, self._limits)
        except (OSError, sqlite3.Error) as e:
            self._failed("open", "cannot be opened", e)
            return None

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """What is kept under each key, written already or still waiting."""
        if self._db is None:
            return [None] * len(keys)
        oldest = self._oldest()
        try:
            self._begin_reading(self._db)
            return [self._waiting.get(key) or _value(self._db, key, oldest) for key in keys]
        except sqlite3.Error as e:
            self._failed("read", "cannot be read", e)
            return [self._waiting.get(key) for key in keys]

    def _begin_reading(self, db: sqlite3.Connection) -> None:
        """All that is looked up in one turn of the event loop is one transaction: its locks cost as much as a look."""
        if not db.in_transaction:
            db.execute("BEGIN")
            asyncio.get_running_loop().call_soon(self._end_reading)

    def _end_reading(self) -> None:
        if self._db is not None and self._db.in_transaction:
            self._db.rollback()

    def _oldest(self) -> float:
        return time.time() - self._limits.seconds if self._limits.seconds else 0.0

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
        now = int(time.time())
        self._end_reading()
        try:
            self._db.execute("BEGIN IMMEDIATE")
            rows = [(key, value, now) for key, value in entries.items()]
            self._db.executemany("INSERT OR REPLACE INTO answers (key, value, created) VALUES (?, ?, ?)", rows)
            self._db.execute("COMMIT")
            if self._limits:
                # A few times what came in: enough to keep up, and never long.
                prune(self._db, self._limits, 4 * len(entries))
        except sqlite3.Error as e:
            self._failed("write", "cannot be written", e)
            if self._db.in_transaction:
                self._db.rollback()

    def _failed(self, kind: str, what: str, error: Exception) -> None:
        self.faults[kind] += 1
        if not self._warned:
            self._warned = True
            log.warning("the cache %s %s (%s): judging goes on without it", self._path, what, error)

    async def stock(self) -> Stock:
        """What is in the file.

        Raises:
            InvalidConfiguration: it cannot be read.
        """
        self._flush()
        count = "SELECT COUNT(*), MIN(created) FROM answers"
        entries, oldest = self._done(lambda db: db.execute(count).fetchone())
        return Stock(str(self._path), entries, self._path.stat().st_size, oldest)

    async def purge(self) -> int:
        """Empties the file and gives its room back to the disk; how many entries there were.

        Raises:
            InvalidConfiguration: it cannot be written.
        """
        self._flush()
        return self._done(empty)

    def _done(self, what: Callable[[sqlite3.Connection], T]) -> T:
        self._end_reading()
        if self._db is None:
            raise InvalidConfiguration(f"the cache {self._path} cannot be opened")
        try:
            return what(self._db)
        except sqlite3.Error as e:
            raise InvalidConfiguration(f"the cache {self._path}: {e}") from None

    async def aclose(self) -> None:
        """Writes what is still waiting and closes the file."""
        self._flush()
        if self._db is not None:
            self._db.close()
            self._db = None


def _value(db: sqlite3.Connection, key: bytes, oldest: float) -> bytes | None:
    row = db.execute("SELECT value FROM answers WHERE key = ? AND created >= ?", (key, oldest)).fetchone()
    return None if row is None else row[0]
