"""What goes over the client's connection, seen at its own transport; the rest of it is tried over real sockets."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from test_client_core import line, record

from judge_service import __version__
from judge_service.integrations.client import AsyncJudgeClient, TooManyRequests, Unauthorized, patience

Answers = Callable[[httpx.Request], httpx.Response]
CASES = [{"prompt": "p", "candidates": ["x", "y"]}, {"prompt": "q", "candidates": ["x", "y"]}]


class Asked:
    """Answers requests one after the other, and keeps them."""

    def __init__(self, *answers: Any) -> None:
        self.requests: list[httpx.Request] = []
        self._answers = iter(answers)

    def client(self, **setup: Any) -> AsyncJudgeClient:
        return AsyncJudgeClient(
            "http://judge.example/v1",
            "a key",
            http=lambda: httpx.AsyncClient(transport=httpx.MockTransport(self._answer)),
            **setup,
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, content=answer)

    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]


def busy(**headers: str) -> httpx.Response:
    told = {"error": {"message": "the queue is full", "type": "rate_limit_error", "param": None, "code": "queue_full"}}
    return httpx.Response(429, json=told, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def test_requests_carry_the_key_and_say_who_asks_and_how_to_answer():
    asked = Asked(line(1) + b"\n" + line(0) + b"\n", json.dumps(record()).encode())
    async with asked.client() as client:
        await client.judge("rank", CASES, rubric="honesty", timeout=9)
        await client.compare("p", ["x", "y"])
    many, one = asked.requests
    assert str(many.url) == "http://judge.example/v1/rank"
    assert many.headers["authorization"] == "Bearer a key"
    assert many.headers["user-agent"] == f"judge-service-client/{__version__}"
    assert (many.headers["accept"], many.headers["content-type"]) == ("application/x-ndjson", "application/json")
    assert asked.bodies()[0] == {"rubric": "honesty", "timeout": 9, "cases": CASES}
    assert one.headers["accept"] != many.headers["accept"]
    assert asked.bodies()[1] == {**CASES[0], "timeout": 120}


async def test_a_refusal_for_want_of_room_is_tried_again_as_the_service_asks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(patience, "FIRST_WAIT", 0.0)
    asked = Asked(busy(retry_after_ms="1"), httpx.ConnectError("refused"), busy(retry_after="0"), line(0) + b"\n")
    async with asked.client(retries=3) as client:
        (judgment,) = await client.judge("compare", CASES[:1])
    assert (judgment.status, len(asked.requests)) == ("judged", 4)


async def test_what_the_service_says_will_not_pass_is_not_tried_again():
    asked = Asked(busy(x_should_retry="false"))
    async with asked.client() as client:
        with pytest.raises(TooManyRequests):
            await client.compare("p", ["x", "y"])
    assert len(asked.requests) == 1


async def test_a_wait_that_is_longer_than_the_time_left_is_not_begun():
    asked = Asked(busy(retry_after="3600"), busy(retry_after="3600"))
    async with asked.client() as client:
        (judgment,) = await client.judge("compare", CASES[:1], timeout=5)
        with pytest.raises(TooManyRequests) as told:
            await client.compare("p", ["x", "y"])
    assert (judgment.failure.kind, told.value.retry_after) == ("judge_unavailable", 3600.0)
    assert "the queue is full" in judgment.failure.message
    assert len(asked.requests) == 2


async def test_an_error_of_one_request_ends_the_list():
    told = {"error": {"message": "the API key is wrong", "code": "invalid_api_key"}}
    asked = Asked(line(0) + b"\n", httpx.Response(401, json=told))
    async with asked.client(per_request=1, concurrency=1) as client:
        with pytest.raises(Unauthorized):
            await client.judge("compare", CASES)


async def test_the_thin_calls_ask_the_endpoints_of_others():
    answers = (
        {"answers": {"ok": {"type": "noul", "noul": 0.9}}},
        {"rewards": [0.5, None]},
        {"results": [{"index": 1, "relevance_score": 0.75}, {"index": 0, "relevance_score": 0.25}]},
    )
    asked = Asked(*(json.dumps(answer).encode() for answer in answers))
    async with asked.client() as client:
        decided = await client.decide("s", {"ok": {"type": "noul"}}, instructions="i", judge="j")
        rewards = await client.rewards("p", ["x", "y"], rubric="honesty", escalate={"to": "cot", "below": 0.7})
        ranked = await client.rerank("q", ["x", "y"], top_n=2)
    assert decided == answers[0]["answers"]
    assert rewards == [0.5, None]
    assert [(place.index, place.score) for place in ranked] == [(1, 0.75), (0, 0.25)]
    paths = [request.url.path for request in asked.requests]
    assert paths == ["/v1/systemone", "/v1/reward", "/v1/rerank"]
    queries = [dict(request.url.params) for request in asked.requests]
    assert queries[0] == {"judge": "j", "timeout": "120"}
    assert json.loads(queries[1]["escalate"]) == {"to": "cot", "below": 0.7}
    assert asked.bodies()[0] == {"state": "s", "questions": {"ok": {"type": "noul"}}, "instructions": "i"}
