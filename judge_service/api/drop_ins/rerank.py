"""POST /v1/rerank, /v2/rerank and /rerank, as Cohere's, Jina's and vLLM's clients send it.

The query is the prompt and the documents are the responses to it. A `relevance_score` is the mean probability of being
better than another of the documents, in [0, 1]: it says which is better, and does not compare across requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import BaseModel, Field, JsonValue
from starlette.responses import Response

from judge_service.api.drop_ins.call import Call, judged, under_their_names, unscored
from judge_service.api.drop_ins.drop_in import DropIn
from judge_service.api.drop_ins.told_options import to_score
from judge_service.domain.judgments import Judgment
from judge_service.domain.option_values import shown, whole
from judge_service.domain.options import Options, Truncation
from judge_service.domain.parsing import MAX_CANDIDATES, case_from
from judge_service.domain.verdicts import Ranking, Scorecard
from judge_service.errors import InvalidCase

_KNOWN: Final = ("query", "documents", "top_n", "return_documents", "rank_fields", "max_tokens_per_doc")
_THEIRS: Final = {"prompt": "query", "candidates": "documents", "response": "documents[0]"}
_LEAST_CUT: Final = 16


async def rerank(call: Call) -> Response:
    """The documents, best first."""
    asked = _asked(call.body)
    judgment = await _judgment(call, asked)
    scores = _scores(judgment)
    if scores is None:
        if call.on_failure is None:
            raise unscored(judgment)
        scores = [call.on_failure] * len(asked.texts)
    return call.answer(_told(asked, judgment, scores), _KNOWN, [judgment])


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a body asks.

    Attributes:
        texts: of each document.
        documents: each as it is given back.
        most: how many are wanted.
        cut: how many tokens of a document are read; None for all.
    """

    query: Any
    texts: Sequence[str]
    documents: Sequence[Mapping[str, Any]] | None
    most: int
    cut: int | None


def _asked(body: Mapping[str, Any]) -> _Asked:
    """A checked body.

    Raises:
        InvalidRequest: naming the field.
    """
    given = body.get("documents")
    if not isinstance(given, list) or not given:
        raise InvalidCase("documents is a list of one or more", "documents")
    if len(given) > MAX_CANDIDATES:
        raise InvalidCase(f"at most {MAX_CANDIDATES:,} documents can be ranked; got {len(given):,}", "documents")
    if body.get("query") is None:
        raise InvalidCase("query is missing", "query")
    fields = _fields(body.get("rank_fields"))
    texts = [_text(document, fields, f"documents[{i}]") for i, document in enumerate(given)]
    wanted = body.get("return_documents")
    if wanted is not None and not isinstance(wanted, bool):
        raise InvalidCase(f"return_documents is true or false; got {shown(wanted)}", "return_documents")
    documents = [_returned(document, text) for document, text in zip(given, texts, strict=True)]
    most, cut = _count(body, "top_n"), _count(body, "max_tokens_per_doc")
    return _Asked(body["query"], texts, documents if wanted is not False else None, most or len(texts), cut)


def _fields(value: Any) -> Sequence[str]:
    """Which fields of a document that is an object are read."""
    if value is None:
        return ("text",)
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        raise InvalidCase(f"rank_fields is a list of names; got {shown(value)}", "rank_fields")
    return value


def _text(document: Any, fields: Sequence[str], at: str) -> str:
    """A document as a text; several fields of one stand below each other under their names."""
    if isinstance(document, str):
        return document
    if not isinstance(document, Mapping):
        raise InvalidCase(f"a document is a string, or an object with text; got {shown(document)}", at)
    found = {name: document[name] for name in fields if document.get(name) is not None}
    if not found:
        raise InvalidCase(f"a document that is an object has {' or '.join(fields)}", f"{at}.{fields[0]}")
    for name, value in found.items():
        if not isinstance(value, str):
            raise InvalidCase(f"a document's {name} is a string; got {shown(value)}", f"{at}.{name}")
    if len(fields) == 1:
        return str(found[fields[0]])
    return "\n".join(f"{name}: {value}" for name, value in found.items())


def _returned(document: Any, text: str) -> Mapping[str, Any]:
    return {"text": text} if isinstance(document, str) else {"text": text, **document}


def _count(body: Mapping[str, Any], name: str) -> int | None:
    """A number of documents or tokens; 0 is no limit."""
    value = body.get(name)
    return None if value is None else whole(0, 2**31)(value, name) or None


async def _judgment(call: Call, asked: _Asked) -> Judgment:
    """A ranking; the scorecard of a document that has nobody to beat."""
    options = _cut(call.options, asked.cut)
    with under_their_names(_THEIRS):
        if len(asked.texts) == 1:
            case = case_from({"prompt": asked.query, "response": asked.texts[0]}, "score")
            return await call.caller_for("score", to_score(options)).judgment(case)
        case = case_from({"prompt": asked.query, "candidates": asked.texts}, "rank")
        return await call.caller_for("rank", options).judgment(case)


def _cut(options: Options, tokens: int | None) -> Options:
    """The options with the caller's limit on a document, which the query's own word on truncation overrules."""
    if tokens is None or "truncate" in options.told:
        return options
    cut = Truncation(max(tokens, _LEAST_CUT))
    return replace(options, truncate=cut, told=options.told | {"truncate"})


def _scores(judgment: Judgment) -> list[float] | None:
    """Of each document in the order given its score; None where there is none."""
    verdict = judgment.verdict
    if judgment.status != "judged":
        return None
    if isinstance(verdict, Scorecard):
        return None if verdict.normalized is None else [verdict.normalized]
    if not isinstance(verdict, Ranking) or verdict.scores is None:
        return None
    return [verdict.scores[name] for name in judgment.candidates]


def _told(asked: _Asked, judgment: Judgment, scores: Sequence[float]) -> dict[str, Any]:
    verdict, usage = judgment.verdict, judgment.usage
    ranking = verdict if isinstance(verdict, Ranking) else None
    ranks = ranking.ranks if ranking is not None else None
    results = [
        {
            "index": place,
            "relevance_score": scores[place],
            **({} if asked.documents is None else {"document": asked.documents[place]}),
            "rank": ranks[judgment.candidates[place]] if ranks else None,
        }
        for place in sorted(range(len(scores)), key=lambda place: -scores[place])
    ]
    return {
        "id": judgment.id,
        "model": judgment.provenance.judges[0].name if judgment.provenance else None,
        "results": results[: asked.most],
        "meta": {"tokens": {"input_tokens": usage.prompt_tokens, "output_tokens": usage.completion_tokens}},
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "total_tokens": usage.prompt_tokens + usage.completion_tokens,
            "judge_calls": usage.judge_calls,
            "cache_hits": usage.cache_hits,
        },
        "judgment": {
            "kind": judgment.kind,
            "status": judgment.status,
            "failure": judgment.failure,
            "rubric": judgment.provenance.rubric.id if judgment.provenance else None,
            "strategy": ranking.strategy if ranking else None,
            "kendall_w": ranking.kendall_w if ranking else None,
        },
    }


class RerankRequest(BaseModel):
    """A query, and documents to put in order."""

    model: str | None = Field(None, description="A judge, or judge/rubric")
    query: str = Field(description="The prompt; a list of messages does as well")
    documents: list[str | dict[str, JsonValue]] = Field(min_length=1, max_length=MAX_CANDIDATES)
    top_n: int | None = Field(None, ge=0, description="How many are returned; 0 is all")
    return_documents: bool | None = Field(None, description="False: only their places and scores are returned")
    rank_fields: list[str] | None = Field(None, description="Which fields are read of documents that are objects; text")
    max_tokens_per_doc: int | None = Field(
        None,
        ge=0,
        description="Longer documents are cut in the middle, to 16 at least; 0 or none: never",
    )


class RankedDocument(BaseModel):
    """A document's place in the request, and how good it is."""

    index: int
    relevance_score: float = Field(description="The mean probability of being better than another document")
    document: dict[str, JsonValue] | None = None
    rank: int | None = Field(description="1 is best, equals share it; null for one alone, whose score is absolute")


class RerankAnswer(BaseModel):
    """The documents, best first; equals stay in the order they came in."""

    id: str
    model: str | None
    results: list[RankedDocument]
    meta: dict[str, JsonValue]
    usage: dict[str, int]
    judgment: dict[str, JsonValue]


DROP_IN: Final = DropIn(
    name="rerank",
    task="rank",
    paths=("/v1/rerank", "/v2/rerank", "/rerank"),
    answers=judged("rerank", "rank", rerank),
    summary="Responses to a prompt, best first, as rerank clients ask for documents",
    body=RerankRequest,
    result=RerankAnswer,
    examples={
        "the best two": {"query": "Name a prime number.", "documents": ["9", "7", "I like turtles."], "top_n": 2},
        "documents that are objects": {
            "query": "Name a prime number.",
            "documents": [{"text": "7"}, {"text": "9"}],
            "return_documents": False,
        },
    },
)
