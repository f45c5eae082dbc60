"""Where files and batches lie, in SQLite and in a real Redis: nothing is lost, and nobody writes on another's."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis_server import RedisServer, running

from judge_service.backends.papers import CONTENT, ERRORS, OUTPUT, NotHeld, Papers
from judge_service.errors import InvalidConfiguration, StoreDown
from judge_service.sections import CacheSettings, JobSettings
from judge_service.wiring import open_keeper, open_papers

PLACES = ["sqlite", "redis", "memory"]


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with running() as server:
        yield server


@pytest.fixture(params=PLACES)
async def papers(request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer) -> AsyncIterator[Papers]:
    redis_server.ask("FLUSHALL")
    urls = {"sqlite": f"sqlite:///{tmp_path}/jobs.db", "redis": redis_server.url, "memory": "memory://"}
    async with opened(urls[request.param]) as found:
        yield found


@asynccontextmanager
async def opened(place: str, **cache: str) -> AsyncIterator[Papers]:
    found = open_papers(JobSettings(url=place), CacheSettings.model_validate(cache))
    assert found is not None
    try:
        yield found
    finally:
        await found.aclose()


async def test_what_stands_on_a_paper_was_written_first(papers: Papers) -> None:
    await papers.add("batch", "batch_1", {"tenant": "t", "n": [1, {"ü": None}]})
    await papers.add("batch", "batch_1", {"tenant": "other"})
    await papers.settle("batch_1", {"n": 2, "more": True})
    (facts, none) = await papers.facts(["batch_1", "batch_2"])
    assert facts is not None
    assert (facts["tenant"], facts["n"], facts["more"]) == ("t", [1, {"ü": None}], True)
    assert none is None


async def test_names_come_in_order_by_kind_and_tenant(papers: Papers) -> None:
    for number in range(12):
        await papers.add("batch", f"batch_{number}", {"tenant": "ab"[number % 2]}, is_open=number % 3 == 0)
    await papers.add("file", "file-1", {"tenant": "a"})
    assert await papers.names("batch") == [f"batch_{n}" for n in range(12)]
    assert await papers.names("batch", "a") == [f"batch_{n}" for n in range(0, 12, 2)]
    assert await papers.names("batch", "") == []
    assert await papers.names("file", "a") == ["file-1"]
    assert await papers.unfinished() == ["batch_0", "batch_3", "batch_6", "batch_9"]


async def test_parts_lie_in_their_trays_until_the_work_is_done(papers: Papers) -> None:
    await papers.add("batch", "b", {"tenant": ""}, is_open=True)
    assert await papers.lease("b", "me", 60)
    await papers.put("b", {(OUTPUT, 3): b"three", (ERRORS, 5): b"\x00\xff", (OUTPUT, 10): b""}, "me")
    assert await papers.parts("b", OUTPUT, [10, 4, 3]) == [b"", None, b"three"]
    assert await papers.parts("b", OUTPUT, []) == []
    assert sorted(await papers.numbers("b", OUTPUT)) == [3, 10]
    assert await papers.counts("b") == {OUTPUT: 2, ERRORS: 1}
    await papers.finish("b", "me")
    assert await papers.counts("b") == {}
    assert await papers.unfinished() == []
    assert await papers.facts(["b"]) != [None]


async def test_only_one_holds_a_paper_and_only_that_one_writes_on_it(papers: Papers) -> None:
    await papers.add("batch", "b", {"tenant": ""}, is_open=True)
    assert await papers.lease("b", "one", 60)
    assert await papers.lease("b", "one", 60), "it may be renewed"
    assert not await papers.lease("b", "two", 60)
    for write in (
        papers.settle("b", {"x": 1}, "two"),
        papers.put("b", {(OUTPUT, 1): b""}, "two"),
        papers.finish("b", "two"),
    ):
        with pytest.raises(NotHeld):
            await write
    await papers.release("b", "two")
    assert not await papers.lease("b", "two", 60), "it was not the other's to give back"
    await papers.release("b", "one")
    assert await papers.lease("b", "two", 60)
    with pytest.raises(NotHeld):
        await papers.put("b", {(OUTPUT, 1): b""}, "one")
    assert await papers.counts("b") == {}


async def test_the_lease_of_one_that_died_ends_by_itself_and_who_comes_late_writes_nothing(papers: Papers) -> None:
    await papers.add("batch", "b", {"tenant": ""}, is_open=True)
    assert await papers.lease("b", "dead", 0.05)
    async with asyncio.timeout(30):
        while not await papers.lease("b", "next", 60):
            await asyncio.sleep(0.01)
    with pytest.raises(NotHeld):
        await papers.settle("b", {"x": 1}, "dead")


async def test_what_is_removed_is_gone_and_does_not_come_back(papers: Papers) -> None:
    await papers.add("file", "f", {"tenant": "t"}, is_open=True)
    await papers.put("f", {(CONTENT, 0): b"text"})
    await papers.remove("f")
    await papers.remove("f")
    assert await papers.facts(["f"]) == [None]
    assert await papers.names("file") == await papers.names("file", "t") == await papers.unfinished() == []
    assert await papers.parts("f", CONTENT, [0]) == [None]
    assert not await papers.lease("f", "me", 60)
    for write in (papers.settle("f", {"x": 1}), papers.put("f", {(CONTENT, 0): b""})):
        with pytest.raises(NotHeld):
            await write


async def test_purging_the_cache_leaves_them_alone(tmp_path: Path, redis_server: RedisServer) -> None:
    redis_server.ask("FLUSHALL")
    for url in (f"sqlite:///{tmp_path}/cache.db", redis_server.url):
        keeper = open_keeper(CacheSettings(url=url))
        assert keeper is not None
        await keeper.put_many({bytes(32): b"an answer"})
        async with opened("", url=url) as papers:
            await papers.add("file", "f", {"tenant": "t"})
            await papers.put("f", {(CONTENT, 0): b"text"})
            assert await keeper.purge() == 1
            assert await papers.parts("f", CONTENT, [0]) == [b"text"]
            assert (await keeper.stock()).entries == 0
        await keeper.aclose()


async def test_services_of_another_namespace_know_nothing_of_each_other(redis_server: RedisServer) -> None:
    redis_server.ask("FLUSHALL")
    async with opened(redis_server.url) as here, opened(redis_server.url, namespace="other") as there:
        await here.add("file", "f", {"tenant": "t"})
        assert await there.names("file") == []
        assert await there.facts(["f"]) == [None]


async def test_a_redis_that_may_drop_anything_is_given_nothing_to_keep() -> None:
    with running("--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru") as server:
        async with opened(server.url) as papers:
            with pytest.raises(StoreDown, match="maxmemory-policy allkeys-lru"):
                await papers.add("file", "f", {"tenant": ""})
            server.ask("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
            await papers.add("file", "f", {"tenant": ""})
        names = server.names()
        assert names
        assert {server.ask("TTL", name) for name in names} == {-1}, "nothing of it may be dropped under that policy"


async def test_a_full_redis_drops_answers_of_the_cache_and_no_part_of_a_file() -> None:
    with running("--maxmemory", "8mb", "--maxmemory-policy", "volatile-lru") as server:
        cache = CacheSettings(url=server.url, max_age_days=1, timeout=5)
        keeper = open_keeper(cache)
        assert keeper is not None
        async with opened("", url=server.url) as papers:
            await papers.add("file", "f", {"tenant": ""})
            await papers.put("f", {(CONTENT, n): bytes(100_000) for n in range(20)})
            for n in range(400):
                await keeper.put_many({n.to_bytes(32): bytes(50_000)})
            assert (await keeper.stock()).entries < 200
            assert all(await papers.parts("f", CONTENT, range(20)))
        await keeper.aclose()


async def test_a_redis_that_is_gone_is_told() -> None:
    with running() as server:
        async with opened(server.url) as papers:
            server.stop()
            with pytest.raises(StoreDown, match="files and batches in redis://"):
                await papers.names("file")


async def test_the_file_is_its_owners_alone_and_holds_no_text_that_was_removed(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "jobs.db"
    async with opened(f"sqlite:///{path}") as papers:
        await papers.add("file", "f", {"tenant": ""})
        await papers.put("f", {(CONTENT, 0): b"a text of somebody's" * 1000})
        assert path.stat().st_mode & 0o777 == 0o600
        await papers.remove("f")
    assert b"a text of somebody's" not in path.read_bytes()


@pytest.mark.parametrize("url", ["", "sqlite:///{folder}/c.db"])
async def test_they_lie_beside_the_cache_unless_told_otherwise(url: str, corner: Path) -> None:
    cache = CacheSettings(url=url.format(folder=corner))
    papers = open_papers(JobSettings(), cache)
    assert papers is not None
    await papers.aclose()
    assert (corner / ("c.jobs.db" if url else "caches/judge-service/cache.jobs.db")).is_file()


@pytest.mark.parametrize(("jobs", "cache"), [("none", ""), ("", "none"), ("none", "memory://")])
def test_nothing_is_kept_where_nothing_is_to_be_kept(jobs: str, cache: str) -> None:
    assert open_papers(JobSettings(url=jobs), CacheSettings(url=cache)) is None


def test_the_memory_of_one_of_several_processes_is_no_place(tmp_path: Path) -> None:
    assert open_papers(JobSettings(url="memory://"), CacheSettings(), several=True) is None


@pytest.mark.parametrize("url", ["mysql://x", "sqlite:///", "redis://:sekret@host:notaport/0", "redis://h?colour=red"])
def test_a_wrong_place_is_one_clear_line(url: str) -> None:
    with pytest.raises(InvalidConfiguration, match=r"jobs\.url is ") as caught:
        open_papers(JobSettings(url=url), CacheSettings())
    assert "sekret" not in caught.value.message


def test_a_file_that_is_something_else_is_refused_if_it_was_named_and_else_gone_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache.jobs.db").write_bytes(b"no database at all, and longer than a header of one is " * 20)
    with pytest.raises(InvalidConfiguration, match="cannot be kept in"):
        open_papers(JobSettings(url=f"sqlite:///{tmp_path}/cache.jobs.db"), CacheSettings())
    assert open_papers(JobSettings(), CacheSettings(url=f"sqlite:///{tmp_path}/cache.db")) is None
    assert "this server takes none" in caplog.text


async def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(InvalidConfiguration, match="another version"):
        open_papers(JobSettings(url=f"sqlite:///{path}"), CacheSettings())
