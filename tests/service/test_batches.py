"""/v1/files and /v1/batches, by OpenAI's own client: what comes back, what is refused, and who sees what."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import openai
import orjson
import pytest
from batched import Gates, begun, client_of, content_of, lines_in, names, names_of, request, when
from judge_server import JudgeServer
from openai import AsyncOpenAI, OpenAI
from programs import serving, started
from services import LIST, ONE


def flags(server: JudgeServer) -> tuple[str, ...]:
    return ("--judge-url", server.url, "--model", "m")


@pytest.fixture
async def client(server: JudgeServer) -> AsyncIterator[AsyncOpenAI]:
    async with serving(*flags(server)) as (address, _), client_of(address) as client:
        yield client


async def test_a_batch_is_judged_and_its_answers_are_those_of_the_endpoint(
    server: JudgeServer, client: AsyncOpenAI
) -> None:
    batch = await begun(client, [request(n) for n in range(40)], metadata={"run": "7"})
    assert batch.status == "validating"
    assert (batch.endpoint, batch.completion_window, batch.metadata) == ("/v1/compare", "24h", {"run": "7"})
    batch = await when(client, batch, "completed")
    assert batch.request_counts is not None
    assert batch.request_counts.to_dict() == {"total": 40, "completed": 40, "failed": 0}
    assert batch.error_file_id is None
    assert batch.errors is None
    times = [batch.created_at, batch.in_progress_at, batch.finalizing_at, batch.completed_at]
    assert None not in times
    assert times == sorted(times, key=int)
    assert batch.expires_at == batch.created_at + 86_400
    lines = await lines_in(client, batch.output_file_id)
    assert names_of(lines) == names(range(40))
    assert server.calls == 80
    for line in lines:
        assert line.keys() == {"id", "custom_id", "response", "error"}
        assert line["error"] is None
        response = line["response"]
        assert response.keys() == {"status_code", "request_id", "body"}
        assert response["status_code"] == 200
        assert response["body"]["verdict"]["winner"] == "a"
    assert len({line["id"] for line in lines}) == 40


@pytest.mark.parametrize(("endpoint", "case", "kind"), [("/v1/score", ONE, "scorecard"), ("/v1/rank", LIST, "ranking")])
async def test_every_judging_endpoint_takes_batches(client: AsyncOpenAI, endpoint: str, case: Any, kind: str) -> None:
    lines = [{"custom_id": str(n), "method": "POST", "url": endpoint, "body": {**case, "seed": n}} for n in range(3)]
    batch = await when(client, await begun(client, lines, endpoint), "completed")
    told = await lines_in(client, batch.output_file_id)
    assert [line["response"]["body"]["kind"] for line in told] == [kind] * 3
    assert {line["response"]["body"]["status"] for line in told} == {"judged"}


async def test_a_line_may_hold_many_cases_of_which_one_is_wrong(client: AsyncOpenAI) -> None:
    cases = [{"prompt": "x", "candidates": ["y (worth 1)", "z (worth 0)"]}, {"prompt": "x"}]
    line = {"custom_id": "many", "method": "POST", "url": "/v1/compare", "body": {"cases": cases}}
    batch = await when(client, await begun(client, [line]), "completed")
    (told,) = await lines_in(client, batch.output_file_id)
    assert told["response"]["body"]["object"] == "list"
    assert [judgment["status"] for judgment in told["response"]["body"]["data"]] == ["judged", "unscored"]


async def test_what_is_wrong_with_one_request_is_in_the_error_file_and_costs_the_others_nothing(
    client: AsyncOpenAI,
) -> None:
    surrogate = orjson.dumps(request(4, prompt="S")).replace(b'"S"', b'"\\ud800"')
    lines = [
        request(0),
        request(1, candidates=["only one"]),
        request(2, rubric="nope"),
        request(3, colour=1),
        surrogate,
    ]
    batch = await when(client, await begun(client, [*lines, request(5)]), "completed")
    assert batch.request_counts is not None
    assert batch.request_counts.to_dict() == {"total": 6, "completed": 2, "failed": 4}
    assert names_of(await lines_in(client, batch.output_file_id)) == names([0, 5])
    errors = await lines_in(client, batch.error_file_id)
    assert names_of(errors) == names([1, 2, 3, 4])
    told = [(line["response"]["status_code"], line["response"]["body"]["error"]["param"]) for line in errors]
    assert told == [(400, "candidates"), (404, "rubric"), (400, "colour"), (400, "prompt")]
    assert all(line["error"] is None for line in errors)


async def test_a_file_with_wrong_lines_fails_as_a_whole_and_nothing_is_judged(
    server: JudgeServer, client: AsyncOpenAI
) -> None:
    lines = [request(0), b"{nope", request(2, url="/v1/score"), b"", request(0), {**request(5), "method": "GET"}]
    batch = await when(client, await begun(client, lines), "failed")
    assert batch.errors is not None
    assert batch.errors.object == "list"
    told = [(error.code, error.line, error.param) for error in batch.errors.data or []]
    assert told == [
        ("invalid_json_line", 2, None),
        ("url_mismatch", 3, "url"),
        ("duplicate_custom_id", 5, "custom_id"),
        ("invalid_method", 6, "method"),
    ]
    assert batch.failed_at is not None
    assert (batch.output_file_id, batch.error_file_id, server.calls) == (None, None, 0)


async def test_an_empty_file_fails(client: AsyncOpenAI) -> None:
    batch = await when(client, await begun(client, [b""]), "failed")
    assert [error.code for error in (batch.errors and batch.errors.data) or []] == ["empty_file"]


async def test_files_are_what_openais_client_takes_them_for(client: AsyncOpenAI) -> None:
    content = content_of([request(0)]) * 3000
    expiry: Any = {"anchor": "created_at", "seconds": 7200}
    made = [
        await client.files.create(file=("a name.jsonl", content), purpose="batch"),
        await client.files.create(file=("b.jsonl", b"{}"), purpose="batch", expires_after=expiry),
        await client.files.create(file=Path(__file__), purpose="batch"),
    ]
    first, second, third = made
    assert (first.bytes, first.filename, first.purpose, first.status) == (
        len(content),
        "a name.jsonl",
        "batch",
        "processed",
    )
    assert first.expires_at == first.created_at + 30 * 86_400
    assert second.expires_at == second.created_at + 7200
    assert third.filename == Path(__file__).name
    assert await client.files.retrieve(first.id) == first
    assert (await client.files.content(first.id)).content == content, "several parts of it"
    assert [file.id async for file in client.files.list()] == [third.id, second.id, first.id]
    assert [file.id async for file in client.files.list(order="asc", limit=2)] == [first.id, second.id, third.id]
    assert [file.id async for file in client.files.list(purpose="batch_output")] == []
    assert (await client.files.delete(second.id)).deleted
    for ask in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError):
            await ask(second.id)
    assert [file.id async for file in client.files.list(after=third.id)] == [first.id]


async def test_batches_are_listed_page_by_page_the_newest_first(client: AsyncOpenAI) -> None:
    made = [(await begun(client, [request(n)])).id for n in range(5)]
    page = await client.batches.list(limit=2)
    assert [batch.id for batch in page.data] == made[:2:-1]
    assert page.has_more
    assert [batch.id async for batch in client.batches.list(limit=2)] == made[::-1]
    assert [batch.id async for batch in client.batches.list(after=made[1])] == [made[0]]
    with pytest.raises(openai.NotFoundError):
        await client.batches.list(after="batch_none")


def refusals(file: str) -> dict[str, tuple[dict[str, Any], type[openai.APIStatusError], str]]:
    good = {"input_file_id": file, "endpoint": "/v1/compare", "completion_window": "24h"}
    return {
        "another endpoint": ({**good, "endpoint": "/v1/embeddings"}, openai.BadRequestError, "endpoint"),
        "another window": ({**good, "completion_window": "soon"}, openai.BadRequestError, "completion_window"),
        "no such file": ({**good, "input_file_id": "file-none"}, openai.NotFoundError, "input_file_id"),
        "a batch as file": ({**good, "input_file_id": "batch_1"}, openai.NotFoundError, "input_file_id"),
        "odd metadata": ({**good, "metadata": {"a": "b" * 600}}, openai.BadRequestError, "metadata"),
    }


async def test_a_batch_that_cannot_be_is_refused_with_the_field_at_fault(client: AsyncOpenAI) -> None:
    file = await client.files.create(file=("a.jsonl", b"{}"), purpose="batch")
    for told, error, param in refusals(file.id).values():
        with pytest.raises(error) as caught:
            await client.batches.create(**told)
        assert caught.value.param == param


FORMS: dict[str, tuple[dict[str, Any], str | None]] = {
    "no form": ({"json": {"purpose": "batch"}}, None),
    "a form without boundary": ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, None),
    "a form that is none": ({"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=b"}}, None),
    "no file": ({"files": {"other": b"x"}, "data": {"purpose": "batch"}}, "file"),
    "a file that is a field": ({"files": {"other": b"x"}, "data": {"purpose": "batch", "file": "x"}}, "file"),
    "no purpose": ({"files": {"file": b"x"}}, "purpose"),
    "another purpose": ({"files": {"file": b"x"}, "data": {"purpose": "vision"}}, "purpose"),
    "two files": ({"files": [("file", b"x"), ("file", b"y")], "data": {"purpose": "batch"}}, None),
    "an odd expiry": (
        {"files": {"file": b"x"}, "data": {"purpose": "batch", "expires_after[seconds]": "²"}}, "expires_after"
    ),
}  # fmt: skip


async def test_an_upload_that_cannot_be_is_refused_with_the_field_at_fault(server: JudgeServer) -> None:
    async with serving(*flags(server)) as (address, _), httpx.AsyncClient() as client:
        for name, (told, param) in FORMS.items():
            answer = await client.post(f"{address}/v1/files", **told)
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), (name, answer.text)
        assert (await client.get(f"{address}/v1/files")).json()["data"] == []


async def test_files_have_limits(server: JudgeServer) -> None:
    limits = {"JUDGE_JOBS__MAX_FILE_BYTES": "3000", "JUDGE_JOBS__MAX_LINES": "5"}
    async with serving(*flags(server), environ=limits) as (address, _), client_of(address) as client:
        with pytest.raises(openai.APIStatusError) as caught:
            await client.files.create(file=("a.jsonl", b"x" * 3001), purpose="batch")
        assert (caught.value.status_code, caught.value.param) == (413, "file")
        with pytest.raises(openai.APIStatusError) as caught:
            await client.files.create(file=("a.jsonl", bytes(10**7)), purpose="batch")
        assert (caught.value.status_code, caught.value.param) == (413, "file")
        with pytest.raises(openai.BadRequestError) as caught:
            await client.files.create(file=("a.jsonl", b"{}\n" * 6), purpose="batch")
        assert caught.value.param == "file"
        await client.files.create(file=("a.jsonl", b"{}\n" * 5), purpose="batch")
        assert len([file async for file in client.files.list()]) == 1


async def test_a_key_sees_its_own_files_and_batches_and_no_others(server: JudgeServer) -> None:
    async with (
        serving(*flags(server), environ={"JUDGE_API_KEYS": "one,two"}) as (address, _),
        client_of(address, "one") as one,
        client_of(address, "two") as two,
        client_of(f"{address}/k/two", "wrong") as also_two,
    ):
        batch = await when(one, await begun(one, [request(0)]), "completed")
        asked: list[Any] = [two.files.retrieve, two.files.content, two.files.delete]
        for file_id in (batch.input_file_id, batch.output_file_id):
            for ask in asked:
                with pytest.raises(openai.NotFoundError):
                    await ask(file_id)
        for ask in (two.batches.retrieve, two.batches.cancel):
            with pytest.raises(openai.NotFoundError):
                await ask(batch.id)
        window: Any = "24h"
        endpoint: Any = "/v1/compare"
        with pytest.raises(openai.NotFoundError):
            await two.batches.create(input_file_id=batch.input_file_id, endpoint=endpoint, completion_window=window)
        assert [file async for file in two.files.list()] == []
        assert [batch async for batch in two.batches.list()] == []
        with pytest.raises(openai.NotFoundError):
            await two.batches.list(after=batch.id)
        own = await begun(two, [request(1)])
        assert [batch.id async for batch in also_two.batches.list()] == [own.id]
        assert len([file async for file in one.files.list()]) == 2
        async with client_of(address, "three") as three:
            with pytest.raises(openai.AuthenticationError):
                await three.batches.list()


async def test_a_file_that_a_batch_reads_cannot_be_deleted(server: JudgeServer, client: AsyncOpenAI) -> None:
    server.rule = gates = Gates(range(3))
    batch = await begun(client, [request(n) for n in range(3)])
    await server.asked_for(1)
    with pytest.raises(openai.ConflictError, match=batch.id):
        await client.files.delete(batch.input_file_id)
    gates.let_go()
    await when(client, batch, "completed")
    assert (await client.files.delete(batch.input_file_id)).deleted


async def test_the_output_is_kept_for_as_long_as_was_asked(client: AsyncOpenAI) -> None:
    expiry: Any = {"anchor": "created_at", "seconds": 3600}
    batch = await when(client, await begun(client, [request(0)], output_expires_after=expiry), "completed")
    assert batch.output_file_id is not None
    file = await client.files.retrieve(batch.output_file_id)
    assert file.purpose == "batch_output"
    assert file.filename == f"{batch.id}_output.jsonl"
    assert file.expires_at == file.created_at + 3600


@pytest.mark.parametrize("told", [{"JUDGE_JOBS__URL": "none"}, {"JUDGE_CACHE__URL": "none"}])
async def test_a_server_that_keeps_nothing_says_so(server: JudgeServer, told: dict[str, str]) -> None:
    async with serving(*flags(server), environ=told) as (address, _), client_of(address) as client:
        with pytest.raises(openai.APIStatusError, match=r"jobs\.url") as caught:
            await begun(client, [request(0)])
        assert caught.value.status_code == 501
        assert caught.value.response.headers["x-should-retry"] == "false"


async def test_in_memory_batches_live_as_long_as_the_server(server: JudgeServer, corner: Path) -> None:
    environ = {"JUDGE_CACHE__URL": "memory://"}
    async with serving(*flags(server), environ=environ) as (address, _), client_of(address) as client:
        batch = await when(client, await begun(client, [request(n) for n in range(5)]), "completed")
        assert names_of(await lines_in(client, batch.output_file_id)) == names(range(5))
    assert not list(corner.glob("*.db"))


async def test_the_blocking_client_does_as_well(server: JudgeServer) -> None:
    async with serving(*flags(server)) as (address, _):

        def flow() -> Any:
            with OpenAI(base_url=f"{address}/v1", api_key="none") as client:
                file = client.files.create(file=("in.jsonl", content_of([request(0)])), purpose="batch")
                endpoint: Any = "/v1/compare"
                made = client.batches.create(input_file_id=file.id, endpoint=endpoint, completion_window="24h")
                while (batch := client.batches.retrieve(made.id)).status != "completed":
                    continue
                assert batch.output_file_id is not None
                return client.files.content(batch.output_file_id).text

        text = await asyncio.to_thread(flow)
    assert orjson.loads(text)["custom_id"] == "line-0"


async def test_a_wrong_place_ends_the_start_in_one_clear_line(server: JudgeServer) -> None:
    process = await started("serve", "--port", "0", *flags(server), environ={"JUDGE_JOBS__URL": "mysql://x"})
    _, err = await process.communicate()
    assert process.returncode == 2
    assert "jobs.url is sqlite:///path" in err.decode()
    assert len(err.splitlines()) == 1
