"""POST /v1/reward: a whole group of responses in, one number or null to each out, for trainers that ask over HTTP.

`?reward=ranking` (the default) compares the responses with each other: a reward is the mean probability of beating
another of the group. `?reward=pointwise` scores each for itself: a reward is its share of the rubric's scale. Both are
in [0, 1], and null wherever there is no verdict.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pydantic import BaseModel, Field, JsonValue
from starlette.responses import Response

from judge_service.api.drop_ins.call import Call, judged, under_their_names
from judge_service.api.drop_ins.drop_in import DropIn
from judge_service.api.drop_ins.told_options import to_score
from judge_service.api.judging import Caller, check_any_came, usage_of
from judge_service.api.problems import Problem
from judge_service.api.requests import BadCase
from judge_service.api.schemas import FailureBody, Messages, Text
from judge_service.domain.cases import Case
from judge_service.domain.judgments import Judgment
from judge_service.domain.option_values import one_of
from judge_service.domain.options import Task
from judge_service.domain.parsing import case_from
from judge_service.domain.verdicts import CandidateScore, Ranking, Scorecard
from judge_service.errors import InvalidCase

_FIELDS: Final = ("id", "prompt", "responses", "reference", "context", "domain", "metadata")
_GROUPS: Final = "groups"
_REWARD: Final = "reward"
_THEIRS: Final = {"candidates": "responses"}


async def reward(call: Call) -> Response:
    """The rewards of one group, or of many under `groups`."""
    way = one_of("ranking", "pointwise")(call.query.get(_REWARD, "ranking"), _REWARD)
    task: Task = "score" if way == "pointwise" else "rank"
    caller = call.caller_for(task, to_score(call.options) if task == "score" else call.options)
    if _GROUPS not in call.body:
        case = _case({name: call.body[name] for name in _FIELDS if name in call.body}, task, "")
        with under_their_names(_THEIRS):
            judgments = [await caller.judgment(case)]
        content = _group(judgments[0], call.on_failure)
    else:
        judgments = await _all(caller, _groups(call, task))
        told = [_group(judgment, call.on_failure) for judgment in judgments]
        content = {"object": "list", "data": told, "usage": usage_of(judgments)}
    if call.on_failure is None:
        check_any_came(judgments)
    return call.answer(content | {_REWARD: way}, (*_FIELDS, _GROUPS), judgments)


def _groups(call: Call, task: Task) -> list[Case | BadCase]:
    """The groups of a body; one that is wrong is told at its place."""
    for name in _FIELDS:
        if name in call.body:
            raise InvalidCase(f"give groups, or one group in the body itself; '{name}' stands beside groups", name)
    listed, most = call.body[_GROUPS], call.caller.state.settings.server.max_cases
    if not isinstance(listed, list) or not listed:
        raise InvalidCase("groups is a list of one group or more", _GROUPS)
    if len(listed) > most:
        raise Problem(413, f"at most {most:,} groups fit into one request", _GROUPS, "too_many_cases")
    if call.caller.spending is not None:
        call.caller.spending.expect(len(listed) - 1)
    return [_case_or_why(given, task, f"{_GROUPS}[{i}].") for i, given in enumerate(listed)]


def _case_or_why(given: Any, task: Task, at: str) -> Case | BadCase:
    try:
        return _case(given, task, at)
    except InvalidCase as e:
        name = given.get("id") if isinstance(given, Mapping) else None
        return BadCase(name if isinstance(name, str) else at.rstrip("."), e)


def _case(given: Any, task: Task, at: str) -> Case:
    """A group as a case: its responses are the candidates."""
    if isinstance(given, Mapping):
        for name in given:
            if name not in _FIELDS:
                raise InvalidCase(f"a group has no field '{name}'", f"{at}{name}")
        given = {"candidates" if name == "responses" else name: value for name, value in given.items()}
    with under_their_names({at + ours: at + theirs for ours, theirs in _THEIRS.items()}):
        return case_from(given, task, at)


async def _all(caller: Caller, groups: Sequence[Case | BadCase]) -> list[Judgment]:
    judgments = await asyncio.gather(*(caller.judgment_at(place, group) for place, group in enumerate(groups)))
    return [_under_their_names(judgment) for judgment in judgments]


def _under_their_names(judgment: Judgment) -> Judgment:
    """What is wrong with a group, told by the names it has in the body."""
    failure = judgment.failure
    if failure is None or not (failure.param or "").startswith("cases["):
        return judgment
    param = (failure.param or "").replace("cases[", "groups[", 1).replace(".candidates", ".responses", 1)
    return replace(judgment, failure=replace(failure, param=param))


def _group(judgment: Judgment, on_failure: float | None) -> dict[str, Any]:
    """What is told of one group."""
    verdict = judgment.verdict
    ranking = verdict if isinstance(verdict, Ranking) else None
    ranks = ranking.ranks if ranking is not None and judgment.status == "judged" else None
    rewards = _rewards(judgment)
    return {
        "object": "reward",
        "rewards": [on_failure if number is None else number for number in rewards],
        "ranks": None if ranks is None else [ranks[name] for name in judgment.candidates],
        "unscored": sum(number is None for number in rewards) if rewards else None,
        "status": judgment.status,
        "failure": judgment.failure,
        "judgment": judgment.id,
        "case_id": judgment.case_id,
        "responses": judgment.candidates,
        "strategy": ranking.strategy if ranking else None,
        "kendall_w": ranking.kendall_w if ranking else None,
        "usage": judgment.usage,
        "metadata": judgment.metadata,
    }


def _rewards(judgment: Judgment) -> list[float | None]:
    """One to each response, in the order given."""
    verdict = judgment.verdict
    if isinstance(verdict, Scorecard):
        alone = CandidateScore(verdict.score, verdict.normalized, ())
        scores = verdict.scores or dict.fromkeys(judgment.candidates, alone)
        return [scores[name].normalized for name in judgment.candidates]
    if judgment.status != "judged" or not isinstance(verdict, Ranking) or verdict.scores is None:
        return [None] * len(judgment.candidates)
    return [verdict.scores[name] for name in judgment.candidates]


class ResponseBody(BaseModel):
    """One response with a name; a plain string or a list of messages does as well."""

    id: str | None = None
    content: str | Messages
    model: str | None = None


class GroupBody(BaseModel):
    """Responses to one prompt."""

    id: str | None = Field(None, min_length=1)
    prompt: Text
    responses: list[str | ResponseBody | Messages] = Field(min_length=1)
    reference: Text | None = None
    context: str | None = None
    domain: str | None = None
    metadata: dict[str, JsonValue] | None = None


class RewardRequest(BaseModel):
    """One group inline, or many under `groups`."""

    model: str | None = Field(None, description="A judge, or judge/rubric")
    id: str | None = Field(None, min_length=1)
    prompt: Text | None = None
    responses: list[str | ResponseBody | Messages] | None = None
    reference: Text | None = None
    context: str | None = None
    domain: str | None = None
    metadata: dict[str, JsonValue] | None = None
    groups: list[GroupBody] | None = Field(None, min_length=1)


class GroupRewards(BaseModel):
    """The rewards of one group, in the order of its responses."""

    rewards: list[float | None]
    ranks: list[int] | None
    unscored: int | None
    status: str
    failure: FailureBody | None
    judgment: str
    case_id: str
    responses: list[str]
    strategy: str | None
    kendall_w: float | None
    usage: dict[str, int]
    metadata: dict[str, JsonValue]


class RewardAnswer(BaseModel):
    """The group's own fields for one inline, or `data` with those of each group in the order given."""

    object: str
    reward: str
    rewards: list[float | None] | None = None
    data: list[GroupRewards] | None = None
    usage: dict[str, int]


_PRIMES: Final = {"prompt": "Name a prime number.", "responses": ["9", "7", "I like turtles."]}
DROP_IN: Final = DropIn(
    name="group_reward",
    task="rank",
    paths=("/v1/reward",),
    answers=judged("group_reward", "rank", reward, (_REWARD,)),
    summary="The rewards of a whole group of responses, null where there is no verdict",
    body=RewardRequest,
    result=RewardAnswer,
    examples={
        "one group": _PRIMES,
        "many groups": {"groups": [{"id": "x", **_PRIMES}, {"prompt": "Say hello.", "responses": ["Hello!", "No."]}]},
    },
    beside={_REWARD: "ranking: how often each beats the others; pointwise: each one's share of the rubric's scale"},
)
