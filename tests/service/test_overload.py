"""More than the judge can take: who is turned away, who is let in, and for whom nothing is done any more."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openai
import pytest
from judge_server import Answer, JudgeServer, by_worth
from services import PAIR, api, served

from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator

ONE_CALL = {"method": "direct", "orders": "one"}


def pair(number: int, **options: Any) -> dict[str, Any]:
    return {**PAIR, "prompt": f"Task {number}.", **ONE_CALL, **options}


def holding(server: JudgeServer) -> Callable[[], None]:
    """Has the judge hold its answers until what is returned is called."""
    release = asyncio.Event()
    server.rule = lambda asked: Answer(by_worth(asked).body, waits=release)
    return release.set


def tasks_asked(server: JudgeServer) -> list[int]:
    return [int(number) for text in server.prompts() for number in re.findall(r"Task (\d+)\.", text)]


@asynccontextmanager
async def crowded(
    server: JudgeServer, more: Mapping[str, Any] | None = None, **told: Any
) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        served(server, more=more or {}, **told) as address,
        httpx.AsyncClient(base_url=address, timeout=30, limits=httpx.Limits(max_connections=500)) as client,
    ):
        yield client


async def settled() -> None:
    """Requests that are on their way have come as far as they can."""
    await asyncio.sleep(0.3)


async def test_under_overload_some_are_turned_away_at_once_and_all_others_are_judged() -> None:
    async with Emulator(Behaviour().changed({"latency_ms": "50", "capacity": 4})) as emulator:
        more = {"server": {"max_wait_seconds": 0.05}}
        async with crowded(emulator, more, concurrency=4) as client:
            posts = []
            for number in range(150):
                posts.append(asyncio.create_task(client.post("/v1/compare", json=pair(number))))
                await asyncio.sleep(0.004)
            answers = await asyncio.gather(*posts)
            page = (await client.get("/metrics")).text
        calls = emulator.stats["calls"]
    judged = [answer for answer in answers if answer.status_code == 200]
    shed = [answer for answer in answers if answer.status_code == 429]
    assert len(judged) + len(shed) == 150
    assert judged
    assert shed
    assert {answer.json()["status"] for answer in judged} == {"judged"}
    assert {answer.json()["error"]["code"] for answer in shed} == {"queue_full"}
    assert all(1 <= int(answer.headers["retry-after"]) <= 120 for answer in shed)
    assert all(int(answer.headers["x-queue-depth"]) > 0 for answer in shed)
    assert calls < 150, "who was turned away cost the judge nothing"
    assert f'judge_shed_total{{reason="queue_full"}} {len(shed)}.0' in page


async def test_a_burst_into_an_idle_server_is_never_turned_away(server: JudgeServer) -> None:
    async with crowded(server, {"server": {"max_wait_seconds": 0.001, "cases_in_flight": 4}}) as client:
        for first in (0, 100):
            release = holding(server)
            posts = [asyncio.create_task(client.post("/v1/compare", json=pair(first + n))) for n in range(60)]
            while "judge_cases_waiting 56.0" not in (await client.get("/metrics")).text:
                assert not any(post.done() for post in posts)
            release()
            answers = await asyncio.gather(*posts)
            assert {answer.status_code for answer in answers} == {200}


async def test_so_many_cases_may_wait_and_no_more_but_one_request_may_bring_any_number(server: JudgeServer) -> None:
    release = holding(server)
    more = {"server": {"cases_in_flight": 1, "cases_waiting": 5}}
    async with crowded(server, more) as client:
        many = {"cases": [pair(n) | {"id": str(n)} for n in range(9)]} | ONE_CALL
        for case in many["cases"]:
            del case["method"], case["orders"]
        first = asyncio.create_task(client.post("/v1/compare", json=many))
        await server.asked_for(1)
        refused = await client.post("/v1/compare", json=pair(10))
        release()
        answer = await first
    assert {judgment["status"] for judgment in answer.json()["data"]} == {"judged"}
    assert (refused.status_code, refused.headers["x-queue-depth"]) == (429, "8")
    assert refused.json()["error"]["message"] == "the queue is full: 8 cases wait, of 5 that may"


@asynccontextmanager
async def a_line_of_known_length() -> AsyncIterator[httpx.AsyncClient]:
    """A judge that takes one call at a time, whose line of eight moves by one each fifth of a second."""
    async with (
        Emulator(Behaviour().changed({"latency_ms": "200"})) as emulator,
        crowded(emulator, concurrency=1) as client,
    ):
        posts = [asyncio.create_task(client.post("/v1/compare", json=pair(n))) for n in range(10)]
        await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
        yield client
        await asyncio.gather(*posts)


async def test_a_request_whose_deadline_the_line_cannot_meet_is_turned_away_at_once() -> None:
    async with a_line_of_known_length() as client:
        short = await client.post("/v1/compare", json=pair(100, timeout=0.4))
        told = {"x-stainless-read-timeout": "0.4"}
        by_header = await client.post("/v1/compare", json=pair(101), headers=told)
        long = await client.post("/v1/compare", json=pair(102, timeout=30), headers={"x-stainless-timeout": "30"})
    for refused in (short, by_header):
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "deadline_unreachable")
        assert "retry-after" in refused.headers
    assert long.status_code == 200


async def test_openais_client_tells_how_long_it_waits_and_is_turned_away_rather_than_kept_waiting() -> None:
    async with a_line_of_known_length() as client:
        base = f"{client.base_url}".rstrip("/") + "/v1"
        async with openai.AsyncOpenAI(base_url=base, api_key="none", max_retries=0, timeout=0.5) as impatient:
            with pytest.raises(openai.RateLimitError) as refused:
                await impatient.post("/compare", body=pair(100), cast_to=object)
    assert refused.value.code == "deadline_unreachable"


async def test_a_case_that_waits_for_a_place_beyond_its_deadline_is_answered_then_and_never_asked_about(
    server: JudgeServer,
) -> None:
    release = holding(server)
    async with crowded(server, {"server": {"cases_in_flight": 1}}) as client:
        first = asyncio.create_task(client.post("/v1/compare", json=pair(1)))
        await server.asked_for(1)
        late = await client.post("/v1/compare", json=pair(2, timeout=0.1))
        many = {"cases": [PAIR | {"prompt": f"Task {n}."} for n in (3, 4)], "timeout": 0.1} | ONE_CALL
        none = await client.post("/v1/compare", json=many)
        release()
        assert (await first).status_code == 200
        await settled()
    assert (late.status_code, late.json()["error"]["code"], none.status_code) == (504, "timeout", 504)
    assert tasks_asked(server) == [1]


async def test_of_a_list_what_was_in_time_is_returned_and_the_rest_has_cost_nothing(server: JudgeServer) -> None:
    release = asyncio.Event()
    server.rule = lambda asked: Answer(by_worth(asked).body, waits=release if "Task 2." in str(asked) else None)
    async with crowded(server, {"server": {"cases_in_flight": 1}}) as client:
        many = {"cases": [PAIR | {"prompt": f"Task {n}."} for n in (1, 2, 3)], "timeout": 0.5} | ONE_CALL
        answer = await client.post("/v1/compare", json=many)
    release.set()
    judgments = answer.json()["data"]
    assert [judgment["status"] for judgment in judgments] == ["judged", "unscored", "unscored"]
    assert judgments[2]["failure"]["kind"] == "timeout"
    assert judgments[2]["usage"]["judge_calls"] == 0
    assert tasks_asked(server) == [1, 2]


async def test_a_call_that_waits_for_a_judge_beyond_its_deadline_is_never_made(server: JudgeServer) -> None:
    release = holding(server)
    async with crowded(server, concurrency=1) as client:
        first = asyncio.create_task(client.post("/v1/compare", json=pair(1)))
        await server.asked_for(1)
        late = await client.post("/v1/compare", json=pair(2, timeout=0.1))
        release()
        assert (await first).status_code == 200
        await settled()
    assert late.status_code == 504
    assert tasks_asked(server) == [1]


@pytest.mark.parametrize("where", ["for a place", "for a judge"])
async def test_a_caller_that_has_gone_leaves_the_queue_and_the_judge_is_not_asked(where: str) -> None:
    async with Emulator(Behaviour().changed({"latency_ms": "1200"})) as emulator:
        told = {"more": {"server": {"cases_in_flight": 1}}} if where == "for a place" else {"concurrency": 1}
        async with crowded(emulator, **told) as client:
            first = asyncio.create_task(client.post("/v1/compare", json=pair(1)))
            await settled()
            before = emulator.stats["calls"]
            for number in range(2, 12):
                with pytest.raises(httpx.ReadTimeout):
                    await client.post("/v1/compare", json=pair(number), timeout=0.02)
            await settled()
            answer = await first
            later = await client.post("/v1/compare", json=pair(20))
        calls, abandoned = emulator.stats["calls"], emulator.stats["abandoned"]
    assert (answer.status_code, later.status_code) == (200, 200)
    assert (calls - before, abandoned) == (1, 0), "the later one's, and none of those that had gone"


async def test_batches_stand_behind_everybody_and_are_turned_away_before_them(server: JudgeServer) -> None:
    release = holding(server)
    more = {"server": {"cases_in_flight": 1, "cases_waiting": 3}, "jobs": {"share": 1.0}}
    async with api(server, more=more) as client:
        told = [(1, "online"), (2, "batch"), (3, "batch"), (4, "online"), (5, "batch"), (6, "online"), (7, "online")]
        posts = []
        for number, priority in told:
            posts.append(asyncio.create_task(client.post("/v1/compare", json=pair(number, priority=priority))))
            await asyncio.sleep(0.05)
        release()
        answers = await asyncio.gather(*posts)
    statuses = {number: answer.status_code for (number, _), answer in zip(told, answers, strict=True)}
    assert statuses == {1: 200, 2: 200, 3: 200, 4: 200, 5: 429, 6: 200, 7: 200}
    assert tasks_asked(server) == [1, 4, 6, 7, 2, 3]


async def test_no_other_attempt_is_waited_for_that_the_deadline_would_not_see(server: JudgeServer) -> None:
    refusal = {"error": {"message": "busy", "type": "x", "param": None, "code": None}}
    server.rule = lambda asked: Answer(refusal, status=429, headers={"retry-after": "60"})
    async with crowded(server) as client:
        async with asyncio.timeout(15):
            answer = await client.post("/v1/compare", json=pair(1, timeout=30))
    assert (answer.status_code, server.calls) == (504, 1)
