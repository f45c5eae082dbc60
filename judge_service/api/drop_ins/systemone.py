"""POST /v1/systemone, as vLLM answers it: choices, scores and yes-or-no questions by id about one state."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.responses import Response

from judge_service.api.answers import json_response
from judge_service.api.drop_ins.call import Call, ignored, judged
from judge_service.api.drop_ins.deciding import decided, evidence_of, headers_of, unanswered, unknown_in, usage_of
from judge_service.api.drop_ins.drop_in import DropIn
from judge_service.domain.cases import Content, Message
from judge_service.domain.decisions import DecisionAnswer, DecisionQuestion, DecisionType, Inquiry, Option
from judge_service.domain.images import image_from
from judge_service.domain.inquiries import MAX_OPTIONS, MAX_QUESTIONS, json_text, listed
from judge_service.domain.parsing import content_from
from judge_service.errors import InvalidCase

_FIELDS: Final = ("model", "state", "questions", "instructions", "images", "audio", "videos")
_QUESTION_FIELDS: Final = ("type", "instructions", "criteria")
_SIDES: Final = ("true", "false")


async def _answer(call: Call) -> Response:
    inquiry = _inquiry(call.body)
    found = await decided(call, inquiry)
    answers = {}
    for answer in found.answers:
        told = _told(answer) if answer.failure is None else _instead(answer, call.on_failure)
        answers[str(answer.question.name)] = {**told, **evidence_of(answer, call.options)}
    content = {
        "id": f"decision-{uuid4().hex}",
        "object": "structured_decision",
        "created": int(time.time()),
        "model": found.judge.model,
        "answers": answers,
        "usage": usage_of(found.usage),
        "diagnostics": {str(answer.question.name): _diagnostics(answer) for answer in found.answers},
    }
    return json_response(content, headers=ignored(_with_unknown(call.body), _FIELDS) | headers_of(found))


def _told(answer: DecisionAnswer) -> dict[str, Any]:
    """One answer in vLLM's shape."""
    question, probabilities = answer.question, answer.probabilities or ()
    by_value = {str(o.value): p for o, p in zip(question.options, probabilities, strict=True)}
    if question.type == "predicate":
        found: dict[str, Any] = {"type": "noul", "noul": probabilities[0], "probabilities": by_value}
    elif question.type == "choice":
        found = {"type": "choice", "choice": str(question.options[answer.top].value), "probabilities": by_value}
    else:
        found = {
            "type": "score",
            "score": answer.level,
            "legend": {str(i): str(option.value) for i, option in enumerate(question.options)},
            "probabilities": {str(i): p for i, p in enumerate(probabilities)},
        }
    return {**found, "confidence": answer.confidence}


def _instead(answer: DecisionAnswer, on_failure: float | None) -> dict[str, Any]:
    """What stands for an answer that is missing: the number the caller wants there, if a number can.

    Raises:
        Problem: there is none; the shape has no refusals.
    """
    question, failure = answer.question, answer.failure
    assert failure is not None
    if on_failure is None or question.type == "choice":
        raise unanswered(f"question '{question.name}'", failure)
    kind = "noul" if question.type == "predicate" else "score"
    return {"type": kind, kind: on_failure, "probabilities": {}, "confidence": 0.0, "failure": failure}


def _diagnostics(answer: DecisionAnswer) -> dict[str, Any]:
    """How much of what the judge could have said the labels were; null where it answered in words.

    Whether its likeliest token was a label is certain where the likeliest label outweighs all else together.
    """
    mass = answer.label_mass
    if answer.probabilities is None or mass is None:
        return {"label_mass": mass, "argmax_is_label": answer.probabilities is not None}
    return {"label_mass": mass, "argmax_is_label": max(answer.probabilities) * mass >= 1.0 - mass}


def _with_unknown(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body, and the fields of its questions that nobody reads."""
    told = dict(body)
    for name, question in body["questions"].items():
        told |= unknown_in(question, _QUESTION_FIELDS, f"questions.{name}")
    return told


def _inquiry(body: Mapping[str, Any]) -> Inquiry:
    """The inquiry in a request's body.

    Raises:
        InvalidCase: naming the field.
    """
    if "state" not in body:
        raise InvalidCase("state is missing", "state")
    for name in ("audio", "videos"):
        if body.get(name):
            raise InvalidCase(f"no judge here takes {name}", name)
    questions = body.get("questions")
    if not isinstance(questions, Mapping) or not 1 <= len(questions) <= MAX_QUESTIONS:
        raise InvalidCase(f"questions is an object of 1 to {MAX_QUESTIONS} questions by id", "questions")
    instructions = body.get("instructions")
    if instructions is not None and not isinstance(instructions, str):
        raise InvalidCase("instructions is a string", "instructions")
    asked = tuple([_question(name, told) for name, told in questions.items()])
    return Inquiry(_state(body), asked, _text(instructions, "instructions") or None)


def _state(body: Mapping[str, Any]) -> Content:
    """The state as text: JSON where it is none; with its images, if there are some."""
    text = _text(body["state"], "state")
    if body.get("images") is None:
        return text
    urls = listed(body["images"], "images", 0, 1000)
    images = tuple([image_from({"image_url": url}, 0, f"images[{i}]") for i, url in enumerate(urls)])
    return (Message("user", text, images=images),) if images else text


def _text(value: Any, param: str) -> str:
    if value is None and param != "state":
        return ""
    text = content_from(value if isinstance(value, str) else json_text(value, param), param)
    assert isinstance(text, str)
    return text


def _question(name: str, told: Any) -> DecisionQuestion:
    param = f"questions.{name}"
    if not name or not isinstance(told, Mapping):
        raise InvalidCase("a question is an object under an id", param)
    kind = told.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise InvalidCase(f"type is one of {', '.join(_TYPES)}; got {kind!r}"[:200], f"{param}.type")
    type_, options = _TYPES[kind]
    instructions = _text(told.get("instructions"), f"{param}.instructions")
    return DecisionQuestion(type_, instructions if instructions.strip() else name, options(told, param), name)


def _choices(told: Mapping[str, Any], param: str) -> tuple[Option, ...]:
    criteria = told.get("criteria")
    if not isinstance(criteria, Mapping) or not 2 <= len(criteria) <= MAX_OPTIONS:
        raise InvalidCase(
            f"criteria has 2 to {MAX_OPTIONS} options, each with a description or null", f"{param}.criteria"
        )
    return tuple([Option(value, _meaning(criteria[value], f"{param}.criteria.{value}")) for value in criteria])


def _sides(told: Mapping[str, Any], param: str) -> tuple[Option, ...]:
    criteria = told.get("criteria")
    if criteria is None:
        criteria = {}
    if not isinstance(criteria, Mapping) or not criteria.keys() <= set(_SIDES):
        raise InvalidCase("criteria is an object with true and false, or null", f"{param}.criteria")
    meanings = [_meaning(criteria.get(side), f"{param}.criteria.{side}") for side in _SIDES]
    return (Option("yes", meanings[0]), Option("no", meanings[1]))


def _levels(told: Mapping[str, Any], param: str) -> tuple[Option, ...]:
    criteria = listed(told.get("criteria"), f"{param}.criteria", 2, MAX_OPTIONS)
    return tuple([Option(_text(level, f"{param}.criteria[{i}]")) for i, level in enumerate(criteria)])


def _meaning(value: Any, param: str) -> str | None:
    return None if value is None else _text(value, param) or None


_TYPES: Final[Mapping[str, tuple[DecisionType, Callable[[Mapping[str, Any], str], tuple[Option, ...]]]]] = {
    "choice": ("choice", _choices),
    "noul": ("predicate", _sides),
    "score": ("score", _levels),
}


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class SystemOneQuestion(_Open):
    """One question. Criteria: options with descriptions, what true and false mean, or levels, the lowest first."""

    type: Literal["choice", "noul", "score"]
    instructions: JsonValue = ""
    criteria: JsonValue = None


class SystemOneRequest(_Open):
    """Questions by id about one state, which is a text or any JSON."""

    model: str | None = None
    state: JsonValue
    questions: Annotated[dict[str, SystemOneQuestion], Field(min_length=1, max_length=MAX_QUESTIONS)]
    instructions: str | None = None
    images: list[str] | None = None


class SystemOneResult(_Open):
    """Answers by id."""

    id: str
    object: Literal["structured_decision"]
    created: int
    model: str
    answers: dict[str, dict[str, JsonValue]]
    usage: dict[str, JsonValue]
    diagnostics: dict[str, dict[str, JsonValue]]


DROP_IN: Final = DropIn(
    name="systemone",
    task="compare",
    paths=("/v1/systemone",),
    answers=judged("systemone", "compare", _answer),
    summary="Decide questions about a state, in the shape of vLLM's structured decisions",
    body=SystemOneRequest,
    result=SystemOneResult,
    examples={
        "A grade": {
            "state": {"question": "Name a prime number.", "response": "7"},
            "questions": {
                "grade": {
                    "type": "score",
                    "instructions": "Is the response right?",
                    "criteria": ["Incorrect", "Correct"],
                },
                "short": {"type": "noul", "instructions": "Is it short?", "criteria": None},
                "kind": {"type": "choice", "instructions": "What is it?", "criteria": {"number": None, "word": None}},
            },
        }
    },
)
