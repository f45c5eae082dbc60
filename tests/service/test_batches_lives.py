"""Batches through the ends of servers: killed, told to end, two on one store; cancelled, out of time, without judge."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openai
import pytest
from batched import Gates, begun, client_of, lines_in, names, names_of, number_of, request, when
from judge_server import JudgeServer, error
from openai import AsyncOpenAI
from programs import SECONDS, ended, serving
from redis_server import RedisServer, running
from services import PAIR

LEASE = {"JUDGE_JOBS__LEASE_SECONDS": "1"}
LINES = 30


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "redis"])
def place(request: pytest.FixtureRequest, redis_server: RedisServer) -> dict[str, str]:
    """Where the cache, and so the batches, are."""
    redis_server.ask("FLUSHALL")
    return {**LEASE, **({"JUDGE_CACHE__URL": redis_server.url} if request.param == "redis" else {})}


@asynccontextmanager
async def service(server: JudgeServer, environ: dict[str, str], *flags: str) -> AsyncIterator[tuple[AsyncOpenAI, Any]]:
    judge = ("--judge-url", server.url, "--model", "m")
    async with serving(*judge, *flags, environ=environ) as (address, process), client_of(address) as client:
        yield client, process


def asked(server: JudgeServer) -> Counter[int]:
    """How many questions came about each line."""
    return Counter(map(number_of, server.asked))


async def check_whole(client: AsyncOpenAI, batch: Any) -> None:
    """Every line is answered, once, in the order of the input."""
    batch = await when(client, batch, "completed")
    assert batch.request_counts.to_dict() == {"total": LINES, "completed": LINES, "failed": 0}
    assert names_of(await lines_in(client, batch.output_file_id)) == names(range(LINES))
    assert batch.error_file_id is None


async def test_a_killed_servers_batch_is_gone_on_with_and_no_finished_line_is_judged_again(
    server: JudgeServer, place: dict[str, str]
) -> None:
    server.rule = gates = Gates(range(20, LINES))
    async with service(server, place) as (client, process):
        batch = await begun(client, [request(n) for n in range(LINES)])
        await when(client, batch, answered=20)
        await server.asked_for(2 * LINES)
        process.kill()
        await process.wait()
    gates.let_go()
    async with service(server, place) as (client, _):
        await check_whole(client, batch)
    counted = asked(server)
    assert {counted[n] for n in range(20)} == {2}
    assert {counted[n] for n in range(20, LINES)} == {4}, "these were under way, and are asked again"


async def test_a_server_told_to_end_finishes_the_lines_under_way_and_leaves_the_rest(
    server: JudgeServer, place: dict[str, str]
) -> None:
    server.rule = gates = Gates(range(8))
    few = {**place, "JUDGE_SERVER__CASES_IN_FLIGHT": "16", "JUDGE_JOBS__SHARE": "0.25"}
    async with service(server, few) as (client, process):
        batch = await begun(client, [request(n) for n in range(LINES)])
        await server.asked_for(8)
        process.terminate()
        await refused(str(client.base_url))
        gates.let_go()
        end = await ended(process)
        assert "Traceback" not in end.err
    assert asked(server) == dict.fromkeys(range(4), 2)
    async with service(server, few) as (client, _):
        await check_whole(client, batch)
    assert asked(server) == dict.fromkeys(range(LINES), 2)


async def refused(address: str) -> None:
    """Returns when a server takes no new connection."""
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                async with httpx.AsyncClient() as client:
                    await client.get(address)
            except httpx.ConnectError:
                return
            except httpx.TransportError:
                continue


async def test_servers_on_one_redis_share_the_work_and_take_over_from_one_that_dies(
    server: JudgeServer, redis_server: RedisServer
) -> None:
    redis_server.ask("FLUSHALL")
    environ = {**LEASE, "JUDGE_CACHE__URL": redis_server.url}
    server.rule = gates = Gates(range(20, LINES))
    async with service(server, environ) as (one, first):
        batch = await begun(one, [request(n) for n in range(LINES)])
        await server.asked_for(2 * LINES)
        async with service(server, environ) as (two, _):
            other = await when(two, await begun(two, [request(n) for n in range(100, 110)]), "completed")
            assert other.request_counts is not None
            assert other.request_counts.completed == 10
            assert {batch.id async for batch in one.batches.list()} == {batch.id, other.id}
            await when(two, batch, "in_progress", answered=20)
            assert set(asked(server).values()) == {2}, "what one works on the other leaves alone"
            first.kill()
            await first.wait()
            gates.let_go()
            await check_whole(two, batch)
    counted = asked(server)
    assert {counted[n] for n in range(20)} == {2}


async def test_workers_of_one_server_judge_every_line_once(server: JudgeServer) -> None:
    async with service(server, LEASE, "--workers", "2") as (client, _):
        made = [await begun(client, [request(100 * b + n) for n in range(20)]) for b in range(3)]
        for number, batch in enumerate(made):
            batch = await when(client, batch, "completed")  # noqa: PLW2901
            told = names_of(await lines_in(client, batch.output_file_id))
            assert told == names(range(100 * number, 100 * number + 20))
    assert set(asked(server).values()) == {2}
    assert len(asked(server)) == 60


async def test_a_batch_that_is_cancelled_gives_what_it_has_and_begins_nothing_more(server: JudgeServer) -> None:
    server.rule = Gates(range(5, LINES))
    few = {"JUDGE_SERVER__CASES_IN_FLIGHT": "8", "JUDGE_JOBS__CANCEL_SECONDS": "0.2"}
    async with service(server, few) as (client, _):
        batch = await begun(client, [request(n) for n in range(LINES)])
        await when(client, batch, answered=5)
        await server.asked_for(2 * 9)
        cancelled = await client.batches.cancel(batch.id)
        assert (cancelled.status, cancelled.cancelled_at) == ("cancelling", None)
        assert cancelled.cancelling_at is not None
        assert (await client.batches.cancel(batch.id)).status in ("cancelling", "cancelled")
        batch = await when(client, batch, "cancelled")
        assert batch.cancelled_at is not None
        assert batch.request_counts is not None
        assert batch.request_counts.to_dict() == {"total": LINES, "completed": 5, "failed": 0}
        assert names_of(await lines_in(client, batch.output_file_id)) == names(range(5))
        errors = await lines_in(client, batch.error_file_id)
        assert names_of(errors) == names(range(5, LINES))
        assert {line["error"]["code"] for line in errors} == {"batch_cancelled"}
        with pytest.raises(openai.ConflictError):
            await client.batches.cancel(batch.id)
    assert asked(server) == dict.fromkeys(range(9), 2)


async def test_lines_under_way_when_a_batch_is_cancelled_may_still_finish(server: JudgeServer) -> None:
    server.rule = gates = Gates(range(LINES))
    async with service(server, {"JUDGE_SERVER__CASES_IN_FLIGHT": "8", "JUDGE_JOBS__CANCEL_SECONDS": "60"}) as (
        client,
        _,
    ):
        batch = await begun(client, [request(n) for n in range(LINES)])
        await server.asked_for(8)
        await client.batches.cancel(batch.id)
        gates.let_go()
        batch = await when(client, batch, "cancelled")
        done = names_of(await lines_in(client, batch.output_file_id))
        left = names_of(await lines_in(client, batch.error_file_id))
    assert done[:4] == names(range(4))
    assert done + left == names(range(LINES)), "every line is answered exactly once"


async def test_what_is_not_done_within_its_window_is_told_as_expired(server: JudgeServer) -> None:
    server.rule = Gates(range(5, LINES))
    async with service(server, {}) as (client, _):
        batch = await begun(client, [request(n) for n in range(LINES)], completion_window="3s")
        assert batch.expires_at == batch.created_at + 3
        batch = await when(client, batch, "expired")
        assert batch.expired_at is not None
        assert names_of(await lines_in(client, batch.output_file_id)) == names(range(5))
        errors = await lines_in(client, batch.error_file_id)
        assert names_of(errors) == names(range(5, LINES))
        assert {(line["response"], line["error"]["code"]) for line in errors} == {(None, "batch_expired")}


async def test_while_others_wait_no_line_of_a_batch_is_begun(server: JudgeServer) -> None:
    server.rule = gates = Gates(range(30))
    few = {"JUDGE_SERVER__CASES_IN_FLIGHT": "2", "JUDGE_JOBS__SHARE": "0.5"}
    judge = ("--judge-url", server.url, "--model", "m")
    async with (
        serving(*judge, environ=few) as (address, _),
        client_of(address) as client,
        httpx.AsyncClient(timeout=SECONDS) as others,
    ):
        batch = await begun(client, [request(n) for n in range(5)])
        await server.asked_for(2)
        online = [
            asyncio.create_task(others.post(f"{address}/v1/compare", json=request(n)["body"])) for n in range(10, 13)
        ]
        async with asyncio.timeout(SECONDS):
            while "judge_cases_waiting 2.0" not in (await others.get(f"{address}/metrics")).text:
                await asyncio.sleep(0.02)
        # One place has the batch's first line, one the first of the others. Every place that is now given back goes to
        # one who waits.
        gates.let_go(0)
        await server.asked_for(6)
        gates.let_go(*range(10, 13))
        assert {answer.status_code for answer in await asyncio.gather(*online)} == {200}
        gates.let_go()
        await when(client, batch, "completed")
    order = list(dict.fromkeys(map(number_of, server.asked)))
    assert order[0] == 0
    assert set(order[1:3]) < {10, 11, 12}
    assert order.index(1) > 2, "of the batch nothing was begun while both others waited"
    assert sorted(order) == [0, 1, 2, 3, 4, 10, 11, 12]


async def test_a_batch_leaves_places_for_others_that_come_later(server: JudgeServer) -> None:
    server.rule = gates = Gates(range(LINES))
    judge = ("--judge-url", server.url, "--model", "m")
    async with (
        serving(*judge, environ={"JUDGE_SERVER__CASES_IN_FLIGHT": "8", "JUDGE_JOBS__SHARE": "0.5"}) as (address, _),
        client_of(address) as client,
        httpx.AsyncClient(timeout=SECONDS) as others,
    ):
        batch = await begun(client, [request(n) for n in range(LINES)])
        await server.asked_for(8)
        answer = await others.post(f"{address}/v1/compare", json=PAIR | {"prompt": "Task 999 "})
        assert answer.status_code == 200
        assert asked(server) == {**dict.fromkeys(range(4), 2), 999: 2}, (
            "half of the places, and no more, is the batch's"
        )
        gates.let_go()
        await when(client, batch, "completed")


async def test_a_batch_waits_for_a_judge_that_is_down(server: JudgeServer) -> None:
    down = asyncio.Event()
    rule = server.rule

    def refusing(question: Any) -> Any:
        down.set()
        return error(503, retry_after="0")

    server.rule = refusing
    async with service(server, {}) as (client, _):
        batch = await begun(client, [request(n) for n in range(3)])
        await down.wait()
        assert (await client.batches.retrieve(batch.id)).status == "in_progress"
        server.rule = rule
        batch = await when(client, batch, "completed")
        assert names_of(await lines_in(client, batch.output_file_id)) == names(range(3))
        assert batch.error_file_id is None
