"""Papers in one SQLite file, shared by the processes of one machine."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson

from judge_service.backends.papers import Facts, Kind, NotHeld
from judge_service.errors import InvalidConfiguration, StoreDown

T = TypeVar("T")
SCHEMA: Final = 1
_BUSY_SECONDS: Final = 30.0
_CREATE: Final = """
CREATE TABLE papers (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, tenant TEXT NOT NULL,
    open INTEGER NOT NULL, holder TEXT NOT NULL DEFAULT '', until REAL NOT NULL DEFAULT 0
);
CREATE INDEX of_tenant ON papers (kind, tenant);
CREATE INDEX of_work ON papers (id) WHERE open;
CREATE TABLE facts (
    paper INTEGER NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (paper, name)
) WITHOUT ROWID;
CREATE TABLE parts (
    id INTEGER PRIMARY KEY, paper INTEGER NOT NULL, tray TEXT NOT NULL, number INTEGER NOT NULL, value BLOB NOT NULL,
    UNIQUE (paper, tray, number)
);
"""


class SqlitePapers:
    """Papers in a file, or in memory where there is no path. Its work is done in a thread of its own.

    Raises:
        InvalidConfiguration: the file cannot be opened, is no such file, or was made by a later version.
    """

    def __init__(self, path: Path | None) -> None:
        self.place = "memory" if path is None else str(path)
        self._thread = ThreadPoolExecutor(1, "papers")
        try:
            self._db = _opened(path)
        except (OSError, sqlite3.Error) as e:
            raise InvalidConfiguration(f"files and batches cannot be kept in {self.place}: {e}") from None

    async def _done(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """One transaction."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transaction, work)

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            result = work(self._db)
            self._db.execute("COMMIT")
        except sqlite3.Error as e:
            raise StoreDown(f"files and batches in {self.place}: {e}") from None
        finally:
            if self._db.in_transaction:
                self._db.rollback()
        return result

    async def add(self, kind: Kind, name: str, facts: Facts, is_open: bool = False) -> None:
        """Makes a paper; one that is there already stays as it is."""

        def add(db: sqlite3.Connection) -> None:
            row = (name, kind, facts["tenant"], is_open)
            made = db.execute("INSERT OR IGNORE INTO papers (name, kind, tenant, open) VALUES (?, ?, ?, ?)", row)
            if made.rowcount:
                _write(db, _held(db, name), facts)

        await self._done(add)

    async def facts(self, names: Sequence[str]) -> list[Facts | None]:
        """What stands on each paper."""
        select = "SELECT facts.name, value FROM papers JOIN facts ON paper = papers.id WHERE papers.name = ?"

        def read(db: sqlite3.Connection) -> list[Facts | None]:
            found = [db.execute(select, (name,)).fetchall() for name in names]
            return [{fact: orjson.loads(value) for fact, value in rows} or None for rows in found]

        return await self._done(read)

    async def names(self, kind: Kind, tenant: str | None = None) -> list[str]:
        """Papers in the order in which they were made."""
        whose, told = ("", (kind,)) if tenant is None else (" AND tenant = ?", (kind, tenant))
        return await self._column(f"SELECT name FROM papers WHERE kind = ?{whose} ORDER BY id", *told)  # noqa: S608

    async def unfinished(self) -> list[str]:
        """The papers that are open."""
        return await self._column("SELECT name FROM papers WHERE open ORDER BY id")

    async def _column(self, select: str, *told: Any) -> list[Any]:
        return await self._done(lambda db: [value for (value,) in db.execute(select, told)])

    async def settle(self, name: str, facts: Facts, holder: str = "") -> None:
        """Adds facts; the first write of each stands."""
        await self._done(lambda db: _write(db, _held(db, name, holder), facts))

    async def put(self, name: str, parts: Mapping[tuple[str, int], bytes], holder: str = "") -> None:
        """Puts parts into trays."""
        insert = "INSERT OR REPLACE INTO parts (paper, tray, number, value) VALUES (?, ?, ?, ?)"

        def put(db: sqlite3.Connection) -> None:
            paper = _held(db, name, holder)
            db.executemany(insert, [(paper, *place, value) for place, value in parts.items()])

        await self._done(put)

    async def parts(self, name: str, tray: str, numbers: Sequence[int]) -> list[bytes | None]:
        """Parts of one tray."""
        select = (
            "SELECT value FROM papers JOIN parts ON paper = papers.id WHERE papers.name = ? AND tray = ? AND number = ?"
        )

        def read(db: sqlite3.Connection) -> list[bytes | None]:
            found = [db.execute(select, (name, tray, number)).fetchone() for number in numbers]
            return [None if row is None else row[0] for row in found]

        return await self._done(read)

    async def numbers(self, name: str, tray: str) -> list[int]:
        """The numbers of all parts in a tray."""
        select = "SELECT number FROM papers JOIN parts ON paper = papers.id WHERE papers.name = ? AND tray = ?"
        return await self._column(select, name, tray)

    async def counts(self, name: str) -> dict[str, int]:
        """How many parts lie in each tray."""
        select = "SELECT tray, COUNT(*) FROM papers JOIN parts ON paper = papers.id WHERE papers.name = ? GROUP BY tray"
        return await self._done(lambda db: dict(db.execute(select, (name,)).fetchall()))

    async def finish(self, name: str, holder: str) -> None:
        """Empties the trays, and nobody works on the paper any more."""

        def finish(db: sqlite3.Connection) -> None:
            paper = _held(db, name, holder)
            db.execute("DELETE FROM parts WHERE paper = ?", (paper,))
            db.execute("UPDATE papers SET open = 0 WHERE id = ?", (paper,))

        await self._done(finish)

    async def remove(self, name: str) -> None:
        """Removes a paper."""

        def remove(db: sqlite3.Connection) -> None:
            paper = db.execute("SELECT id FROM papers WHERE name = ?", (name,)).fetchone()
            if paper is not None:
                db.execute("DELETE FROM parts WHERE paper = ?", paper)
                db.execute("DELETE FROM facts WHERE paper = ?", paper)
                db.execute("DELETE FROM papers WHERE id = ?", paper)

        await self._done(remove)

    async def lease(self, name: str, holder: str, seconds: float) -> bool:
        """Takes a paper, or keeps it. (All processes of a machine go by one clock.)"""
        update = "UPDATE papers SET holder = ?, until = ? WHERE name = ? AND (holder IN ('', ?) OR until < ?)"
        now = time.time()
        return await self._done(
            lambda db: db.execute(update, (holder, now + seconds, name, holder, now)).rowcount > 0
        )  # fmt: skip

    async def release(self, name: str, holder: str) -> None:
        """Gives a paper back."""
        update = "UPDATE papers SET holder = '', until = 0 WHERE name = ? AND holder = ?"
        await self._done(lambda db: db.execute(update, (name, holder)))

    async def aclose(self) -> None:
        """Closes the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._db.close)
        self._thread.shutdown()


def _opened(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Callers' texts lie in it.
        path.touch(mode=0o600)
    db = sqlite3.connect(path or ":memory:", timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        # Against a loss of power too: what a caller was told is kept, is. What is deleted is written over.
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA secure_delete=ON")
        _arrange(db)
    except BaseException:
        db.close()
        raise
    return db


def _arrange(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        _bring_up(db)
        db.execute("COMMIT")
    except BaseException:
        db.rollback()
        raise


def _bring_up(db: sqlite3.Connection) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version not in (0, SCHEMA):
        raise sqlite3.DatabaseError("it was made by another version")
    if version == 0:
        for statement in _CREATE.split(";"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {SCHEMA}")


def _held(db: sqlite3.Connection, name: str, holder: str = "") -> int:
    row = db.execute("SELECT id, holder FROM papers WHERE name = ?", (name,)).fetchone()
    if row is None or (holder and row[1] != holder):
        raise NotHeld(name)
    return int(row[0])


def _write(db: sqlite3.Connection, paper: int, facts: Facts) -> None:
    rows = [(paper, name, orjson.dumps(value)) for name, value in facts.items()]
    db.executemany("INSERT OR IGNORE INTO facts (paper, name, value) VALUES (?, ?, ?)", rows)
