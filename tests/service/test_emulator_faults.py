"""The emulator's pace, capacity and faults, and how it refuses."""

from __future__ import annotations

import asyncio
import json
import time

import aiohttp
import openai
import pytest
from emulated import http, messages, posted, raw, serving, told


async def test_latency_is_kept_and_concurrency_is_counted():
    async with serving(latency_ms=50) as (emulator, client):
        start = time.perf_counter()
        await asyncio.gather(*(told(client, messages(i)) for i in range(20)))
        assert 0.05 <= time.perf_counter() - start < 0.9
        assert emulator.stats["in_flight_max"] == 20
        assert emulator.stats["in_flight"] == 0


async def test_beyond_its_capacity_calls_wait():
    async with serving(latency_ms=30, capacity=2) as (emulator, client):
        start = time.perf_counter()
        await asyncio.gather(*(told(client, messages(i)) for i in range(8)))
        assert time.perf_counter() - start >= 0.12
        assert emulator.stats["in_flight_max"] == 8


async def test_beyond_its_capacity_calls_are_sent_away_where_so_set():
    async with serving(latency_ms=100, capacity=2, reject=True, retry_after=3) as (emulator, client):
        answers = await asyncio.gather(*(told(client, messages(i)) for i in range(8)), return_exceptions=True)
        refused = [a for a in answers if isinstance(a, openai.RateLimitError)]
        assert len(refused) == 6
        assert refused[0].response.headers["retry-after"] == "3"
        assert emulator.stats["rejected"] == 6


async def test_a_caller_that_leaves_frees_its_place():
    async with serving(latency_ms=60_000, capacity=1) as (emulator, client):
        for _ in range(2):
            with pytest.raises(openai.APITimeoutError):
                await told(client.with_options(timeout=0.15))
        await asyncio.sleep(0.05)
        assert (emulator.stats["abandoned"], emulator.stats["in_flight"]) == (2, 0)


@pytest.mark.parametrize(
    ("kind", "error", "status"),
    [
        ("f500", openai.InternalServerError, 500),
        ("f503", openai.InternalServerError, 503),
        ("f429", openai.RateLimitError, 429),
    ],
)
async def test_faults_with_a_status_look_like_openais(kind, error, status):
    async with serving(**{kind: 1.0}, retry_after=0.5) as (emulator, client):
        with pytest.raises(error) as raised:
            await told(client)
        assert raised.value.status_code == status
        assert raised.value.body["message"] == "planted"
        assert raised.value.response.headers.get("retry-after") == (None if status == 500 else "0.5")
        assert (emulator.stats[kind], emulator.stats["statuses"]) == (1, {str(status): 1})


async def test_a_fault_passes_on_retry_unless_it_sticks():
    async with serving(f500=0.5) as (emulator, client):
        patient = client.with_options(max_retries=12)
        patient._calculate_retry_timeout = lambda *args: 0.0  # type: ignore[method-assign]
        answers = [(await told(patient, messages(i, 1))).message.content for i in range(2, 22)]
        assert answers == ["A"] * 20
        assert 5 < emulator.stats["f500"] < 60
        emulator.configure(f500=1.0, sticky=True)
        with pytest.raises(openai.InternalServerError):
            await told(patient)


async def test_spoiled_bodies_are_whole_answers_of_http_or_none():
    async with serving(fbad=1.0) as (emulator, client):
        with pytest.raises(json.JSONDecodeError):
            await http(emulator, "POST", "/v1/chat/completions", {"messages": messages()})
        assert emulator.stats["statuses"] == {"200": 1}
        emulator.configure(fbad=0.0, fcut=1.0)
        with pytest.raises(aiohttp.ClientPayloadError):
            await http(emulator, "POST", "/v1/chat/completions", {"messages": messages()})
        emulator.configure(fcut=0.0)
        assert (await told(client)).message.content == "A"


async def test_a_reset_is_a_reset_and_a_hang_lasts():
    async with serving(freset=1.0) as (emulator, _):
        reader, writer = await raw(emulator)
        writer.write(posted({"messages": messages()}))
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        emulator.configure(freset=0.0, fhang=1.0)
        reader, writer = await raw(emulator)
        writer.write(posted({"messages": messages()}))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(), 0.2)
        writer.close()
        assert (emulator.stats["freset"], emulator.stats["fhang"]) == (1, 1)


async def test_a_text_fault_has_no_verdict_and_a_refusal_refuses():
    async with serving(ftext=1.0) as (emulator, client):
        assert (await told(client)).message.content == "I would rather not say."
        emulator.configure(ftext=0.0, frefuse=1.0)
        choice = await told(client)
        assert choice.message.content is None
        assert choice.message.refusal.startswith("I'm sorry")


@pytest.mark.parametrize("latency_ms", [0, 20])
async def test_pipelined_requests_are_answered_in_their_order(latency_ms):
    async with serving(latency_ms=latency_ms) as (emulator, _):
        reader, writer = await raw(emulator)
        wanted = ["A", "B", "B", "A", "B"] * 4
        writer.write(b"".join(posted({"messages": messages(5, 4 if w == "A" else 6)}) for w in wanted))
        said = []
        for _ in wanted:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            said.append(json.loads(await reader.readexactly(length))["choices"][0]["message"]["content"])
        writer.close()
        assert said == wanted


async def test_wrong_requests_are_refused_and_name_the_field():
    wrong = [
        ({"messages": []}, "messages"),
        ({"messages": "x"}, "messages"),
        ({"messages": messages(), "temperature": "hot"}, "temperature"),
        ({"messages": messages(), "logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"messages": messages(), "max_tokens": 0}, "max_tokens"),
        ({"messages": messages(), "allowed_token_ids": ["A"]}, "allowed_token_ids"),
        ([], None),
    ]
    async with serving() as (emulator, _):
        for body, param in wrong:
            status, answer, _ = await http(emulator, "POST", "/v1/chat/completions", body)
            assert (status, answer["error"]["param"]) == (400, param)
        assert (await http(emulator, "GET", "/v1/chat/completions"))[0] == 405
        assert (await http(emulator, "GET", "/v1/nothing"))[0] == 404
        assert (await http(emulator, "GET", "/version"))[0] == 404


async def test_what_is_no_http_is_answered_and_closed():
    async with serving() as (emulator, _):
        reader, writer = await raw(emulator)
        writer.write(b"tea please\r\n\r\n")
        assert (await asyncio.wait_for(reader.read(), 2)).startswith(b"HTTP/1.1 400")
        writer.close()


async def test_a_prompt_beyond_the_context_is_refused_as_too_long():
    async with serving(max_model_len=50) as (_, client):
        with pytest.raises(openai.BadRequestError, match="maximum context length is 50 tokens") as raised:
            await told(client, [{"role": "user", "content": "x" * 201}], max_tokens=1)
    assert raised.value.code == "context_length_exceeded"


async def test_fields_are_rejected_in_the_words_of_openai():
    async with serving(reject_fields="logprobs,temperature,max_tokens") as (_, client):
        for fields, param in (
            ({"max_tokens": 5}, "max_tokens"),
            ({"temperature": 0}, "temperature"),
            ({"logprobs": True}, "logprobs"),
        ):
            with pytest.raises(openai.BadRequestError) as raised:
                await told(client, **fields)
            assert raised.value.param == param
        assert (await told(client, max_completion_tokens=5)).message.content == "A"
