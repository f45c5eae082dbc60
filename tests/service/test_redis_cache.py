"""Redis as the cache: what is kept, how little it is asked, and that its faults are never anyone else's."""

import asyncio
import gc
import logging
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import cycle, repeat
from typing import Any

import pytest
from redis_server import RedisServer, running

from judge_service.backends.outage import Outage
from judge_service.backends.redis_store import RedisStore
from judge_service.errors import InvalidConfiguration
from judge_service.sections import CacheSettings
from judge_service.wiring import open_store

KEYS = [bytes([n]) * 32 for n in range(100)]
VALUES = {key: b"value of " + key.hex().encode() for key in KEYS}
LIMIT = 0.25


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with running() as server:
        yield server


@asynccontextmanager
async def store_at(url: str, **told: Any) -> AsyncIterator[RedisStore]:
    # A busy machine is no outage, but where outages are the subject.
    store = RedisStore(url, **{"limit": 5.0, **told})
    try:
        yield store
    finally:
        await store.aclose()
        gc.collect()  # a connection left open is a warning, and so a failure


async def one(store: RedisStore, key: bytes = KEYS[0]) -> bytes | None:
    return (await store.get_many([key]))[0]


async def back(store: RedisStore, key: bytes = KEYS[0]) -> bytes | None:
    """What is kept under a key, once the store is used again."""
    for _ in range(400):
        found = await one(store, key)
        if found is not None:
            return found
        await asyncio.sleep(0.02)
    return None


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# What is kept.


async def test_what_one_process_keeps_another_finds(redis_server: RedisServer) -> None:
    async with store_at(redis_server.url) as writer, store_at(redis_server.url) as reader:
        await writer.put_many(VALUES)
        assert await reader.get_many([*KEYS, b"unknown" * 4]) == [*VALUES.values(), None]


async def test_keys_carry_the_namespace_and_the_version(redis_server: RedisServer) -> None:
    async with store_at(redis_server.url, namespace="team.a") as store:
        await store.put_many({KEYS[1]: b"x"})
    assert redis_server.names() == [b"team.a:v1:" + b"01" * 32]


async def test_namespaces_know_nothing_of_each_other(redis_server: RedisServer) -> None:
    async with store_at(redis_server.url, namespace="a") as a, store_at(redis_server.url, namespace="b") as b:
        await a.put_many({KEYS[0]: b"of a"})
        assert await one(b) is None
        await b.put_many({KEYS[0]: b"of b"})
        assert (await one(a), await one(b)) == (b"of a", b"of b")


async def test_an_entry_of_another_version_is_not_seen(redis_server: RedisServer) -> None:
    async with store_at(redis_server.url) as store:
        await store.put_many({KEYS[0]: b"x"})
        redis_server.ask("RENAME", store.name(KEYS[0]), store.name(KEYS[0]).replace(b":v1:", b":v2:"))
        assert await one(store) is None


async def test_entries_expire_when_they_are_told_to_and_else_stay(redis_server: RedisServer) -> None:
    async with store_at(redis_server.url, most_seconds=0.15) as brief, store_at(redis_server.url) as lasting:
        await brief.put_many({KEYS[0]: b"x"})
        await lasting.put_many({KEYS[1]: b"x"})
        assert 0 < redis_server.ask("PTTL", brief.name(KEYS[0])) <= 150
        assert redis_server.ask("PTTL", brief.name(KEYS[1])) == -1
        await asyncio.sleep(0.2)
        assert (await one(brief), await one(brief, KEYS[1])) == (None, b"x")


async def test_a_value_that_is_too_large_is_not_kept(redis_server: RedisServer) -> None:
    async with store_at(redis_server.url, most_bytes=10) as store:
        await store.put_many({KEYS[0]: b"x" * 11, KEYS[1]: b"x" * 10})
        assert await store.get_many(KEYS[:2]) == [None, b"x" * 10]


async def test_large_values_and_many_come_through_whole(redis_server: RedisServer) -> None:
    async with store_at(redis_server.url) as store:
        large = {n.to_bytes(32): bytes([n % 256]) * 20_000 for n in range(300)}
        await asyncio.gather(*(store.put_many({key: value}) for key, value in large.items()))
        assert await store.get_many(list(large)) == list(large.values())
        assert not store.faults


# How little it is asked.


async def test_look_ups_of_one_moment_are_one_command(redis_server: RedisServer) -> None:
    async with store_at(redis_server.url) as store:
        await store.put_many(VALUES)
        found = await asyncio.gather(*(store.get_many(KEYS[n : n + 2]) for n in range(0, 100, 2)))
        assert [value for values in found for value in values] == list(VALUES.values())
    assert (redis_server.calls("mget"), redis_server.calls("get")) == (1, 0)


async def test_an_operation_is_bounded(redis_server: RedisServer) -> None:
    async with store_at(redis_server.url) as store:
        await asyncio.gather(*(store.get_many([n.to_bytes(32)]) for n in range(1000)))
        await store.get_many([n.to_bytes(32) for n in range(1000)])
    assert redis_server.calls("mget") == 8


async def test_connections_are_few_and_kept(redis_server: RedisServer) -> None:
    before = redis_server.ask("INFO", "stats")["total_connections_received"]
    async with store_at(redis_server.url) as store:
        for n in range(50):
            await asyncio.gather(
                *(store.put_many({key: b"%d" % n}) for key in KEYS), *(one(store, key) for key in KEYS)
            )
    assert redis_server.ask("INFO", "stats")["total_connections_received"] - before <= 4


async def test_two_event_loops_have_a_store_each(redis_server: RedisServer) -> None:
    found: list[list[bytes | None]] = []

    async def work() -> None:
        async with store_at(redis_server.url) as store:
            await store.put_many(VALUES)
            found.append(await store.get_many(KEYS))

    threads = [threading.Thread(target=lambda: asyncio.run(work())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert found == [list(VALUES.values())] * 2


# Callers that go away.


async def test_a_cancelled_caller_takes_nothing_from_the_others(redis_server: RedisServer) -> None:
    async with store_at(redis_server.url) as store:
        await store.put_many(VALUES)
        calls = [asyncio.create_task(one(store, key)) for key in KEYS]
        await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()
        found = await asyncio.gather(*calls, return_exceptions=True)
        assert found[1::2] == list(VALUES.values())[1::2]
        assert all(isinstance(gone, asyncio.CancelledError) for gone in found[::2])


async def test_what_a_cancelled_caller_had_to_keep_is_kept(redis_server: RedisServer) -> None:
    async with store_at(redis_server.url) as store:
        call = asyncio.create_task(store.put_many({KEYS[0]: b"x"}))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait([call])
        assert await back(store) == b"x"


@asynccontextmanager
async def slowly(port: int, delays: Iterator[float]) -> AsyncIterator[str]:
    """The address of a way to the server on that port, on which each piece of an answer takes its time."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delays: Iterator[float]) -> None:
        try:
            while piece := await reader.read(65536):
                await asyncio.sleep(next(delays))
                writer.write(piece)
        finally:
            writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inwards, outwards = await asyncio.open_connection("127.0.0.1", port)
        both = carry(reader, outwards, repeat(0.0)), carry(inwards, writer, delays)
        await asyncio.gather(*both, return_exceptions=True)

    way = await asyncio.start_server(connected, "127.0.0.1", 0)
    yield f"redis://127.0.0.1:{way.sockets[0].getsockname()[1]}"
    way.close()
    await asyncio.sleep(0.1)


async def test_impatient_callers_of_a_slow_server_never_meet_each_others_answers(redis_server: RedisServer) -> None:
    """Every operation that is given up leaves an answer behind, which must not become the next one's."""
    async with store_at(redis_server.url) as store:
        await store.put_many(VALUES)
    delays = cycle(n * 0.001 for n in range(21))
    async with slowly(redis_server.port, delays) as url, store_at(url, limit=0.01) as store:
        store.link._down = Outage(0.0, 0.0)
        for n in range(200):
            keys = KEYS[n % 50 :: 3]
            found = await asyncio.gather(*(one(store, key) for key in keys))
            assert all(value in (None, VALUES[key]) for key, value in zip(keys, found, strict=True))
        assert 20 < store.faults["slow"] < 180


# Damage.


@pytest.mark.parametrize("kind", ["list", "hash", "set"])
async def test_another_type_under_a_key_is_a_miss_and_is_replaced(redis_server: RedisServer, kind: str) -> None:
    command = {"list": ("RPUSH", "x"), "hash": ("HSET", "x", "y"), "set": ("SADD", "x")}[kind]
    async with store_at(redis_server.url) as store:
        redis_server.ask(command[0], store.name(KEYS[0]), *command[1:])
        assert await one(store) is None
        await store.put_many({KEYS[0]: b"x"})
        assert await one(store) == b"x"


async def test_a_damaged_value_is_a_miss_that_is_counted_and_told_once(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with store_at(redis_server.url) as store:
        await store.put_many({KEYS[0]: b'[1,{"A":0.25,"B":0.75},0.99,""]', KEYS[1]: b"another"})
        whole = redis_server.ask("GET", store.name(KEYS[0]))
        flipped = whole.replace(b"0.25", b"0.85")
        damaged = [b"", b"garbage", whole[:-1], whole[1:], flipped, redis_server.ask("GET", store.name(KEYS[1]))]
        for value in damaged:
            redis_server.ask("SET", store.name(KEYS[0]), value)
            assert await one(store) is None
        assert store.faults["damaged"] == len(damaged)
        assert await one(store, KEYS[1]) == b"another"
    assert len(told(caplog)) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", "loading"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "damaged"),
        (b"*1\r\n$1\r\nx\r\n", "damaged"),
        (b"*2\r\n$zwei\r\nx\r\n", "damaged"),
        (b"*2\r\n:5\r\n-ERR no\r\n", ""),
        (b"-MISCONF stopped\r\n", "refused"),
        (b"-MASTERDOWN Link with MASTER is down\r\n", "refused"),
        (b"", "unreachable"),
    ],
)
async def test_what_is_no_answer_is_a_miss(answer: bytes, kind: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while asked := await reader.read(65536):
            writer.write(b"+OK\r\n" * asked.count(b"SETINFO") or answer)
            if not answer:
                break
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with store_at(f"redis://127.0.0.1:{port}") as store:
        assert await store.get_many(KEYS[:2]) == [None, None]
        assert store.faults == ({kind: 1} if kind else {})
        await store.put_many({KEYS[0]: b"x"})
    listening.close()


# Outages.


async def test_no_server_at_all_is_a_miss_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with running() as gone:
        pass
    async with store_at(gone.url) as store:
        for _ in range(30):
            assert await store.get_many(KEYS) == [None] * len(KEYS)
            await store.put_many(VALUES)
            await asyncio.sleep(0.02)
        assert 1 <= store.faults["unreachable"] <= 4
    assert len(told(caplog)) == 1
    assert "judging goes on without it" in told(caplog)[0]


async def test_a_server_that_is_back_is_used_again_and_that_is_told(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with store_at(redis_server.url) as store:
        await store.put_many({KEYS[0]: b"x"})
        redis_server.stop()
        assert await one(store) is None
        redis_server.start()
        redis_server.ask("SET", store.name(KEYS[1]), b"y" + b"%08x" % 0)
        while not any("is back" in message for message in told(caplog)):
            assert await one(store) is None
            await asyncio.sleep(0.02)
        await store.put_many({KEYS[0]: b"z"})
        assert await one(store) == b"z"
    assert [("is back" in message) for message in told(caplog)] == [False, True]


async def test_a_restart_that_nobody_noticed_is_no_outage(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with store_at(redis_server.url) as store:
        await store.put_many({KEYS[0]: b"x"})
        redis_server.stop()
        redis_server.start()
        await asyncio.sleep(0.05)
        assert await one(store) is None
        await store.put_many({KEYS[0]: b"y"})
        assert await one(store) == b"y"
    assert not told(caplog)


async def test_restarts_under_load_never_end_in_an_error_or_a_wrong_value(redis_server: RedisServer) -> None:
    async with store_at(redis_server.url) as store:
        is_over = False
        found = 0

        async def caller(mine: list[bytes]) -> None:
            nonlocal found
            while not is_over:
                await store.put_many({key: VALUES[key] for key in mine})
                for key, value in zip(mine, await store.get_many(mine), strict=True):
                    assert value in (None, VALUES[key])
                    found += value is not None
                await asyncio.sleep(0.001)

        callers = [asyncio.create_task(caller(KEYS[n : n + 5])) for n in range(0, 100, 5)]
        for _ in range(3):
            await asyncio.sleep(0.1)
            await asyncio.to_thread(redis_server.stop)
            await asyncio.sleep(0.1)
            await asyncio.to_thread(redis_server.start)
        before, found = found, 0
        await asyncio.sleep(1.2)
        is_over = True
        await asyncio.gather(*callers)
        assert before > 0
        assert found > 0


async def test_a_hanging_server_costs_its_time_limit_once_and_then_nothing(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with store_at(redis_server.url, limit=LIMIT) as store:
        await store.put_many(VALUES)
        redis_server.freeze()
        try:
            start = time.monotonic()
            found = await asyncio.gather(*(one(store, key) for key in KEYS), store.put_many({KEYS[0]: b"x"}))
            assert found == [None] * (len(KEYS) + 1)
            assert LIMIT * 0.9 <= time.monotonic() - start < LIMIT + 0.5
            start = time.monotonic()
            for key in KEYS:
                assert await one(store, key) is None
            assert time.monotonic() - start < LIMIT / 2
            assert store.faults["slow"] <= 2
        finally:
            redis_server.thaw()
        assert await back(store, KEYS[7]) == VALUES[KEYS[7]]
    assert [("is back" in message) for message in told(caplog)] == [False, True]


async def test_a_full_server_is_read_and_spared_writes_until_there_is_room(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with store_at(redis_server.url) as store:
        await store.put_many({KEYS[0]: b"x"})
        redis_server.ask("CONFIG", "SET", "maxmemory", "1")
        for _ in range(20):
            await store.put_many({KEYS[1]: b"y"})
            assert await store.get_many(KEYS[:2]) == [b"x", None]
        assert 1 <= store.faults["full"] <= 2
        redis_server.ask("CONFIG", "SET", "maxmemory", "0")
        for _ in range(100):
            await store.put_many({KEYS[1]: b"y"})
            if await one(store, KEYS[1]):
                break
            await asyncio.sleep(0.02)
        assert await one(store, KEYS[1]) == b"y"
    assert ["takes no new entries" in told(caplog)[0], "takes entries again" in told(caplog)[1]] == [True, True]
    assert len(told(caplog)) == 2


async def test_a_replica_is_read_and_not_written(redis_server: RedisServer) -> None:
    async with store_at(redis_server.url) as store:
        await store.put_many({KEYS[0]: b"x"})
        redis_server.ask("REPLICAOF", "127.0.0.1", "1")
        await store.put_many({KEYS[1]: b"y"})
        assert await store.get_many(KEYS[:2]) == [b"x", None]
        assert store.faults == {"read_only": 1}


@pytest.mark.parametrize("password", ["", "wrong-word"])
async def test_a_wrong_password_is_a_miss_and_is_not_told_aloud(
    password: str, caplog: pytest.LogCaptureFixture
) -> None:
    with running("--requirepass", "right-word") as server:
        url = server.url.replace("redis://", f"redis://:{password}@" if password else "redis://")
        async with store_at(url) as store:
            await store.put_many({KEYS[0]: b"x"})
            assert await one(store) is None
            assert store.faults == {"password": 1}
        async with store_at(server.url.replace("redis://", "redis://:right-word@")) as store:
            await store.put_many({KEYS[0]: b"x"})
            assert await one(store) == b"x"
    assert len(told(caplog)) == 1
    assert "word@" not in caplog.text
    assert "wrong-word" not in caplog.text


@pytest.mark.parametrize("steps", [4, 8])
async def test_our_own_being_busy_is_no_slowness_of_the_server(redis_server: RedisServer, steps: int) -> None:
    async with store_at(redis_server.url) as store:
        await store.put_many(VALUES)
    async with store_at(redis_server.url, limit=1.0) as store:
        call = asyncio.create_task(store.get_many(KEYS))
        for _ in range(steps):
            await asyncio.sleep(0)
        time.sleep(1.2)
        assert await call == list(VALUES.values())
        assert not store.faults


# Configuration, and looking after it.


@pytest.mark.parametrize("scheme", ["redis", "unix"])
async def test_the_url_says_which_server(redis_server: RedisServer, scheme: str) -> None:
    url = redis_server.url if scheme == "redis" else f"unix://{redis_server.socket}"
    store = open_store(CacheSettings(url=url, namespace="n", max_age_days=1))
    assert isinstance(store, RedisStore)
    assert store.link.address == url
    await store.put_many({KEYS[0]: b"x"})
    await store.aclose()
    (name,) = redis_server.names()
    assert name.startswith(b"n:v1:")
    assert 86_000_000 < redis_server.ask("PTTL", name) <= 86_400_000


@pytest.mark.parametrize("url", ["redis://:geheim@localhost:port/0", "redis://:geheim@localhost?colour=red"])
def test_a_wrong_url_is_told_at_the_start_and_its_password_is_not(url: str) -> None:
    with pytest.raises(InvalidConfiguration, match=r"cache\.url") as told:
        open_store(CacheSettings(url=url))
    assert "geheim" not in str(told.value)


async def test_a_purge_removes_the_namespace_of_all_versions_and_nothing_else(redis_server: RedisServer) -> None:
    others = ["mine-too:v1:00", "other", "mine", "not-mine:v1:00"]
    for name in [*others, "mine:v0:old"]:
        redis_server.ask("SET", name, "x")
    async with store_at(redis_server.url, namespace="mine") as store:
        await store.put_many({n.to_bytes(32): b"x" for n in range(3000)})
        assert (await store.stock()).entries == 3001
        assert await store.purge() == 3001
        assert await store.purge() == 0
    assert redis_server.names() == sorted(map(str.encode, others))


async def test_who_asks_for_a_purge_is_told_that_there_is_no_server() -> None:
    with running() as gone:
        pass
    async with store_at(gone.url) as store:
        with pytest.raises(InvalidConfiguration, match=gone.url.removesuffix("/0")):
            await store.purge()
        with pytest.raises(InvalidConfiguration, match=gone.url.removesuffix("/0")):
            await store.stock()
