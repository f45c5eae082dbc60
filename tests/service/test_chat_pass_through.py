"""/v1/chat/completions: passed on to the judge's server and back as it comes, in the judge's own places."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openai
import pytest
from aiohttp import web
from chat_server import USAGE, ChatServer, chatting, event, whole
from collector import Collector
from hypothesis import given
from hypothesis import strategies as st
from services import api, served

from judge_service.api.drop_ins.overheard import Overheard
from judge_service.backends.base import TransientFault
from judge_service.backends.openai_wire import OpenAIWire
from judge_service.backends.wires import DirectWire
from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator

CHAT = "/v1/chat/completions"
QUESTION: Any = [{"role": "user", "content": "Count to three."}]
BODY = {"model": "default", "messages": QUESTION}
SECONDS = 20


@pytest.fixture
async def server() -> AsyncIterator[ChatServer]:
    async with chatting() as chat_server:
        yield chat_server


@asynccontextmanager
async def running(server: ChatServer, **told: Any) -> AsyncIterator[str]:
    """The address of a service whose judge is that server; nothing but what a test asks is asked of it."""
    async with served(server, **{"canary_seconds": 0, "kind": "chat", **told}) as url:  # type: ignore[arg-type]
        yield url


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="caller's own", max_retries=0) as client:
        yield client


async def test_openais_client_chats_with_the_judges_model(server: ChatServer) -> None:
    async with running(server) as url, client_of(url) as client:
        answer = await client.chat.completions.create(model="default", messages=QUESTION)
        by_id = await client.chat.completions.create(model="m", messages=QUESTION)
    assert answer.choices[0].message.content == "one two three"
    assert answer.usage is not None
    assert answer.usage.model_dump(include=set(USAGE)) == USAGE
    assert by_id.id == "c"


async def test_openais_client_streams(server: ChatServer) -> None:
    async with running(server) as url, client_of(url) as client:
        stream = await client.chat.completions.create(model="default", messages=QUESTION, stream=True)
        words = [chunk.choices[0].delta.content async for chunk in stream]
    assert words == ["one", " two", " three"]


async def test_the_body_goes_on_as_it_is_but_for_the_model_and_under_the_judges_key(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_TEST_KEY", "the judge's")
    body = {"zeta": [1.5, None, {"é": "\x00"}], **BODY, "seed": 2**53, "response_format": {"type": "json_object"}}
    async with (
        running(server, key_env="JUDGE_TEST_KEY", more={"api_keys": "ours"}) as url,
        httpx.AsyncClient() as client,
    ):
        headers = {"authorization": "Bearer ours", "x-request-id": "mine", "cookie": "secret=1"}
        answer = await client.post(url + CHAT, json=body, headers=headers)
        assert (await client.post(url + CHAT, json=body)).status_code == 401
        assert (await client.post(url + "/k/ours" + CHAT, json=body)).status_code == 200
    assert answer.json() == whole("one two three")
    assert answer.headers["x-request-id"] == "mine"
    assert server.asked[0] == {**body, "model": "m"}
    assert list(server.asked[0]) == list(body)
    assert len(server.asked) == 2
    for sent in server.headers:
        assert sent["Authorization"] == "Bearer the judge's"
        assert not {"ours", "secret=1"} & set(sent.values())


async def test_a_streams_pieces_come_as_they_are_sent(server: ChatServer) -> None:
    server.goes_on.clear()
    async with running(server) as url, client_of(url) as client, asyncio.timeout(SECONDS):
        stream = await client.chat.completions.create(model="default", messages=QUESTION, stream=True)
        first = await anext(aiter(stream))
        assert first.choices[0].delta.content == "one"
        server.goes_on.set()
        assert len([chunk async for chunk in stream]) == 2


ERRORS: Mapping[str, tuple[int, bytes, dict[str, str]]] = {
    "in OpenAI's shape": (
        400,
        b'{"error": {"message": "no such tool", "type": "x", "param": "tools", "code": null}}',
        {},
    ),
    "in vLLM's": (404, b'{"error": {"message": "no", "type": "NotFoundError", "param": null, "code": 404}}', {}),
    "for want of places": (429, b'{"error": "slow down"}', {"retry-after": "7", "x-should-retry": "true"}),
    "in HTML": (500, b"<h1>Oops</h1>", {"content-type": "text/html"}),
    "with an empty body": (503, b"", {}),
    "that nobody knows": (422, b"{}", {}),
}


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_of_the_judge_is_passed_on_as_it_is(server: ChatServer, name: str, stream: bool) -> None:
    status, body, headers = ERRORS[name]

    async def refuse(_: web.Request, __: Mapping[str, Any]) -> web.StreamResponse:
        return web.Response(status=status, body=body, headers={"content-type": "application/json", **headers})

    server.manner = refuse
    async with running(server) as url, httpx.AsyncClient() as client:
        answer = await client.post(url + CHAT, json={**BODY, "stream": stream})
    assert (answer.status_code, answer.content) == (status, body)
    assert headers.items() <= dict(answer.headers).items()
    assert len(server.asked) == 1


async def test_that_the_judges_key_is_refused_is_no_fault_of_the_callers(server: ChatServer) -> None:
    async def refuse(_: web.Request, __: Mapping[str, Any]) -> web.StreamResponse:
        return web.json_response({"error": "Unauthorized"}, status=401)

    server.manner = refuse
    async with running(server) as url, httpx.AsyncClient() as client:
        answer = await client.post(url + CHAT, json=BODY)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "judge_key_refused")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_caller_that_hangs_up_ends_the_request_at_the_judge(server: ChatServer, stream: bool) -> None:
    server.goes_on.clear()
    async with running(server, concurrency=1) as url, asyncio.timeout(SECONDS):
        async with httpx.AsyncClient(timeout=None) as client:
            chat = asyncio.create_task(client.post(url + CHAT, json={**BODY, "stream": stream}))
            await server.begun.wait()
            chat.cancel()
            await asyncio.wait([chat])
        await server.left.wait()
        server.goes_on.set()
        async with client_of(url) as again:
            answer = await again.chat.completions.create(model="default", messages=QUESTION)
    assert answer.choices[0].message.content == "one two three"


async def test_chats_take_no_more_places_at_the_judge_than_there_are(server: ChatServer) -> None:
    server.goes_on.clear()
    busy = f'judge_calls_in_flight{{judge="default",replica="{server.url}"}} 2.0'
    async with running(server, concurrency=2) as url, httpx.AsyncClient(timeout=None) as client:
        chats = [asyncio.create_task(client.post(url + CHAT, json=BODY)) for _ in range(7)]
        async with asyncio.timeout(SECONDS):
            while busy not in (await client.get(f"{url}/metrics")).text:
                await asyncio.sleep(0.01)
        server.goes_on.set()
        answers = await asyncio.gather(*chats)
    assert {answer.status_code for answer in answers} == {200}
    assert server.most == 2


async def test_a_chat_is_turned_away_while_the_queue_is_full(server: ChatServer) -> None:
    server.goes_on.clear()
    narrow = {"server": {"cases_in_flight": 1, "cases_waiting": 1}}
    async with running(server, more=narrow) as url, httpx.AsyncClient(timeout=None) as client:
        chats = [asyncio.create_task(client.post(url + CHAT, json=BODY)) for _ in range(5)]
        async with asyncio.timeout(SECONDS):
            while sum(chat.done() for chat in chats) < 3:
                await asyncio.sleep(0.01)
        server.goes_on.set()
        answers = await asyncio.gather(*chats)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429, 429]
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 429)


async def test_the_next_replica_is_asked_where_one_cannot_be_reached(server: ChatServer) -> None:
    async with (
        chatting() as gone,
        running(server, url=[gone.url, server.url]) as url,
        httpx.AsyncClient() as client,
    ):
        bodies = [{**BODY, "seed": seed} for seed in range(24)]
        before = [await client.post(url + CHAT, json=body) for body in bodies]
        assert gone.asked
        assert server.asked
        stop(gone)
        after = [await client.post(url + CHAT, json=body) for body in bodies]
    assert {answer.status_code for answer in (*before, *after)} == {200}


def stop(server: ChatServer) -> None:
    """From now on it hangs up on whoever asks."""

    async def hang_up(request: web.Request, _: Mapping[str, Any]) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    server.manner = hang_up


async def test_a_judge_that_is_down_is_503(server: ChatServer) -> None:
    async with running(server) as url, httpx.AsyncClient() as client:
        stop(server)
        answer = await client.post(url + CHAT, json=BODY)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "judge_unavailable")
    assert answer.headers["retry-after"]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_breaks_off_never_looks_whole(server: ChatServer, stream: bool) -> None:
    async def break_off(request: web.Request, _: Mapping[str, Any]) -> web.StreamResponse:
        kind = "text/event-stream" if stream else "application/json"
        response = web.StreamResponse(headers={"content-type": kind})
        await response.prepare(request)
        await response.write(event({"choices": [{"index": 0, "delta": {"content": "one"}}]}) if stream else b'{"id": ')
        await asyncio.sleep(0.05)
        assert request.transport is not None
        request.transport.abort()
        return response

    server.manner = break_off
    async with running(server) as url, client_of(url) as client:
        with pytest.raises(openai.APIError) as caught:  # noqa: PT012
            answer: Any = await client.chat.completions.create(model="default", messages=QUESTION, stream=stream)
            assert stream, "nothing whole may come"
            async for chunk in answer:
                assert chunk.choices[0].delta.content == "one"
    assert not stream or "broke off" in str(caught.value)
    assert len(server.asked) == 1


async def test_tokens_are_counted_as_the_judge_tells_them(server: ChatServer) -> None:
    told = {"stream": True, "stream_options": {"include_usage": True}}
    async with running(server) as url, httpx.AsyncClient() as client:
        for body in (BODY, {**BODY, **told}, {**BODY, "stream": True}):
            await client.post(url + CHAT, json=body)
        metrics = (await client.get(f"{url}/metrics")).text
    assert "judge_calls_total 3.0" in metrics
    assert 'judge_tokens_total{kind="prompt"} 22.0' in metrics
    assert 'judge_tokens_total{kind="completion"} 6.0' in metrics
    assert f'judge_requests_total{{path="{CHAT}",status="200"}} 3.0' in metrics


REFUSED: list[tuple[bytes, str, int, str | None]] = [
    (b'{"model": "gpt-4", "messages": []}', "", 404, "model"),
    (b'{"model": 7}', "", 400, "model"),
    (b'{"model": "default/honesty"}', "", 404, "model"),
    (b'{"messages": ["\\ud800"]}', "", 400, "messages[0]"),
    (b"[]", "", 400, None),
    (b"{}", "?rubric=honesty", 400, "rubric"),
]


@pytest.mark.parametrize(("body", "query", "status", "param"), REFUSED)
async def test_what_no_judge_could_be_asked_is_refused(
    server: ChatServer, body: bytes, query: str, status: int, param: str | None
) -> None:
    async with running(server) as url, httpx.AsyncClient() as client:
        answer = await client.post(url + CHAT + query, content=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)
    assert not server.asked


async def test_a_judge_without_a_chat_says_so() -> None:
    async with api(None) as client:
        answer = await client.post(CHAT, json={"messages": QUESTION})
    told = answer.json()["error"]
    assert (answer.status_code, told["param"]) == (400, "model")
    assert "offline" in told["message"]


async def test_with_a_reward_model_nobody_can_chat_but_it_ranks() -> None:
    behaviour = Behaviour().changed({"reward": "classify", "as_vllm": True})
    async with Emulator(behaviour) as emulator:
        judge: Any = emulator
        async with api(judge, kind="reward") as client:
            answer = await client.post(CHAT, json={"messages": QUESTION})
            documents = ["8 (worth 1)", "7 (worth 3)"]
            ranked = await client.post("/v1/rerank", json={"query": "q", "documents": documents})
            alone = await client.post("/v1/rerank", json={"query": "q", "documents": documents[:1]})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "model")
    assert [result["index"] for result in ranked.json()["results"]] == [1, 0]
    assert 0 < alone.json()["results"][0]["relevance_score"] < 1


@pytest.mark.parametrize("kind", [DirectWire, OpenAIWire])
async def test_both_ways_to_a_server_have_an_answer_as_it_comes(server: ChatServer, kind: Any) -> None:
    wire = kind(server.url, "key", 4)
    server.goes_on.clear()
    try:
        async with asyncio.timeout(SECONDS), wire.begun("/chat/completions", b'{"stream": true}') as begun:
            assert begun.status == 200
            assert begun.headers["content-type"] == "text/event-stream"
            heard = await begun.piece()
            assert b"one" in heard
            server.goes_on.set()
            while piece := await begun.piece():
                heard += piece
        assert heard.endswith(b"data: [DONE]\n\n")
        assert server.headers[0]["Authorization"] == "Bearer key"
        server.goes_on.clear()
        async with asyncio.timeout(SECONDS):
            async with wire.begun("/chat/completions", b'{"stream": true}') as begun:
                await begun.piece()
            await server.left.wait()
        stop(server)
        with pytest.raises(TransientFault):
            async with wire.begun("/chat/completions", b"{}"):
                pytest.fail("nobody answered")
    finally:
        await wire.aclose()


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_takes_too_long_is_given_up(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    monkeypatch.setattr("judge_service.api.drop_ins.chat._SECONDS", 0.2)
    server.goes_on.clear()
    async with running(server) as url, httpx.AsyncClient() as client, asyncio.timeout(SECONDS):
        answer = await client.post(url + CHAT, json={**BODY, "stream": stream})
        await server.left.wait()
    assert answer.status_code == (200 if stream else 504)
    assert ("broke off" in answer.text) is stream


async def test_the_judges_server_is_told_of_the_callers_trace(server: ChatServer) -> None:
    collector = await Collector().start()
    trace = "0af7651916cd43dd8448eb211c80319c"
    try:
        async with running(server, more={"traces": {"endpoint": collector.url}}) as url, httpx.AsyncClient() as client:
            headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
            assert (await client.post(url + CHAT, json=BODY, headers=headers)).status_code == 200
        (span,) = collector.of("server")
    finally:
        await collector.stop()
    assert (span.trace, span.name) == (trace, f"POST {CHAT}")
    assert server.headers[0]["traceparent"] == f"00-{trace}-{span.id}-01"


@given(st.lists(st.integers(0, 400), max_size=8), st.booleans())
def test_tokens_are_heard_however_an_answer_is_cut_into_pieces(cuts: list[int], is_stream: bool) -> None:
    events = [event({"usage": usage}) for usage in (None, USAGE, "x", None)]
    end = b"data: [DONE]\r\n\r\ndata: {"
    body = b"".join(events) + end if is_stream else event({"usage": USAGE}).removeprefix(b"data: ")
    overheard = Overheard(is_stream)
    for start, stop_ in itertools.pairwise(sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})):
        overheard.hear(body[start:stop_])
    assert overheard.tokens() == (11, 3)
