"""Drop-in endpoints and a key's allowance: what they cost is charged, chats that are passed on included."""

from typing import Any

import httpx
from chat_server import USAGE, chatting
from judge_server import JudgeServer
from services import LIST, api, served

KEY = {"authorization": "Bearer k"}
CHAT = {"messages": [{"role": "user", "content": "Count to three."}]}
GROUP = {"prompt": LIST["prompt"], "responses": LIST["candidates"]}


def limited(**limits: Any) -> dict[str, Any]:
    return {"keys": {"team-a": {"key": "k", **limits}}}


async def test_a_chats_tokens_are_charged_as_the_judge_tells_them() -> None:
    told: Any = {"canary_seconds": 0, "kind": "chat", "more": limited(tokens_per_day=10_000, judge_calls_per_day=100)}
    streamed = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}
    async with chatting() as server, served(server, **told) as url, httpx.AsyncClient(headers=KEY) as client:  # type: ignore[arg-type]
        for body in (CHAT, streamed):
            assert (await client.post(f"{url}/v1/chat/completions", json=body)).status_code == 200
        answer = await client.get(f"{url}/v1/models")
    spent = 2 * USAGE["total_tokens"]
    assert 10_000 - spent <= int(answer.headers["x-ratelimit-remaining-tokens"]) <= 10_000 - spent + 1
    assert answer.headers["x-ratelimit-remaining-judge-calls"] == "98"


async def test_a_key_without_calls_left_is_refused_by_every_drop_in(server: JudgeServer) -> None:
    async with api(server, more=limited(judge_calls_per_day=4)) as client:
        client.headers.update(KEY)
        answers = [await client.post("/v1/reward", json={**GROUP, "prompt": f"Task {i}"}) for i in range(3)]
        chat = await client.post("/v1/chat/completions", json=CHAT)
    assert answers[0].status_code == 200
    assert (answers[-1].status_code, answers[-1].json()["error"]["code"]) == (429, "quota_exceeded")
    assert chat.status_code == 429


async def test_many_groups_are_refused_together_before_any_is_judged(server: JudgeServer) -> None:
    async with api(server, more=limited(judge_calls_per_day=12)) as client:
        client.headers.update(KEY)
        assert (await client.post("/v1/reward", json=GROUP)).status_code == 200
        spent = server.calls
        groups = [{**GROUP, "prompt": f"Task {i}"} for i in range(5)]
        answer = await client.post("/v1/reward", json={"groups": groups})
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "quota_exceeded")
    assert server.calls == spent
