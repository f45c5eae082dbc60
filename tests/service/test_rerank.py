"""Reranking in Cohere's, Jina's and vLLM's shapes: the best first, with scores that a ranking has."""

import itertools
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judge_server import JudgeServer, error
from services import LIST, ONE, api

from judge_service.api.drop_ins.call import IGNORED

QUERY = LIST["prompt"]
TEXTS = ["8 (worth 1)", "7 (worth 3)", "turtles (worth 0)"]
PATHS = ("/v1/rerank", "/v2/rerank", "/rerank")
# The bytes that cohere 7.3.1 sends, and in the shapes of Jina's and vLLM's examples.
STOCK = {
    "cohere v1": b'{"model": "default", "query": "q", "documents": [{"text": "x (worth 1)"}, "y (worth 2)"], '
    b'"top_n": 2, "rank_fields": ["text"], "return_documents": true, "max_chunks_per_doc": 10}',
    "cohere v2": b'{"model": "default", "query": "q", "documents": ["x (worth 1)", "y (worth 2)"], "top_n": 2, '
    b'"max_tokens_per_doc": 4096, "priority": 0}',
    "jina": b'{"model": "default", "query": "q", "top_n": 3, "documents": ["x (worth 1)", "y (worth 2)"], '
    b'"return_documents": true, "truncation": true}',
    "vllm": b'{"model": "m", "query": "q", "documents": ["x (worth 1)", "y (worth 2)"], "top_n": 0, '
    b'"truncate_prompt_tokens": null, "use_activation": null}',
}


def indices(answer: httpx.Response) -> list[int]:
    return [result["index"] for result in answer.json()["results"]]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stock", STOCK)
async def test_a_stock_clients_request_is_answered_as_it_reads_it(server: JudgeServer, path: str, stock: str) -> None:
    async with api(server) as client:
        answer = await client.post(path, content=STOCK[stock], headers={"content-type": "application/json"})
    told = answer.json()
    assert answer.status_code == 200
    assert isinstance(told["id"], str)
    assert indices(answer) == [1, 0]
    best, worst = told["results"]
    assert 0 < worst["relevance_score"] < 0.5 < best["relevance_score"] < 1
    assert (best["document"], best["rank"]) == ({"text": "y (worth 2)"}, 1)
    assert told["meta"]["tokens"].keys() == {"input_tokens", "output_tokens"}
    assert told["usage"]["total_tokens"] >= told["usage"]["prompt_tokens"] > 0
    ignored = {"cohere v1": "max_chunks_per_doc", "cohere v2": "priority", "jina": "truncation",
               "vllm": "truncate_prompt_tokens, use_activation"}  # fmt: skip
    assert answer.headers[IGNORED] == ignored[stock]


async def test_the_scores_are_those_of_the_ranking(server: JudgeServer) -> None:
    async with api(server) as client:
        answer = await client.post("/v2/rerank", json={"query": QUERY, "documents": TEXTS})
        ranked = (await client.post("/v1/rank", json=LIST)).json()
    told = answer.json()
    assert told["id"] == ranked["id"]
    scores = ranked["verdict"]["scores"]
    assert {"abc"[result["index"]]: result["relevance_score"] for result in told["results"]} == scores
    assert [result["rank"] for result in told["results"]] == [1, 2, 3]
    assert told["judgment"]["kind"] == "ranking"


async def test_the_order_in_which_documents_come_changes_nothing(server: JudgeServer) -> None:
    async with api(server) as client:
        for order in itertools.permutations(range(3)):
            answer = await client.post("/v2/rerank", json={"query": QUERY, "documents": [TEXTS[i] for i in order]})
            assert [order[place] for place in indices(answer)] == [1, 0, 2]


@pytest.mark.parametrize(("top_n", "count"), [(None, 3), (0, 3), (1, 1), (2, 2), (3, 3), (99, 3)])
async def test_top_n_says_how_many_are_returned(server: JudgeServer, top_n: int | None, count: int) -> None:
    async with api(server) as client:
        answer = await client.post("/v1/rerank", json={"query": QUERY, "documents": TEXTS, "top_n": top_n})
    assert indices(answer) == [1, 0, 2][:count]


async def test_documents_are_returned_unless_they_are_not_wanted(server: JudgeServer) -> None:
    body: dict[str, Any] = {"query": QUERY, "documents": TEXTS}
    async with api(server) as client:
        with_them = (await client.post("/v1/rerank", json=body)).json()["results"]
        without = (await client.post("/v1/rerank", json={**body, "return_documents": False})).json()["results"]
    assert [result["document"]["text"] for result in with_them] == [TEXTS[result["index"]] for result in with_them]
    assert all("document" not in result for result in without)


async def test_the_fields_of_a_document_that_are_named_are_read(server: JudgeServer) -> None:
    documents = [{"title": "One", "body": "8 (worth 1)", "n": "x"}, {"title": "Two", "body": "7 (worth 3)"}]
    async with api(server) as client:
        body = {"query": QUERY, "documents": documents, "rank_fields": ["title", "body"]}
        answer = await client.post("/v1/rerank", json=body)
    assert indices(answer) == [1, 0]
    assert answer.json()["results"][0]["document"] == {"text": "title: Two\nbody: 7 (worth 3)", **documents[1]}
    assert all("title: One\nbody: 8 (worth 1)" in prompt for prompt in server.prompts())


async def test_equal_documents_share_their_rank_and_stay_in_their_order(server: JudgeServer) -> None:
    documents = ["8 (worth 1)", "7 (worth 3)", "8 (worth 1)", "8 (worth 1)"]
    async with api(server) as client:
        answer = await client.post("/v1/rerank", json={"query": QUERY, "documents": documents})
        tied = await client.post("/v1/rerank", json={"query": QUERY, "documents": ["", "", ""]})
    assert indices(answer) == [1, 0, 2, 3]
    assert [result["rank"] for result in answer.json()["results"]] == [1, 2, 2, 2]
    assert indices(tied) == [0, 1, 2]
    assert {result["relevance_score"] for result in tied.json()["results"]} == {0.5}


async def test_one_document_has_nobody_to_beat_and_is_scored(server: JudgeServer) -> None:
    async with api(server) as client:
        body = {"query": ONE["prompt"], "documents": [ONE["response"]]}
        answer = await client.post("/v1/rerank", json=body, params={"strategy": "listwise", "repeats": "4"})
        scored = (await client.post("/v1/score", json=ONE)).json()
    told = answer.json()
    (result,) = told["results"]
    assert result["relevance_score"] == scored["verdict"]["normalized"]
    assert result["rank"] is None
    assert told["judgment"]["kind"] == "scorecard"


async def test_a_document_that_is_too_long_is_cut_where_that_was_asked_for(server: JudgeServer) -> None:
    documents = ["8 (worth 1)", "7 (worth 3) " + "and so on " * 400]
    body = {"query": QUERY, "documents": documents}
    async with api(server) as client:
        await client.post("/v2/rerank", json=body)
        assert not any("left out" in prompt for prompt in server.prompts())
        server.asked.clear()
        answer = await client.post("/v2/rerank", json={**body, "max_tokens_per_doc": 32})
        assert any("left out" in prompt for prompt in server.prompts())
        assert answer.json()["results"][0]["document"]["text"] == documents[1]
        server.asked.clear()
        await client.post("/v2/rerank", json={**body, "max_tokens_per_doc": 64}, params={"truncate": "never"})
    assert not any("left out" in prompt for prompt in server.prompts())


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "documents"),
    ({"documents": []}, "documents"),
    ({"documents": "x"}, "documents"),
    ({"documents": {"text": "x"}}, "documents"),
    ({"documents": ["x"] * 1001}, "documents"),
    ({"documents": ["x", 7]}, "documents[1]"),
    ({"documents": ["x", None]}, "documents[1]"),
    ({"documents": [{}]}, "documents[0].text"),
    ({"documents": ["x", {"text": 7}]}, "documents[1].text"),
    ({"documents": [{"text": "x"}], "rank_fields": ["title"]}, "documents[0].title"),
    ({"documents": ["x"], "rank_fields": []}, "rank_fields"),
    ({"documents": ["x"], "rank_fields": "text"}, "rank_fields"),
    ({"documents": ["x", "y"], "query": None}, "query"),
    ({"documents": ["x", "y"], "query": 7}, "query"),
    ({"documents": ["x", "y"], "query": []}, "query"),
    ({"documents": ["x", "y"], "query": [{"role": "king", "content": ""}]}, "query[0].role"),
    ({"documents": ["x", "y"], "top_n": -1}, "top_n"),
    ({"documents": ["x", "y"], "top_n": 1.5}, "top_n"),
    ({"documents": ["x", "y"], "top_n": True}, "top_n"),
    ({"documents": ["x", "y"], "return_documents": 1}, "return_documents"),
    ({"documents": ["x", "y"], "max_tokens_per_doc": "4"}, "max_tokens_per_doc"),
]


@pytest.mark.parametrize(("wrong", "param"), WRONG)
async def test_a_wrong_field_is_400_and_named_as_it_is_in_the_body(
    server: JudgeServer, wrong: dict[str, Any], param: str
) -> None:
    async with api(server) as client:
        answer = await client.post("/v1/rerank", json={"query": "q", **wrong})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text
    assert "candidates" not in answer.json()["error"]["message"]
    assert not server.calls


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2000) | st.floats(-9, 9) | st.text(max_size=8),
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(st.sampled_from(["text", "role", "content", "x"]), part, max_size=3)
    ),
    max_leaves=8,
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "query": st.just("q") | json_like,
        "documents": st.lists(st.text(max_size=5) | json_like, max_size=4) | json_like,
        "top_n": json_like,
        "return_documents": json_like,
        "rank_fields": json_like,
        "max_tokens_per_doc": json_like,
        "other": json_like,
    },
)


@settings(max_examples=10, deadline=None)
@given(st.lists(BODIES, min_size=20, max_size=20))
async def test_whatever_is_sent_is_ranked_or_refused(bodies: list[dict[str, Any]]) -> None:
    async with api(None, cache="none") as client:
        for body in bodies:
            answer = await client.post("/v2/rerank", json=body)
            assert answer.status_code in (200, 400), answer.text
            if answer.status_code == 400:
                assert answer.json()["error"]["param"] is not None
                continue
            results = answer.json()["results"]
            assert len(results) == min(body.get("top_n") or len(body["documents"]), len(body["documents"]))
            scores = [result["relevance_score"] for result in results]
            assert scores == sorted(scores, reverse=True)
            assert all(0 <= score <= 1 for score in scores)
            assert len({result["index"] for result in results}) == len(results)


async def test_what_fails_in_part_has_no_scores(server: JudgeServer) -> None:
    answers = itertools.count()
    rule = server.rule
    server.rule = lambda asked: error(400) if next(answers) == 0 else rule(asked)
    async with api(server) as client:
        answer = await client.post("/v2/rerank", json={"query": QUERY, "documents": TEXTS})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "partial")
