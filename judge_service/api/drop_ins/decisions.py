"""POST /v1/decisions, as OpenAI's client asks it: predicates, choices and scores about one input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.responses import Response

from judge_service.api.answers import json_response
from judge_service.api.drop_ins.call import Call, ignored, judged
from judge_service.api.drop_ins.deciding import decided, evidence_of, headers_of, unknown_in, usage_of
from judge_service.api.drop_ins.drop_in import DropIn
from judge_service.deciding import Decided
from judge_service.domain.decisions import DecisionAnswer
from judge_service.domain.inquiries import MAX_OPTIONS, MAX_QUESTIONS, QUESTION_FIELDS, inquiry_from
from judge_service.domain.options import Options

_FIELDS: Final = ("model", "input", "questions")


async def _answer(call: Call) -> Response:
    inquiry = inquiry_from(call.body)
    found = await decided(call, inquiry)
    answers = [_told(answer, call.options) for answer in found.answers]
    headers = ignored(_with_unknown(call.body), _FIELDS) | headers_of(found)
    return json_response(_content(found, answers), headers=headers)


def _content(found: Decided, answers: list[dict[str, Any]]) -> dict[str, Any]:
    judge = found.judge
    return {
        "model": judge.model,
        "answers": answers,
        "usage": usage_of(found.usage),
        "judge": {"name": judge.name, "epoch": judge.epoch, "digest": judge.digest, "method": found.method},
    }


def _with_unknown(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body, and the fields of its questions that nobody reads."""
    told = dict(body)
    for i, question in enumerate(body["questions"]):
        told |= unknown_in(question, QUESTION_FIELDS[question["type"]], f"questions[{i}]")
    return told


def _told(answer: DecisionAnswer, options: Options) -> dict[str, Any]:
    """One answer in OpenAI's shape; what has no answer is a refusal that says why."""
    question = answer.question
    head = {"type": question.type, "name": question.name}
    evidence = evidence_of(answer, options)
    if answer.probabilities is None:
        votes = {name: value for name, value in evidence.items() if name == "votes"}
        return {**head, "type": "refusal", "failure": answer.failure, **votes}
    if question.type == "predicate":
        return {**head, "probability": answer.probabilities[0], "confidence": answer.confidence, **evidence}
    pairs = zip(question.options, answer.probabilities, strict=True)
    if question.type == "choice":
        listed = [{"value": option.value, "probability": p} for option, p in pairs]
        found: dict[str, Any] = {"choice": question.options[answer.top].value}
    else:
        listed = [{"value": i, "label": o.value, "probability": p} for i, (o, p) in enumerate(pairs)]
        found = {"score": answer.level}
    return {**head, **found, "confidence": answer.confidence, "probabilities": listed, **evidence}


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


Instructions = str | list[dict[str, JsonValue]]


class PredicateBody(_Open):
    """Is it so?"""

    type: Literal["predicate"]
    name: str | None = None
    instructions: Instructions


class ChoiceOption(_Open):
    """One of the choices."""

    value: str | bool
    description: str | None = None


class ChoiceBody(_Open):
    """Which of these?"""

    type: Literal["choice"]
    name: str | None = None
    instructions: Instructions
    choices: Annotated[list[ChoiceOption], Field(min_length=2, max_length=MAX_OPTIONS)]


class LevelBody(_Open):
    """One level of a scale."""

    label: str
    description: str | None = None


class LevelsBody(_Open):
    """How much, on ordered levels, the lowest first?"""

    type: Literal["score"]
    name: str | None = None
    instructions: Instructions
    levels: Annotated[list[LevelBody], Field(min_length=2, max_length=MAX_OPTIONS)]


QuestionBody = Annotated[PredicateBody | ChoiceBody | LevelsBody, Field(discriminator="type")]


class DecisionsRequest(_Open):
    """Questions about one input."""

    model: str | None = None
    input: str | list[dict[str, JsonValue]]
    questions: Annotated[list[QuestionBody], Field(min_length=1, max_length=MAX_QUESTIONS)]


class DecisionsResult(_Open):
    """Answers in the order of the questions: predicate, choice, score, or refusal with its failure."""

    model: str
    answers: list[dict[str, JsonValue]]
    usage: dict[str, JsonValue]


DROP_IN: Final = DropIn(
    name="decisions",
    task="compare",
    paths=("/v1/decisions",),
    answers=judged("decisions", "compare", _answer),
    summary="Decide questions about a text or a conversation, in the shape of OpenAI's decisions",
    body=DecisionsRequest,
    result=DecisionsResult,
    examples={
        "Three kinds of question": {
            "input": "Name a prime number.\n\n7 is a prime number.",
            "questions": [
                {"type": "predicate", "name": "right", "instructions": "Is the answer right?"},
                {
                    "type": "choice",
                    "name": "tone",
                    "instructions": "What is its tone?",
                    "choices": [{"value": "plain"}, {"value": "playful", "description": "it jokes"}],
                },
                {
                    "type": "score",
                    "name": "quality",
                    "instructions": "How good is the answer?",
                    "levels": [{"label": "poor"}, {"label": "fair"}, {"label": "good"}],
                },
            ],
        },
        "A conversation": {
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "Name a prime number."}]},
                {"role": "assistant", "content": "8"},
            ],
            "questions": [{"type": "predicate", "instructions": "Is the last answer right?"}],
        },
    },
)
