"""The SQLite file a cache lies in: its schema, what older files are brought to, and its limits of age and size."""

from __future__ import annotations

import logging
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

log: Final = logging.getLogger(__name__)
SCHEMA: Final = 3
_BUSY_SECONDS: Final = 10.0
_COLUMNS: Final = {"id", "key", "value", "created"}
# Rows lie in the order they came in: new ones go to the end, and the oldest go page by page.
_CREATE: Final = (
    "CREATE TABLE answers"
    " (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, value BLOB NOT NULL, created INTEGER NOT NULL)"
)
_CHUNK: Final = 1000
_ROOM: Final = 0.9


@dataclass(frozen=True, slots=True)
class Limits:
    """How old an entry may get and how large all of them together; 0 is no limit."""

    seconds: float = 0.0
    bytes: int = 0

    def __bool__(self) -> bool:
        """Whether there is a limit at all."""
        return bool(self.seconds or self.bytes)


def open_file(path: Path, limits: Limits) -> sqlite3.Connection:
    """The file in the present schema, within its limits.

    Raises:
        OSError, sqlite3.Error: it cannot be opened, is no such file, or was made by a later version.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        # Look-ups are of random pages: read them through the map and not by a system call each. What is mapped counts
        # as this process's memory, though, which a cache of millions of answers must not let grow.
        db.execute("PRAGMA mmap_size=67108864")
        if _version(db) != SCHEMA:
            _arrange(db, path)
        if limits:
            prune(db, limits)
    except BaseException:
        db.close()
        raise
    return db


def _version(db: sqlite3.Connection) -> int:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return int(version)


def _arrange(db: sqlite3.Connection, path: Path) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have arranged it while this one waited for the lock.
        if _version(db) != SCHEMA:
            _bring_up(db, path)
            db.execute(f"PRAGMA user_version = {SCHEMA}")
        db.execute("COMMIT")
    except BaseException:
        db.rollback()
        raise


def _bring_up(db: sqlite3.Connection, path: Path) -> None:
    if _version(db) > SCHEMA:
        raise sqlite3.DatabaseError("it was made by a later version")
    columns = {row[1] for row in db.execute("PRAGMA table_info(answers)")}
    if {"key", "value"} <= columns:
        _copy(db, columns)
    elif columns:
        log.warning("the cache %s has an unknown form and is made anew", path)
        db.execute("DROP TABLE answers")
        db.execute(_CREATE)
    else:
        db.execute(_CREATE)


def _copy(db: sqlite3.Connection, columns: set[str]) -> None:
    """Brings the entries of an older version over; what has no date is as new as today."""
    if columns == _COLUMNS:
        return
    db.execute("ALTER TABLE answers RENAME TO older")
    db.execute(_CREATE)
    if "created" in columns:
        db.execute("INSERT INTO answers SELECT NULL, key, value, created FROM older ORDER BY created")
    else:
        db.execute("INSERT INTO answers SELECT NULL, key, value, ? FROM older", (int(time.time()),))
    db.execute("DROP TABLE older")


def prune(db: sqlite3.Connection, limits: Limits, most: float = float("inf")) -> None:
    """Removes what is too old, and then the oldest until a tenth of the room is free again.

    Freed pages are used again; only a purge gives them back to the disk.

    Args:
        most: about how many entries may go in one go.

    Raises:
        sqlite3.Error: as SQLite does.
    """
    gone = 0
    if limits.seconds:
        bound = time.time() - limits.seconds
        while gone < most and (removed := _remove_older(db, bound)):
            gone += removed
    if limits.bytes and used_bytes(db) > limits.bytes:
        while gone < most and used_bytes(db) > limits.bytes * _ROOM and (removed := _remove_first(db)):
            gone += removed


def _remove_older(db: sqlite3.Connection, bound: float) -> int:
    oldest = db.execute("SELECT id, created FROM answers ORDER BY id LIMIT ?", (_CHUNK,)).fetchall()
    old = [(entry,) for entry, created in oldest if created < bound]
    db.execute("BEGIN IMMEDIATE")
    db.executemany("DELETE FROM answers WHERE id = ?", old)
    db.execute("COMMIT")
    return len(old)


def _remove_first(db: sqlite3.Connection) -> int:
    """A fiftieth of the entries, and a chunk at most: what goes beyond the need is never much."""
    first, last = db.execute("SELECT MIN(id), MAX(id) FROM answers").fetchone()
    if first is None:
        return 0
    upto = first + min(_CHUNK, (last - first) // 50)
    return db.execute("DELETE FROM answers WHERE id <= ?", (upto,)).rowcount


def used_bytes(db: sqlite3.Connection) -> int:
    """What the entries take up, without freed pages."""
    (pages,), (free,), (size,) = (
        db.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def empty(db: sqlite3.Connection) -> int:
    """Removes all entries and gives the room back to the disk; how many there were.

    Raises:
        sqlite3.Error: as SQLite does.
    """
    gone = db.execute("DELETE FROM answers").rowcount
    db.execute("VACUUM")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return gone
