"""The service as a process: it ends when told to, and finishes first what it has begun."""

import asyncio
import signal

import httpx
import orjson
import pytest
from judge_server import JudgeServer, tokens
from programs import ended, ran, serving
from services import PAIR, served


def flags(server: JudgeServer) -> tuple[str, ...]:
    return ("--judge-url", server.url, "--model", "m")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
async def test_a_request_in_flight_is_finished_before_the_process_ends(server: JudgeServer, name: str) -> None:
    let_go = asyncio.Event()
    server.rule = lambda asked: tokens({"A": 0.5, "B": 0.5}, waits=let_go)
    async with serving(*flags(server)) as (address, process), httpx.AsyncClient(timeout=30) as client:
        asked = asyncio.create_task(client.post(f"{address}/v1/compare", json=PAIR))
        await server.asked_for(2)
        process.send_signal(getattr(signal, name))
        await refused(address)
        assert process.returncode is None
        let_go.set()
        answer = await asked
        end = await ended(process)
    assert answer.status_code == 200
    assert answer.json()["verdict"]["winner"] == "tie"
    assert end.code in (0, 130, -getattr(signal, name))
    assert "Traceback" not in end.err


async def refused(address: str) -> None:
    """Returns when no new connection is taken."""
    async with asyncio.timeout(30):
        while True:
            async with httpx.AsyncClient() as client:
                try:
                    await client.get(f"{address}/health")
                except httpx.ConnectError:
                    return
                except httpx.TransportError:
                    # It was taken and dropped: the process is about to stop listening.
                    continue


async def test_a_process_with_nothing_to_do_ends_at_once(server: JudgeServer) -> None:
    async with serving(*flags(server)) as (address, process), httpx.AsyncClient() as client:
        await client.post(f"{address}/v1/compare", json=PAIR)
        process.terminate()
        end = await ended(process)
    assert end.code in (0, -signal.SIGTERM)
    assert end.err == ""


async def test_answers_that_were_given_are_in_the_cache_of_the_next_process(server: JudgeServer) -> None:
    async with serving(*flags(server)) as (address, _), httpx.AsyncClient() as client:
        answer = await client.post(f"{address}/v1/compare", json=PAIR)
    a, b = PAIR["candidates"]
    end = await ran("compare", "--prompt", PAIR["prompt"], "--a", a, "--b", b, "--json", *flags(server))
    assert orjson.loads(end.out)["verdict"] == answer.json()["verdict"]
    assert server.calls == 2


async def test_work_for_a_caller_who_has_hung_up_is_given_up(server: JudgeServer) -> None:
    never = asyncio.Event()
    server.rule = lambda asked: tokens({"A": 1.0}, waits=never)
    async with served(server, concurrency=2) as address:
        async with httpx.AsyncClient(timeout=30) as client:
            asked = asyncio.create_task(client.post(f"{address}/v1/compare", json={"cases": many(20)}))
            await server.asked_for(2)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
        server.rule = lambda asked: tokens({"A": 0.5, "B": 0.5})
        async with httpx.AsyncClient(timeout=30) as client:
            answer = await client.post(f"{address}/v1/compare", json=PAIR)
        never.set()
    assert answer.json()["verdict"]["winner"] == "tie"
    assert server.calls == 4, "of the first caller's 40 questions, those that had been sent"


def many(count: int) -> list[dict[str, object]]:
    return [{**PAIR, "id": str(i), "prompt": f"Task {i}"} for i in range(count)]


async def test_a_large_answer_arrives_whole_over_a_socket(server: JudgeServer) -> None:
    async with served(server) as address, httpx.AsyncClient(timeout=60) as client:
        answer = await client.post(f"{address}/v1/compare", json={"cases": many(300)})
    assert len(answer.json()["data"]) == 300
    assert answer.json()["usage"]["judge_calls"] == server.calls == 600
