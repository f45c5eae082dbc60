"""POST /v1/fine_tuning/alpha/graders/run and /validate, as OpenAI's client sends them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from pydantic import BaseModel, ConfigDict, JsonValue
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from judge_service.api.answers import json_response
from judge_service.api.drop_ins.call import Call, called, ignored
from judge_service.api.drop_ins.deciding import decided, evidence_of
from judge_service.api.drop_ins.drop_in import DropIn
from judge_service.api.drop_ins.told_options import told_for
from judge_service.api.problems import RETRY_SECONDS, Problem
from judge_service.api.queue import while_wanted
from judge_service.api.requests import object_in, read_body
from judge_service.api.state import State
from judge_service.domain.inquiries import text_in
from judge_service.domain.options import Options
from judge_service.domain.verdicts import NO_USAGE, Usage
from judge_service.errors import InvalidCase
from judge_service.grading.graders import Grader, ModelGrader, MultiGrader, StringCheck, grader_from
from judge_service.grading.templates import Sampled
from judge_service.grading.ungraded import Flag, Ungraded

_NAME: Final = "graders"
_FIELDS: Final = ("grader", "model_sample", "item")
_FLAGS: Final[tuple[Flag, ...]] = get_args(Flag)
_DETAILS: Final = (
    "model_grader_server_error_details",
    "python_grader_runtime_error_details",
    "python_grader_server_error_type",
)
_FLAG_OF: Final[Mapping[str, Flag]] = {
    "refused": "model_grader_refusal_error",
    "unreadable": "model_grader_parse_error",
    "low_label_mass": "model_grader_parse_error",
    "truncated": "model_grader_parse_error",
    "too_long": "truncated_observation_error",
    "context_length_exceeded": "truncated_observation_error",
    "judge_unavailable": "model_grader_server_error",
    "judge_error": "model_grader_server_error",
    "timeout": "model_grader_server_error",
}


@dataclass(slots=True)
class _Spent:
    """What a run of a grader found besides its reward, by grader and by model."""

    told: dict[str, Any] = field(default_factory=dict)
    usage: dict[str, Usage] = field(default_factory=dict)


async def _run(request: Request) -> Response:
    call = await called(request, _NAME, "compare")
    return await while_wanted(request, _answer(call, request.query_params))


async def _answer(call: Call, query: QueryParams) -> Response:
    """The reward. Where there is none it is an error, or the number of `on_failure` with the reason flagged."""
    started = time.perf_counter()
    output = text_in(call.body, "model_sample", "")
    spent = _Spent()
    rewards: dict[str, float] = {}
    flag: Flag | None = None
    details = None
    grader = _checked(call.body)
    try:
        reward = await _reward(grader, Sampled(output, call.body.get("item")), call, query, rewards, spent)
    except (Ungraded, Problem) as e:
        flag, details = _flagged(e), e.message
        if call.on_failure is None or flag is None:
            raise (_problem(e) if isinstance(e, Ungraded) else e) from None
        reward = call.on_failure
    content = {
        "reward": reward,
        "sub_rewards": rewards if isinstance(grader, MultiGrader) else {},
        "metadata": _metadata(call.body["grader"], rewards, flag, details, spent, time.perf_counter() - started),
        "model_grader_token_usage_per_model": {model: _tokens(usage) for model, usage in spent.usage.items()},
    }
    told = {"x-judge-status": "unscored", "x-judge-unscored": "1"} if flag else {"x-judge-status": "judged"}
    return json_response(content, headers=ignored(call.body, _FIELDS) | told)


async def _reward(
    grader: Grader, sampled: Sampled, call: Call, query: QueryParams, rewards: dict[str, float], spent: _Spent
) -> float:
    """The reward of a grader; of one that has others, all of theirs are worked out side by side.

    Raises:
        Ungraded, Problem, InvalidRequest: there is none.
    """
    if not isinstance(grader, MultiGrader):
        at = ("grader", grader.name)
        rewards[grader.name] = await _of_one(grader, sampled, at, call, query, spent)
        return rewards[grader.name]
    places = [(f"grader.graders.{name}", name) for name in grader.graders]
    asked = zip(grader.graders.values(), places, strict=True)
    works = [_of_one(one, sampled, place, call, query, spent) for one, place in asked]
    # All are waited for, so that nothing goes on behind an answer that has been given.
    for name, told in zip(grader.graders, await asyncio.gather(*works, return_exceptions=True), strict=True):
        if isinstance(told, BaseException):
            raise told
        rewards[name] = told
    return grader.formula.of(rewards)


async def _of_one(
    grader: StringCheck | ModelGrader,
    sampled: Sampled,
    at: tuple[str, str],
    call: Call,
    query: QueryParams,
    spent: _Spent,
) -> float:
    """The reward of a grader that has no others, which stands there in the body under that name."""
    param, name = at
    if isinstance(grader, StringCheck):
        return grader.reward(sampled, param)
    options = _options(grader, call, query)
    found = await decided(call, grader.inquiry(sampled, param), options)
    model = found.judge.model
    spent.usage[model] = spent.usage.get(model, NO_USAGE) + found.usage
    (answer,) = found.answers
    if answer.failure is not None:
        kind = answer.failure.kind
        raise Ungraded(answer.failure.message, _FLAG_OF.get(kind, "other_error"), answer.failure.param, kind)
    spent.told[name] = {"model": model, **grader.told(answer), **evidence_of(answer, options)}
    return grader.reward(answer)


def _options(grader: ModelGrader, call: Call, query: QueryParams) -> Options:
    """The options under which this grader's model judges: its own `model` stands where a body's would."""
    state = call.caller.state
    configured = state.settings.endpoints.get(_NAME, {})
    return told_for(state.service, "compare", configured, grader.model, query, ()).options


def _flagged(error: Ungraded | Problem) -> Flag | None:
    """The shape's flag for an error; None for what is no failure of the grader."""
    return error.flag if isinstance(error, Ungraded) else _FLAG_OF.get(error.code or "")


def _problem(error: Ungraded) -> Problem:
    """What a caller is told of a grader that gives no reward: the shape has no place for that."""
    if error.kind is None or error.kind == "too_long":
        return Problem(400, error.message, error.param, error.flag)
    return Problem(503, f"no reward: {error.message}", error.param, error.flag, RETRY_SECONDS).for_good()


def _metadata(
    grader: Mapping[str, Any],
    rewards: Mapping[str, float],
    flag: Flag | None,
    details: str | None,
    spent: _Spent,
    seconds: float,
) -> dict[str, Any]:
    errors: dict[str, Any] = {name: name == flag for name in _FLAGS} | dict.fromkeys(_DETAILS)
    if flag is not None:
        errors["model_grader_server_error_details"] = details
    return {
        "name": grader["name"],
        "type": grader["type"],
        "errors": errors,
        "execution_time": seconds,
        "scores": dict(rewards),
        "token_usage": sum(usage.prompt_tokens + usage.completion_tokens for usage in spent.usage.values()),
        "sampled_model_name": next(iter(spent.usage), None),
        "decisions": spent.told,
    }


def _tokens(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "cached_tokens": usage.cached_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


async def _validate(request: Request) -> Response:
    """The grader as it was given, if it is one that is run here."""
    state: State = request.app.state.judging
    body = object_in(await read_body(request, state.settings.server.max_body_bytes))
    _checked(body)
    return json_response({"grader": body["grader"]}, headers=ignored(body, ("grader",)))


def _checked(body: Mapping[str, Any]) -> Grader:
    if body.get("grader") is None:
        raise InvalidCase("grader is missing", "grader")
    try:
        return grader_from(body["grader"])
    except Ungraded as e:
        raise Problem(400, e.message, e.param, e.flag) from None


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class GraderRequest(_Open):
    """A grader, a model's output, and the row of the data set it is for."""

    grader: dict[str, JsonValue]
    model_sample: str
    item: JsonValue = None


class GraderResult(_Open):
    """One reward, and how it came about."""

    reward: float
    sub_rewards: dict[str, JsonValue]
    metadata: dict[str, JsonValue]
    model_grader_token_usage_per_model: dict[str, JsonValue]


class GraderCheck(_Open):
    """A grader."""

    grader: dict[str, JsonValue]


_CHECK: Final = {
    "type": "string_check",
    "name": "same",
    "input": "{{ sample.output_text }}",
    "reference": "{{ item.answer }}",
    "operation": "eq",
}
DROP_INS: Final = (
    DropIn(
        name=_NAME,
        task="compare",
        paths=("/v1/fine_tuning/alpha/graders/run",),
        answers=_run,
        summary="Run a grader: score_model, label_model, string_check or multi",
        body=GraderRequest,
        result=GraderResult,
        examples={"Whether a text is another": {"grader": _CHECK, "model_sample": "7", "item": {"answer": "7"}}},
    ),
    DropIn(
        name=_NAME,
        task=None,
        paths=("/v1/fine_tuning/alpha/graders/validate",),
        answers=_validate,
        summary="Check a grader without running it",
        body=GraderCheck,
        result=GraderCheck,
        examples={"Whether a text is another": {"grader": _CHECK}},
    ),
)
