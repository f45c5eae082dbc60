"""What all drop-in endpoints share: how a caller says how to judge, what is ignored, and what is refused."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from judge_server import JudgeServer, error, said
from programs import called
from pydantic import BaseModel
from services import api, served
from starlette.datastructures import QueryParams

from judge_service.api.app import DROP_INS
from judge_service.api.drop_ins.call import IGNORED, ignored
from judge_service.api.drop_ins.drop_in import DropIn
from judge_service.api.drop_ins.told_options import told_for
from judge_service.domain.options import options_from
from judge_service.errors import InvalidConfiguration
from judge_service.library import Library
from judge_service.service import JudgingService
from judge_service.settings import Settings, read_settings

JUDGING = {drop_in.name: drop_in for drop_in in DROP_INS if drop_in.task is not None}
EXAMPLES = [
    pytest.param(path, drop_in, body, id=f"{path}: {name}")
    for drop_in in JUDGING.values()
    for path in drop_in.paths
    for name, body in drop_in.examples.items()
]
DOCUMENTS = {"query": "Name a prime number.", "documents": ["8 (worth 1)", "7 (worth 3)"]}
RERANK = "/v1/rerank"


def configured(**endpoints: dict[str, Any]) -> dict[str, Any]:
    return {"more": {"endpoints": endpoints}}


@pytest.mark.parametrize(("path", "drop_in", "body"), EXAMPLES)
async def test_an_example_runs_as_written_and_answers_what_the_page_says(
    path: str, drop_in: DropIn, body: dict[str, Any]
) -> None:
    model: type[BaseModel] = drop_in.body
    model.model_validate(body, strict=True)
    async with api(None) as client:
        answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert IGNORED not in answer.headers
    assert answer.headers["x-judge-status"] == "judged"
    drop_in.result.model_validate(answer.json())


@pytest.mark.parametrize("drop_in", JUDGING.values(), ids=lambda drop_in: drop_in.name)
async def test_fields_that_nobody_reads_are_ignored_and_named(drop_in: DropIn) -> None:
    body = {**next(iter(drop_in.examples.values())), "zebra": 1, "a b": [], "é": None}
    async with api(None) as client:
        answer = await client.post(drop_in.paths[0], json=body)
    assert answer.status_code == 200
    assert answer.headers[IGNORED] == "a%20b, zebra, %C3%A9"


@pytest.mark.parametrize("drop_in", JUDGING.values(), ids=lambda drop_in: drop_in.name)
@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{", b'{"model": "offline", "x": NaN}', b"\xff{}"])
async def test_a_body_that_is_no_object_is_400(drop_in: DropIn, body: bytes) -> None:
    async with api(None) as client:
        answer = await client.post(drop_in.paths[0], content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("drop_in", JUDGING.values(), ids=lambda drop_in: drop_in.name)
async def test_a_lone_surrogate_is_400_and_a_body_too_large_413(drop_in: DropIn) -> None:
    async with api(None, more={"server": {"max_body_bytes": 1024}}) as client:
        answer = await client.post(drop_in.paths[0], content=b'{"model": "\\ud800"}')
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "model")
        answer = await client.post(drop_in.paths[0], content=b'{"model": "' + b"x" * 1024 + b'"}')
        assert answer.status_code == 413


@pytest.mark.parametrize("path", [path for drop_in in DROP_INS for path in drop_in.paths])
async def test_a_key_is_needed_and_may_stand_in_the_path(path: str) -> None:
    async with api(None, more={"api_keys": "sekret"}) as client:
        assert (await client.post(path, json={})).status_code == 401
        assert (await client.post("/k/wrong" + path, json={})).status_code == 401
        assert (await client.post("/k/sekret" + path, json={})).status_code == 400


@pytest.mark.parametrize("depth", [100, 260, 700, 990, 1022, 5000])
@pytest.mark.parametrize("drop_in", JUDGING.values(), ids=lambda drop_in: drop_in.name)
async def test_whatever_is_nested_however_deep_is_no_fault_of_the_service(drop_in: DropIn, depth: int) -> None:
    body = next(iter(drop_in.examples.values()))
    deep = "[" * depth + "]" * depth
    async with api(None) as client:
        for name in (*drop_in.body.model_fields, "other"):
            text = json.dumps({**body, name: "DEEP"}).replace('"DEEP"', deep)
            answer = await client.post(drop_in.paths[0], content=text)
            assert answer.status_code == 200 if (name, depth) == ("other", 100) else answer.status_code in (200, 400)
        answer = await client.post(drop_in.paths[0], json=body, params={"repeats": deep[:4000]})
        assert answer.status_code == 400


QUERIES: list[tuple[str, str]] = [
    ("colour=red", "colour"),
    ("orders=sideways", "orders"),
    ("repeats=many", "repeats"),
    ("repeats=%7B%22max%22", "repeats"),
    ("repeats=%7B%22most%22%3A1%7D", "repeats.most"),
    ("timeout=0", "timeout"),
    ("timeout=1e999", "timeout"),
    ("judge=", "judge"),
    ("on_failure=bad", "on_failure"),
    ("on_failure=nan", "on_failure"),
    ("on_failure=inf", "on_failure"),
    ("method=cot&method=direct", "method"),
    ("on_failure=1&on_failure=0", "on_failure"),
    ("escalate=%7B%22to%22%3A%22cot%22%2C%22below%22%3A0.8%7D", "escalate"),
]


@pytest.mark.parametrize(("query", "param"), QUERIES)
async def test_a_wrong_parameter_of_the_query_is_400_and_named(query: str, param: str) -> None:
    async with api(None) as client:
        answer = await client.post(f"{RERANK}?{query}", json=DOCUMENTS)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text


async def test_options_in_the_query_are_words_numbers_and_json(server: JudgeServer) -> None:
    query = {"strategy": "listwise", "repeats": "3", "include": "votes,raw", "seed": "7", "timeout": "9.5"}
    async with api(server) as client:
        answer = await client.post(RERANK, json=DOCUMENTS, params=query)
        assert answer.json()["judgment"]["strategy"] == "listwise"
        assert server.calls == 3
        answer = await client.post(RERANK, json=DOCUMENTS, params={**query, "repeats": '{"max": 2}'})
    assert answer.status_code == 200


@pytest.mark.parametrize("model", ["default", "m", "default/honesty", "m/honesty@1", None])
async def test_a_model_is_a_judge_or_its_models_id_and_may_name_a_rubric(server: JudgeServer, model: Any) -> None:
    async with api(server) as client:
        answer = await client.post(RERANK, json={**DOCUMENTS, "model": model})
    assert answer.status_code == 200
    assert answer.json()["model"] == "default"
    assert answer.json()["judgment"]["rubric"] == ("honesty" if model and "/" in model else "helpfulness")


@pytest.mark.parametrize(
    ("model", "status"), [("gpt-4", 404), ("default/none", 404), ("a/b/c", 404), ("", 404), (7, 400), (["m"], 400)]
)
async def test_a_model_that_is_no_judge_is_refused(server: JudgeServer, model: Any, status: int) -> None:
    async with api(server) as client:
        answer = await client.post(RERANK, json={**DOCUMENTS, "model": model})
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, "model")
    assert not server.calls


async def test_a_client_with_a_model_of_its_own_is_served_where_the_query_names_the_judge(server: JudgeServer) -> None:
    async with api(server) as client:
        answer = await client.post(RERANK, json={**DOCUMENTS, "model": "rerank-v3.5"}, params={"judge": "default"})
    assert answer.status_code == 200


async def test_the_query_wins_over_the_model_and_that_over_the_configuration() -> None:
    endpoint = {"rubric": "harmlessness", "strategy": "listwise"}

    async def told(client: httpx.AsyncClient, model: str | None, query: dict[str, str]) -> tuple[str, str]:
        answer = await client.post(RERANK, json={**DOCUMENTS, "model": model}, params=query)
        judgment = answer.json()["judgment"]
        return judgment["rubric"], judgment["strategy"]

    async with api(None, **configured(rerank=endpoint)) as client:
        assert await told(client, None, {}) == ("harmlessness", "listwise")
        assert await told(client, "offline", {}) == ("harmlessness", "listwise")
        assert await told(client, "offline/honesty", {}) == ("honesty", "listwise")
        assert await told(client, "offline/honesty", {"rubric": "general"}) == ("general", "listwise")
        assert await told(client, None, {"strategy": "round-robin"}) == ("harmlessness", "round-robin")


async def test_an_unscored_case_is_an_error_that_says_why(server: JudgeServer) -> None:
    server.rule = lambda _: error(400, "context too silly")
    async with api(server) as client:
        answer = await client.post(RERANK, json=DOCUMENTS)
    told = answer.json()["error"]
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "context too silly" in told["message"]
    assert told["code"] == "judge_error"


async def test_what_the_judge_would_say_again_need_not_be_asked_again(server: JudgeServer) -> None:
    server.rule = lambda _: said("I would rather not.")
    async with api(server) as client:
        answer = await client.post(RERANK, json=DOCUMENTS, params={"method": "cot"})
    assert (answer.status_code, answer.headers["x-should-retry"]) == (503, "false")
    assert answer.json()["error"]["code"] in ("unreadable", "refused")


async def test_time_that_runs_out_is_504(server: JudgeServer) -> None:
    async with api(server, key_env="") as client:
        server.rule = lambda _: error(503, "busy", retry_after="9")
        answer = await client.post(RERANK, json=DOCUMENTS, params={"timeout": "0.2"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "timeout")
    assert answer.headers["retry-after"]


@pytest.mark.parametrize("where", ["query", "configuration"])
async def test_on_failure_stands_in_and_is_marked(server: JudgeServer, where: str) -> None:
    server.rule = lambda _: error(400)
    told = configured(rerank={"on_failure": "0.25"}) if where == "configuration" else {}
    query = {"on_failure": "0.25"} if where == "query" else {}
    async with api(server, **told) as client:
        answer = await client.post(RERANK, json=DOCUMENTS, params=query)
        assert [result["relevance_score"] for result in answer.json()["results"]] == [0.25, 0.25]
        assert answer.headers["x-judge-unscored"] == "1"
        assert answer.headers["x-judge-status"] == "unscored"
        answer = await client.post(RERANK, json=DOCUMENTS, params={"on_failure": "null"})
        assert answer.status_code == 503


@pytest.mark.parametrize(
    ("endpoints", "told"),
    [
        ({"rerink": {}}, "endpoints.rerink: there is no such endpoint; there are "),
        ({"rerank": {"colour": "red"}}, "endpoints.rerank.colour: there is no parameter 'colour'"),
        ({"rerank": {"repeats": 0}}, "endpoints.rerank.repeats: repeats is a whole number"),
        ({"rerank": {"on_failure": "none"}}, "endpoints.rerank.on_failure: on_failure is a number"),
        ({"rerank": {"reward": "pointwise"}}, "endpoints.rerank.reward: there is no parameter"),
    ],
)
def test_a_wrong_section_is_refused_at_the_start_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, endpoints: dict[str, Any], told: str
) -> None:
    lines = "".join(f"[endpoints.{name}]\n" + _toml(section) for name, section in endpoints.items())
    Path("judge-service.toml").write_text(lines)
    ended = called(capsys, monkeypatch, "serve", "--offline", "--port", "0")
    assert ended.code == 2
    (line,) = ended.err.strip().splitlines()
    assert told in line


def _toml(section: dict[str, Any]) -> str:
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in section.items())


def test_an_endpoint_is_configured_by_variables_as_well() -> None:
    settings = read_settings(environ={"JUDGE_ENDPOINTS__RERANK__RUBRIC": "honesty"})
    assert settings.endpoints == {"rerank": {"rubric": "honesty"}}
    with pytest.raises(InvalidConfiguration, match="endpoints"):
        read_settings(flags={"endpoints": {"rerank": 7}}, environ={})
    assert Settings().endpoints == {}


@given(st.dictionaries(st.text(max_size=200), st.none(), max_size=50))
def test_the_header_of_ignored_fields_is_short_and_sane_whatever_the_names(body: dict[str, None]) -> None:
    body = {name: None for name in body if _is_text(name)}
    told = ignored(body, ())
    if not set(body) - {"model"}:
        assert told == {}
        return
    assert told[IGNORED].isascii()
    assert told[IGNORED].isprintable()
    assert len(told[IGNORED]) < 32 * 64 * 12 + 32 * 2 + 20
    assert told[IGNORED] == ignored(dict(reversed(body.items())), ())[IGNORED]


def _is_text(name: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


VALID = st.fixed_dictionaries(
    {},
    optional={
        "rubric": st.sampled_from(["helpfulness", "honesty@1", "7"])
        | st.just({"id": "x", "criteria": [{"name": "é"}]}),
        "judge": st.lists(st.sampled_from(["default", "b", "10"]), min_size=1, max_size=2, unique=True),
        "orders": st.sampled_from(["both", "one", "design"]),
        "repeats": st.integers(1, 9) | st.fixed_dictionaries({"max": st.integers(1, 9)}),
        "strategy": st.sampled_from(["listwise", "pointwise+pairs"]),
        "principle": st.sampled_from(["all", "1", "null"]),
        "truncate": st.just("never") | st.just({"candidate_tokens": 99}),
        "temperature": st.floats(0, 5),
        "max_tokens": st.integers(1, 99) | st.none(),
        "seed": st.integers(-(2**53), 2**53),
        "timeout": st.floats(0.001, 1000),
        "include": st.lists(st.sampled_from(["votes", "raw"]), min_size=1, max_size=2),
        "card": st.sampled_from(["none", "123"]),
    },
)


@given(VALID, st.none() | st.floats(allow_nan=False, allow_infinity=False))
def test_an_option_means_in_the_query_what_it_means_in_a_body(
    options: dict[str, Any], on_failure: float | None
) -> None:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in options.items()}
    texts["on_failure"] = json.dumps(on_failure)
    service = JudgingService({}, Library({}, {}))
    told = told_for(service, "rank", {}, None, QueryParams(texts), ("group",))
    assert told.options == options_from(options, "rank")
    assert told.options.told == options_from(options, "rank").told
    assert told.on_failure == on_failure
    assert told.beside == {}
    configured = told_for(service, "rank", {**options, "group": 8}, None, QueryParams({}), ("group",))
    assert (configured.options, configured.beside) == (told.options, {"group": "8"})


async def test_a_caller_that_hangs_up_ends_its_work(server: JudgeServer) -> None:
    never = asyncio.Event()
    rule = server.rule
    server.rule = lambda _: said("too late", waits=never)
    narrow = {"server": {"cases_in_flight": 1}}
    async with served(server, more=narrow) as url, httpx.AsyncClient(timeout=None) as client, asyncio.timeout(20):
        hanging = asyncio.create_task(client.post(url + RERANK, json=DOCUMENTS))
        await server.asked_for(1)
        hanging.cancel()
        await asyncio.wait([hanging])
        server.rule = rule
        answer = await client.post(url + RERANK, json={**DOCUMENTS, "query": "Another."})
        never.set()
    assert answer.status_code == 200


async def test_the_metrics_know_a_drop_in_by_its_path(server: JudgeServer) -> None:
    async with api(server) as client:
        await client.post("/v2/rerank", json=DOCUMENTS)
        told = (await client.get("/metrics")).text
    assert 'judge_requests_total{path="/v2/rerank",status="200"} 1.0' in told
    assert 'judge_judgments_total{kind="ranking",status="judged"} 1.0' in told
