"""Cohere's own client reranks, with nothing changed but its address."""

import asyncio
from collections.abc import Iterator

import cohere
import pytest
from serving import Served

QUERY = "Name a prime number."
DOCUMENTS = ["8 (worth 1)", "7 (worth 9)", "turtles (worth 5)"]
BEST_FIRST = [1, 2, 0]
Client = cohere.Client | cohere.ClientV2


@pytest.fixture(params=[cohere.Client, cohere.ClientV2], ids=["v1", "v2"])
def client(service: Served, request: pytest.FixtureRequest) -> Iterator[Client]:
    """Both of its clients."""
    with request.param(api_key="none", base_url=service.url) as opened:
        yield opened


def test_documents_come_back_best_first(client: Client) -> None:
    answer = client.rerank(model="default", query=QUERY, documents=DOCUMENTS)
    scores = [result.relevance_score for result in answer.results]
    assert [result.index for result in answer.results] == BEST_FIRST
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert answer.id is not None
    assert answer.id.startswith("jdg_")
    assert answer.meta is not None
    assert answer.meta.tokens is not None
    assert answer.meta.tokens.input_tokens is not None


def test_as_many_come_back_as_are_wanted(client: Client) -> None:
    answer = client.rerank(model="m/honesty", query=QUERY, documents=DOCUMENTS, top_n=2)
    assert [result.index for result in answer.results] == BEST_FIRST[:2]


def test_one_document_is_scored_by_itself(client: Client) -> None:
    (result,) = client.rerank(model="default", query=QUERY, documents=DOCUMENTS[1:2]).results
    assert result.index == 0
    assert 0 <= result.relevance_score <= 1


def test_documents_may_be_objects_and_are_returned(service: Served) -> None:
    documents = [{"text": text} for text in DOCUMENTS]
    with cohere.Client(api_key="none", base_url=service.url) as client:
        answer = client.rerank(model="default", query=QUERY, documents=documents, return_documents=True)
    assert [result.index for result in answer.results] == BEST_FIRST
    assert [result.document.text if result.document else None for result in answer.results] == [
        DOCUMENTS[place] for place in BEST_FIRST
    ]


def test_the_fields_that_are_named_are_read(service: Served) -> None:
    documents = [{"title": "One", "body": text} for text in DOCUMENTS]
    with cohere.Client(api_key="none", base_url=service.url) as client:
        answer = client.rerank(model="default", query=QUERY, documents=documents, rank_fields=["title", "body"])
    assert [result.index for result in answer.results] == BEST_FIRST


def test_many_at_once_without_an_event_loop_blocked(service: Served) -> None:
    async def ranked() -> list[list[int]]:
        async with cohere.AsyncClientV2(api_key="none", base_url=service.url) as client:
            asked = [client.rerank(model="default", query=f"{QUERY} ({i})", documents=DOCUMENTS) for i in range(16)]
            return [[result.index for result in answer.results] for answer in await asyncio.gather(*asked)]

    assert asyncio.run(ranked()) == [BEST_FIRST] * 16


def test_what_is_wrong_is_told_as_cohere_tells_it(client: Client) -> None:
    with pytest.raises(cohere.NotFoundError, match="there is no judge"):
        client.rerank(model="rerank-v3.5", query=QUERY, documents=DOCUMENTS)
    with pytest.raises(cohere.BadRequestError, match="documents"):
        client.rerank(model="default", query=QUERY, documents=[])


def test_what_the_judge_cannot_say_is_an_error_and_never_a_score(service: Served) -> None:
    service.behave(label_mass=0.0)
    with cohere.ClientV2(api_key="none", base_url=service.url) as client, pytest.raises(cohere.ServiceUnavailableError):
        client.rerank(
            model="default", query=f"{QUERY} And why?", documents=DOCUMENTS, request_options={"max_retries": 0}
        )
