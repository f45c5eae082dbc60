"""The SQLite file a cache lies in: its schema, what older files are brought to, and its limits of age and size."""

from __future__ import annotations

import logging
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

log: Final = logging.getLogger(__name__)
SCHEMA: Final = 2
_BUSY_SECONDS: Final = 10.0
_COLUMNS: Final = ["key", "value", "created"]
_CREATE: Final = (
    "CREATE TABLE answers (key BLOB PRIMARY KEY, value BLOB NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID"
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
        if _version(db) != SCHEMA:
            _arrange(db, path)
        if limits:
            # Without limits nobody asks for the oldest, and the index would cost every write.
            db.execute("CREATE INDEX IF NOT EXISTS answers_created ON answers (created)")
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
    columns = [row[1] for row in db.execute("PRAGMA table_info(answers)")]
    if columns == _COLUMNS[:2]:
        db.execute(f"ALTER TABLE answers ADD COLUMN created INTEGER NOT NULL DEFAULT {int(time.time())}")
    elif columns != _COLUMNS:
        if columns:
            log.warning("the cache %s has an unknown form and is made anew", path)
            db.execute("DROP TABLE answers")
        db.execute(_CREATE)


def prune(db: sqlite3.Connection, limits: Limits, most: float = float("inf")) -> int:
    """Removes what is too old, and then the oldest until a tenth of the room is free again; how many entries went.

    Freed pages are used again; they are given back to the disk only by a purge.

    Args:
        most: about how many entries may go in one go.

    Raises:
        sqlite3.Error: as SQLite does.
    """
    gone = 0
    bound = time.time() - limits.seconds if limits.seconds else 0.0
    while gone < most:
        removed = _remove_oldest(db, bound)
        gone += removed
        if removed < _CHUNK:
            break
    if limits.bytes and used_bytes(db) > limits.bytes:
        while gone < most and used_bytes(db) > limits.bytes * _ROOM:
            removed = _remove_oldest(db, float("inf"))
            gone += removed
            if not removed:
                break
    return gone


def _remove_oldest(db: sqlite3.Connection, before: float) -> int:
    oldest = "SELECT key FROM answers WHERE created < ? ORDER BY created LIMIT ?"
    return db.execute(f"DELETE FROM answers WHERE key IN ({oldest})", (before, _CHUNK)).rowcount  # noqa: S608


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
