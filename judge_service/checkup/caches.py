"""The cache: whether what it should remember can be written down."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from judge_service.backends.stores import SqliteStore
from judge_service.checkup.checks import Check, failed, passed, warned
from judge_service.checkup.servers import MOST_SECONDS_APART
from judge_service.errors import InvalidConfiguration
from judge_service.sections import CacheSettings
from judge_service.wiring import open_keeper

if TYPE_CHECKING:
    from judge_service.backends.redis_store import RedisStore

_NAME: Final = "cache"
_MIB: Final = 2**20
_LEAST_ROOM: Final = 512 * _MIB
_FULL: Final = 0.9
_SLOW: Final = 0.1
_PROOF: Final = sha256(b"doctor").digest()
_PROOF_MS: Final = 5000
_KEEPS_NONE: Final = "noeviction"


async def cache(settings: CacheSettings) -> list[Check]:
    """The lines about the cache.

    Raises:
        InvalidConfiguration: its URL is wrong.
    """
    keeper = open_keeper(settings)
    if keeper is None:
        what = (
            "none: equal questions are asked again" if settings.url == "none" else "in memory, until the process ends"
        )
        return [passed(_NAME, f"{what} (as configured)")]
    try:
        if isinstance(keeper, SqliteStore):
            return [await _file(keeper)]
        return await _redis(cast("RedisStore", keeper))
    finally:
        await keeper.aclose()


async def _file(store: SqliteStore) -> Check:
    try:
        stock = await store.stock()
        _check_writable(Path(stock.place))
    except (InvalidConfiguration, sqlite3.Error, OSError) as e:
        to_do = (
            "give cache.url a file that this user may write (or mend its folder's rights); else nothing is remembered"
        )
        return failed(_NAME, str(e), to_do)
    room = shutil.disk_usage(Path(stock.place).parent).free
    seen = f"{stock.place}: {stock.entries:,} entries, {stock.bytes / _MIB:,.1f} MiB, writable"
    if room < _LEAST_ROOM:
        to_do = "make room, or set cache.max_bytes: on a full disk nothing more is remembered"
        return warned(_NAME, f"{seen}; {room / _MIB:,.0f} MiB are left on the disk", to_do)
    return passed(_NAME, seen)


def _check_writable(path: Path) -> None:
    """Takes the lock that a write takes, and writes nothing.

    Raises:
        sqlite3.Error: it cannot be had.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute("ROLLBACK")


async def _redis(store: RedisStore) -> list[Check]:
    link = store.link
    (there,) = await link.run([("PING",)])
    if there is not True:
        to_do = "start it, or correct cache.url: judging goes on without it, and pays for every question again"
        return [failed(_NAME, f"{link.address} does not answer ({there.kind}: {there.message})", to_do)]
    before = time.perf_counter()
    told, hour = await link.run([("INFO", "memory"), ("TIME",)])
    took = time.perf_counter() - before
    (kept,) = await link.write([("SET", store.name(_PROOF), b"doctor", "PX", _PROOF_MS)])
    # A user of few rights may be refused either; then nothing is said of it.
    memory = told if isinstance(told, Mapping) else {}
    apart = _apart(hour[0] + hour[1] / 1e6 - time.time()) if isinstance(hour, tuple) else []
    return [_place(link.address, took, memory, kept), *apart]


def _place(address: str, took: float, memory: Mapping[str, Any], kept: Any) -> Check:
    """How quick it is, and whether it takes entries now and will go on to."""
    policy = memory.get("maxmemory_policy", "policy not told")
    most, used = (int(memory.get(name, 0)) for name in ("maxmemory", "used_memory"))
    limit = f"of {most / _MIB:,.0f} MiB, {policy}" if most else "no limit"
    seen = f"{address}: {1000 * took:.1f} ms, {used / _MIB:,.1f} MiB ({limit})"
    if kept is not True:
        to_do = "let it take writes (a replica does not; a full one needs maxmemory-policy allkeys-lru)"
        return warned(_NAME, f"{seen}; it takes no entries: {kept.message}", to_do)
    if most and policy == _KEEPS_NONE and used > _FULL * most:
        to_do = "set maxmemory-policy to allkeys-lru, or give it more memory: full, it takes no new entries"
        return warned(_NAME, f"{seen}; nearly full", to_do)
    if took > _SLOW:
        return warned(_NAME, f"{seen}; slow", "put it near the service: every case waits for it")
    return passed(_NAME, seen)


def _apart(ahead: float) -> list[Check]:
    if abs(ahead) <= MOST_SECONDS_APART:
        return []
    return [warned("cache clock", f"the Redis is {ahead:+,.0f} s from our time", "set both machines' clocks (NTP)")]
