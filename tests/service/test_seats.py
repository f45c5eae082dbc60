"""Where cohorts are kept: in memory and in Redis alike, values change one at a time and everything has its end."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis_server import RedisServer

from judge_service.backends.redis_seats import RedisSeats
from judge_service.backends.seats import NOTHING, MemorySeats, Seats
from judge_service.errors import InvalidConfiguration, StoreDown
from judge_service.sections import CacheSettings, CohortSettings
from judge_service.wiring.stores import open_seats


@pytest.fixture(params=["memory", "redis"])
async def seats(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Seats]:
    redis = RedisServer(tmp_path).start() if request.param == "redis" else None
    opened: Seats = MemorySeats() if redis is None else RedisSeats(redis.url)
    yield opened
    await opened.aclose()
    if redis is not None:
        redis.stop()


async def test_what_is_not_there_has_no_version(seats: Seats) -> None:
    kept = await seats.look("t")
    assert (kept.value, kept.version) == (None, NOTHING)
    assert await seats.versions(["t", "u"]) == [NOTHING, NOTHING]
    assert await seats.texts(["t"]) == [None]


async def test_a_value_takes_the_place_of_the_version_that_was_seen_and_of_no_other(seats: Seats) -> None:
    assert await seats.swap("t", NOTHING, b"one", 9.0, {"x": b"text", "y": b"\xff"})
    assert not await seats.swap("t", NOTHING, b"two", 9.0, {"x": b"other"})
    kept = await seats.look("t")
    assert kept.value == b"one"
    assert await seats.versions(["u", "t"]) == [NOTHING, kept.version]
    assert await seats.swap("t", kept.version, b"three", 9.0)
    assert not await seats.swap("t", kept.version, b"four", 9.0)
    assert (await seats.look("t")).value == b"three"
    assert await seats.texts(["y", "x", "z"]) == [b"\xff", b"text", None]


async def test_of_many_writers_at_once_each_is_heard_once(seats: Seats) -> None:
    async def count() -> None:
        while True:
            kept = await seats.look("t")
            if await seats.swap("t", kept.version, b"%d" % (int(kept.value or 0) + 1), 9.0):
                return

    await asyncio.gather(*(count() for _ in range(40)))
    assert (await seats.look("t")).value == b"40"


async def test_what_is_kept_goes_when_its_time_is_over(seats: Seats) -> None:
    await seats.swap("t", NOTHING, b"one", 0.1, {"x": b"text"})
    await asyncio.sleep(0.2)
    assert (await seats.look("t")).value is None
    assert await seats.texts(["x"]) == [None]
    assert await seats.swap("t", NOTHING, b"two", 9.0)


async def test_a_sign_of_life_is_told_by_the_clock_of_the_store_and_for_its_time(seats: Seats) -> None:
    before = (await seats.look("t")).now
    await seats.beat("one", 0.3)
    await seats.beat("two", 9.0)
    beats = await seats.beats(["one", "two", "three"])
    after = (await seats.look("t")).now
    assert beats["three"] is None
    assert all(before <= (beats[name] or 0.0) <= after for name in ("one", "two"))
    await asyncio.sleep(0.4)
    assert (await seats.beats(["one"]))["one"] is None


async def test_many_versions_are_looked_up_in_few_operations(tmp_path: Path) -> None:
    redis = RedisServer(tmp_path).start()
    seats = RedisSeats(redis.url)
    names = [f"t{i}" for i in range(600)]
    await seats.swap("t599", NOTHING, b"one", 9.0)
    before = redis.calls("eval")
    versions = await seats.versions(names)
    assert redis.calls("eval") - before == 3
    assert [bool(version) for version in versions] == [False] * 599 + [True]
    await seats.aclose()
    redis.stop()


async def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    redis = RedisServer(tmp_path)
    seats = RedisSeats(redis.url)
    with pytest.raises(StoreDown, match="cohorts in redis://127"):
        await seats.look("t")
    await seats.aclose()


async def test_cohorts_are_kept_where_the_configuration_says_and_nowhere_that_others_cannot_see() -> None:
    def opened(url: str, cache: str, several: bool = False) -> Seats | None:
        return open_seats(CohortSettings(url=url), CacheSettings(url=cache), several)

    assert isinstance(opened("", "redis://h/0"), RedisSeats)
    assert isinstance(opened("redis://h/0", "none", several=True), RedisSeats)
    assert isinstance(opened("memory://", "redis://h/0"), MemorySeats)
    assert isinstance(opened("", "sqlite:////tmp/x.db"), MemorySeats)
    assert opened("", "", several=True) is None
    for wrong in ("sqlite:///x.db", "redis://h:port/0"):
        with pytest.raises(InvalidConfiguration, match=r"cohorts\.url"):
            opened(wrong, "")
