"""Four server processes on one Redis with two hundred callers; and replicas and caches that come and go."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from programs import serving
from redis_server import RedisServer

from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator

CANARIES = 3


def pair(number: int) -> dict[str, Any]:
    worth = (3.0, 7.0) if number % 2 else (7.0, 3.0)
    return {"prompt": f"Task {number}", "candidates": [f"{number} (worth {w})" for w in worth], "method": "direct"}


async def winners(address: str, numbers: list[int], callers: int) -> dict[int, str]:
    """Who won each case, asked by so many callers at a time."""
    waiting = iter(numbers)
    found: dict[int, str] = {}
    limits = httpx.Limits(max_connections=callers)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:

        async def caller() -> None:
            for number in waiting:
                answer = await client.post("/v1/compare", json=pair(number))
                assert answer.status_code == 200, answer.text
                winner = answer.json()["verdict"]["winner"]
                assert found.setdefault(number, winner) == winner

        await asyncio.gather(*(caller() for _ in range(callers)))
    return found


@pytest.mark.parametrize("workers", [4])
async def test_each_distinct_call_reaches_the_judge_once(tmp_path: Path, workers: int) -> None:
    redis = RedisServer(tmp_path).start()
    try:
        async with Emulator(Behaviour(latency_ms="40")) as emulator:
            where = ("--judge-url", emulator.url, "--model", "emulator", "--workers", str(workers))
            async with serving(*where, environ={"JUDGE_CACHE__URL": redis.url}) as (address, _):
                numbers = [i % 60 for i in range(600)]
                found = await winners(address, numbers, callers=200)
            assert found == {i: "b" if i % 2 else "a" for i in range(60)}
            # Workers that start together may each ask the canaries, before one of them has told the others.
            assert 120 + CANARIES <= emulator.stats["calls"] <= 120 + CANARIES * workers
    finally:
        redis.stop()


async def test_with_redis_restarted_and_a_replica_killed_every_case_is_judged_right(tmp_path: Path) -> None:
    redis = RedisServer(tmp_path).start()
    faults = Behaviour(latency_ms="20", f500=0.05, f429=0.02, fcut=0.01, freset=0.01, retry_after=0)
    async with Emulator(faults) as one, Emulator(faults) as two:
        third = await Emulator(faults).__aenter__()
        where = [flag for e in (one, two, third) for flag in ("--judge-url", e.url)]
        flags = (*where, "--model", "emulator")
        async with serving(*flags, environ={"JUDGE_CACHE__URL": redis.url}) as (address, _):
            asked = asyncio.create_task(winners(address, list(range(300)), callers=20))
            for _ in range(3):
                await asyncio.sleep(0.1)
                await asyncio.to_thread(redis.stop)
                await asyncio.to_thread(redis.start)
            await third.__aexit__(None, None, None)
            found = await asked
    redis.stop()
    assert found == {i: "b" if i % 2 else "a" for i in range(300)}
