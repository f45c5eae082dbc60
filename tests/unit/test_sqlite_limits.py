"""The cache in a file: limits of age and size, and files of other versions."""

import sqlite3
import time
from pathlib import Path

import pytest

from judge_service.backends.sqlite_file import SCHEMA, Limits, used_bytes
from judge_service.backends.stores import SqliteStore
from judge_service.errors import InvalidConfiguration

KEYS = [n.to_bytes(32) for n in range(6000)]


def made(path: Path, *commands: str) -> Path:
    """A file as another version left it."""
    with sqlite3.connect(path) as db:
        for command in commands:
            db.execute(command)
    db.close()
    return path


def aged(path: Path, keys: list[bytes], seconds: float) -> None:
    with sqlite3.connect(path) as db:
        db.executemany("UPDATE answers SET created = ? WHERE key = ?", [(time.time() - seconds, key) for key in keys])
    db.close()


async def filled(path: Path, keys: list[bytes], limits: Limits = Limits(), size: int = 1) -> None:  # noqa: B008
    store = SqliteStore(path, limits)
    for at in range(0, len(keys), 500):
        await store.put_many(dict.fromkeys(keys[at : at + 500], b"x" * size))
    await store.aclose()


async def held(path: Path, keys: list[bytes], limits: Limits = Limits()) -> list[bytes]:  # noqa: B008
    """Which of the keys have entries."""
    store = SqliteStore(path, limits)
    found = [key for key in keys if (await store.get_many([key]))[0] is not None]
    await store.aclose()
    return found


async def test_what_is_too_old_is_not_found_and_is_removed_at_opening(tmp_path: Path):
    path = tmp_path / "c.db"
    await filled(path, KEYS[:4])
    store = SqliteStore(path, Limits(seconds=3600))
    aged(path, KEYS[:2], 3700)
    assert await store.get_many(KEYS[:4]) == [None, None, b"x", b"x"]
    assert (await store.stock()).entries == 4
    await store.aclose()
    assert await held(path, KEYS[:4], Limits(seconds=3600)) == KEYS[2:4]
    assert await held(path, KEYS[:4]) == KEYS[2:4]


async def test_without_limits_nothing_ages(tmp_path: Path):
    await filled(tmp_path / "c.db", KEYS[:4])
    aged(tmp_path / "c.db", KEYS[:4], 1e9)
    assert await held(tmp_path / "c.db", KEYS[:4]) == KEYS[:4]


async def test_what_is_too_much_is_removed_oldest_first_at_opening(tmp_path: Path):
    path = tmp_path / "c.db"
    await filled(path, KEYS, size=200)
    before = path.stat().st_size
    assert await held(path, KEYS, Limits(bytes=before)) == KEYS
    left = await held(path, KEYS, Limits(bytes=before // 4))
    assert 1000 < len(left) < 1700
    assert left == KEYS[-len(left) :]


async def test_a_file_that_is_written_for_long_stays_within_its_limit(tmp_path: Path):
    path = tmp_path / "c.db"
    limit = 500_000
    await filled(path, KEYS, Limits(bytes=limit), size=500)
    with sqlite3.connect(path) as db:
        assert 0.8 * limit < used_bytes(db) < 1.1 * limit
    db.close()
    assert path.stat().st_size < 2.5 * limit
    left = await held(path, KEYS)
    assert left == KEYS[-len(left) :]


@pytest.mark.parametrize("created", ["", ", created INTEGER NOT NULL DEFAULT 2000000000"])
async def test_a_file_of_an_earlier_version_keeps_its_entries(tmp_path: Path, created: str):
    path = made(
        tmp_path / "c.db",
        f"CREATE TABLE answers (key BLOB PRIMARY KEY, value BLOB NOT NULL{created}) WITHOUT ROWID",
        f"INSERT INTO answers (key, value) VALUES (x'{KEYS[0].hex()}', x'78')",
    )
    for _ in range(2):
        assert await held(path, KEYS[:2], Limits(seconds=3600)) == KEYS[:1]
    await filled(path, KEYS[:2])
    assert await held(path, KEYS[:2]) == KEYS[:2]


async def test_a_file_of_an_unknown_form_is_made_anew_and_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    path = made(tmp_path / "c.db", "CREATE TABLE answers (words TEXT)", "INSERT INTO answers VALUES ('x')")
    await filled(path, KEYS[:2])
    assert await held(path, KEYS[:2]) == KEYS[:2]
    assert "made anew" in caplog.text


@pytest.mark.parametrize("what", ["a later version", "no database", "a directory"])
async def test_a_file_that_cannot_be_used_is_left_alone_and_judging_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, what: str
):
    path = tmp_path / "c.db"
    if what == "a later version":
        made(path, "CREATE TABLE answers (later INTEGER)", f"PRAGMA user_version = {SCHEMA + 1}")
    elif what == "no database":
        path.write_bytes(b"not a database at all" * 1000)
    else:
        path.mkdir()
    before = path.read_bytes() if path.is_file() else b""
    store = SqliteStore(path, Limits(seconds=1, bytes=1))
    await store.put_many({KEYS[0]: b"x"})
    assert await store.get_many(KEYS[:1]) == [None]
    for asked in (store.purge, store.stock):
        with pytest.raises(InvalidConfiguration, match=r"c\.db"):
            await asked()
    await store.aclose()
    if what == "no database":
        assert path.read_bytes() == before
    assert len(caplog.records) == 1


async def test_two_processes_may_bring_a_file_up_at_the_same_time(tmp_path: Path):
    path = made(tmp_path / "c.db", "CREATE TABLE answers (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
    stores = [SqliteStore(path) for _ in range(3)]
    for n, store in enumerate(stores):
        await store.put_many({KEYS[n]: b"x"})
        await store.aclose()
    assert await held(path, KEYS[:3]) == KEYS[:3]


async def test_a_purge_empties_the_file_and_gives_its_room_back(tmp_path: Path):
    path = tmp_path / "c.db"
    await filled(path, KEYS, size=500)
    store = SqliteStore(path)
    await store.put_many({b"waiting" * 4: b"x"})
    stock = await store.stock()
    assert (stock.entries, stock.place) == (len(KEYS) + 1, str(path))
    assert stock.oldest is not None
    assert abs(stock.oldest - time.time()) < 60
    assert await store.purge() == len(KEYS) + 1
    assert await store.purge() == 0
    assert (await store.stock()).oldest is None
    await store.put_many({KEYS[0]: b"y"})
    assert await store.get_many(KEYS[:2]) == [b"y", None]
    await store.aclose()
    assert path.stat().st_size < 50_000
