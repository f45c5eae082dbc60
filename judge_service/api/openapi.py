"""What the OpenAPI page says of the routes that read their bodies themselves, with examples that run as written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from judge_service.api.access import OPEN_PATHS
from judge_service.api.drop_ins.drop_in import DropIn
from judge_service.api.job_schemas import BatchRequest, UploadForm
from judge_service.api.schemas import (
    CasesRequest,
    ErrorBody,
    JudgmentBody,
    JudgmentList,
    OneCaseRequest,
    RankCasesRequest,
    RankOneCaseRequest,
)

NDJSON: Final = "application/x-ndjson"
_REF: Final = "#/components/schemas/{model}"
_MODELS: Final = (
    OneCaseRequest,
    CasesRequest,
    RankOneCaseRequest,
    RankCasesRequest,
    JudgmentBody,
    JudgmentList,
    ErrorBody,
    BatchRequest,
    UploadForm,
)

_PRIME: Final[dict[str, Any]] = {
    "prompt": "Name a prime number.",
    "candidates": ["7 is a prime number.", "I like turtles."],
}
_EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "compare": {
        "one case": _PRIME,
        "many cases, one rubric": {
            "rubric": "honesty",
            "cases": [
                {"id": "x", **_PRIME},
                {
                    "id": "y",
                    "prompt": [{"role": "user", "content": "Is the Earth flat?"}],
                    "candidates": [
                        {"id": "one", "content": "No. It is close to a sphere.", "model": "model-1"},
                        {"id": "two", "content": "Many people say so, and you may be right!", "model": "model-2"},
                    ],
                },
            ],
        },
    },
    "score": {
        "one response": {"prompt": "Why is the sky blue?", "response": "Air scatters blue light more than red light."},
        "several responses": {
            "prompt": "Why is the sky blue?",
            "candidates": ["Rayleigh scattering.", "It is the sea."],
        },
    },
    "rank": {
        "three candidates": {"prompt": "Name a prime number.", "candidates": ["7", "9", "No."]},
        "four shuffled rankings and their agreement": {
            "prompt": "Name a prime number.",
            "candidates": ["7", "9", "No."],
            "strategy": "listwise",
            "repeats": 4,
        },
    },
}
_SUMMARIES: Final = {
    "compare": "Which of two candidates is better: one case inline, or many under `cases`",
    "score": "How good each candidate is, criterion by criterion",
    "rank": "The order of all candidates",
}
_ERRORS: Final = {
    400: "The envelope, an option or the inline case is wrong; `param` names the field",
    401: "The API key is missing or wrong",
    403: "This address may not call",
    404: "There is no such rubric or judge",
    409: "The judge is no longer the one that `judge_digest` names",
    413: "The body is too large, or holds too many cases",
    429: "The queue is full",
    503: "The judge is down for every case",
    504: "The deadline passed with nothing finished",
}

_QUERY: Final = {
    "rubric": "A rubric's id, id@version, or a whole one as JSON",
    "judge": "A judge's name",
    "method": "auto, direct or cot",
    "orders": "both, one, audited; design where responses are ranked",
    "on_failure": "The number that a case without a verdict is answered with; without it that is an error",
}
_TOLD_IN_QUERY: Final = (
    "Every option of judging may stand in the query as text; `[endpoints.{name}]` in the configuration has their "
    "defaults. `model` names a judge, or `judge/rubric`. Fields that are not read are named in `x-judge-ignored`."
)


def _ref(model: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=model)}


_PLACE: Final = {"type": "integer", "minimum": 0, "description": "The case's place in the request; ids may repeat."}
_LINE: Final = {
    "allOf": [_ref("JudgmentBody"), {"type": "object", "required": ["index"], "properties": {"index": _PLACE}}]
}


def described_body(model: str, media_type: str) -> dict[str, Any]:
    """What a route that reads its body itself is documented with."""
    return {"required": True, "content": {media_type: {"schema": _ref(model)}}}


def _operation(task: str) -> dict[str, Any]:
    """What a judging route is documented with."""
    prefix = "Rank" if task == "rank" else ""
    body = {"anyOf": [_ref(f"{prefix}OneCaseRequest"), _ref(f"{prefix}CasesRequest")]}
    examples = {name: {"value": value} for name, value in _EXAMPLES[task].items()}
    answer = {"anyOf": [_ref("JudgmentBody"), _ref("JudgmentList")]}
    found = {
        "description": "One judgment, or a list of them",
        "content": {"application/json": {"schema": answer}, NDJSON: {"schema": _LINE}},
    }
    return {
        "tags": ["judging"],
        "summary": _SUMMARIES[task],
        "operationId": task,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body, "examples": examples}}},
        "responses": {"200": found, **_errors()},
    }


def _errors() -> dict[str, Any]:
    return {str(status): _error(text) for status, text in _ERRORS.items()}


def judging_paths() -> dict[str, Any]:
    """The judging routes as OpenAPI paths."""
    return {f"/v1/{task}": {"post": _operation(task)} for task in _EXAMPLES}


def drop_in_paths(drop_ins: Sequence[DropIn]) -> dict[str, Any]:
    """The drop-in endpoints as OpenAPI paths."""
    return {path: {"post": _drop_in(drop_in, path)} for drop_in in drop_ins for path in drop_in.paths}


def _drop_in(drop_in: DropIn, path: str) -> dict[str, Any]:
    """What a drop-in endpoint is documented with, at one of its paths."""
    examples = {name: {"value": value} for name, value in drop_in.examples.items()}
    body = {"schema": _ref(drop_in.body.__name__), "examples": examples}
    result: dict[str, Any] = {"application/json": {"schema": _ref(drop_in.result.__name__)}}
    errors = _errors()
    if drop_in.passes_on:
        result["text/event-stream"] = {"schema": {"type": "string"}}
        errors = {status: {"description": told["description"]} for status, told in errors.items()}
        errors["default"] = {"description": "What the judge's server answered"}
    return {
        "tags": ["drop-in"],
        "summary": drop_in.summary,
        "description": _TOLD_IN_QUERY.format(name=drop_in.name) if drop_in.task else "",
        "operationId": drop_in.name + path.replace("/", "_"),
        "parameters": [_in_query(name, text) for name, text in _parameters(drop_in).items()],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {"200": {"description": "The answer", "content": result}, **errors},
    }


def _parameters(drop_in: DropIn) -> dict[str, str]:
    return {**(_QUERY if drop_in.task else {}), **drop_in.beside}


def _in_query(name: str, text: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": text, "schema": {"type": "string"}}


def described(schema: dict[str, Any], drop_ins: Sequence[DropIn] = ()) -> dict[str, Any]:
    """FastAPI's page with the judging routes on it, and with what every route answers for want of a key or of sense."""
    parts = schema.setdefault("components", {})
    parts.setdefault("schemas", {}).update(_schemas(drop_ins))
    parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            operation["responses"] = _with_errors(operation["responses"], path)
    schema["paths"] = {**judging_paths(), **drop_in_paths(drop_ins), **schema["paths"]}
    # An empty one beside it: where no keys are set, none is needed.
    schema["security"] = [{"key": []}, {}]
    return schema


def _with_errors(told: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A catalogue route's answers: errors have a body, and what FastAPI would answer 422 is 400 here."""
    responses = dict(told)
    if responses.pop("422", None):
        responses["400"] = {"description": "A part of the path is wrong"}
    if path not in OPEN_PATHS:
        responses.update({status: {"description": _ERRORS[int(status)]} for status in ("401", "403")})
    return {
        status: answer if status == "200" else _error(answer["description"]) for status, answer in responses.items()
    }


def _error(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _ref("ErrorBody")}}}


def _schemas(drop_ins: Sequence[DropIn]) -> dict[str, Any]:
    """The schemas the routes refer to."""
    models: list[type[BaseModel]] = [*_MODELS]
    models += dict.fromkeys(model for d in drop_ins for model in (d.body, d.result))
    _, told = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    definitions: dict[str, Any] = told["$defs"]
    return definitions
