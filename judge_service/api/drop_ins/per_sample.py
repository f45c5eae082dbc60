"""Rewards for one response at a time: /get_reward as OpenRLHF asks it, and /reward as slime does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, JsonValue, RootModel
from starlette.responses import Response

from judge_service.api.drop_ins.drop_in import DropIn
from judge_service.api.drop_ins.gathered import GATHERING, Asking, Reward, Sampled, per_sample
from judge_service.api.problems import Problem
from judge_service.domain.option_values import one_of
from judge_service.domain.parsing import content_from
from judge_service.domain.templated import NotItsPrompt, sample_in, sample_of, without_ends
from judge_service.errors import InvalidCase

OPENRLHF_SECONDS: Final = 170.0
SLIME_SECONDS: Final = 110.0
"""OpenRLHF 0.11 hangs up after 180 s and tries five times, a second apart; slime after 120 s, and tries ten times."""
_LABEL: Final = {
    "label": "`reference` shows a label that is a string to the judge as a reference; otherwise none sees it"
}
_SHAPE: Final = {
    "shape": "`number` (the default) or `dict`",
    "reward_key": "The name that the reward goes by in a dict, as slime's --reward-key has it",
}


class GetRewardBody(BaseModel):
    """What OpenRLHF sends: templated prompts, each with all that was written after it, special tokens included."""

    model_config = ConfigDict(extra="allow")

    query: list[str]
    prompts: list[str]
    labels: list[JsonValue] | None = None


class GetRewardResult(BaseModel):
    """A reward to each query, and numbers for the trainer's logs."""

    rewards: list[float]
    scores: list[float]
    extra_logs: dict[str, list[float]]


class SampleBody(BaseModel):
    """What slime sends: a prompt, templated or in messages, and one response."""

    model_config = ConfigDict(extra="allow")

    prompt: str | list[dict[str, JsonValue]]
    response: str
    label: JsonValue = None


class SampleResult(RootModel[float | dict[str, float]]):
    """The reward: a bare number, or under a name and beside others."""


async def _get_reward(asking: Asking) -> Response:
    samples = _samples(asking)
    rewards = await asyncio.gather(*(asking.reward(sample) for sample in samples))
    values = _values(asking, rewards)
    logs = {name: [reward.logs[name] for reward in rewards] for name in _logged_by_all(rewards)}
    content = {"rewards": values, "scores": values, "extra_logs": logs}
    return _marked(asking, content, ("query", "prompts", "labels"), rewards)


def _samples(asking: Asking) -> list[Sampled]:
    queries, prompts = (_texts(asking.call.body, name) for name in ("query", "prompts"))
    labels = asking.call.body.get("labels")
    if not isinstance(labels, list | None):
        raise InvalidCase("labels is a list, or null", "labels")
    for name, listed in (("prompts", prompts), ("labels", labels)):
        if listed is not None and len(listed) != len(queries):
            raise InvalidCase(f"{name} has {len(listed)} entries, and query has {len(queries)}", name)
    most = asking.call.caller.state.settings.server.max_cases
    if len(queries) > most:
        raise Problem(413, f"at most {most:,} queries fit into one request", "query", "too_many_cases")
    told = labels or [None] * len(queries)
    return [_sample(asking, *each) for each in zip(range(len(queries)), queries, prompts, told, strict=True)]


def _texts(body: Mapping[str, Any], name: str) -> list[str]:
    given = body.get(name)
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not listed:
        raise InvalidCase(f"{name} is a list of one string or more", name)
    for i, text in enumerate(listed):
        if not isinstance(text, str):
            raise InvalidCase(f"{name}[{i}] is a string", f"{name}[{i}]")
    return listed


def _sample(asking: Asking, place: int, query: str, prompt: str, label: Any) -> Sampled:
    try:
        found = sample_in(query, prompt)
    except NotItsPrompt:
        at = f"query[{place}]"
        raise InvalidCase(
            f"{at} does not begin with prompts[{place}], so that nobody can say what the response is", at
        ) from None
    return _labelled(asking, Sampled(found.prompt, found.response), label)


def _labelled(asking: Asking, sampled: Sampled, label: Any) -> Sampled:
    """The sample with its label: for the judge where that was asked for, else for the record."""
    use = one_of("metadata", "reference")(asking.call.query.get("label", "metadata"), "label")
    if use == "reference" and isinstance(label, str):
        return Sampled(sampled.prompt, sampled.response, label)
    return Sampled(sampled.prompt, sampled.response, None, {} if label is None else {"label": label})


async def _reward(asking: Asking) -> Response:
    body, query = asking.call.body, asking.call.query
    shape = one_of("number", "dict")(query.get("shape", "dict" if "reward_key" in query else "number"), "shape")
    reward = await asking.reward(_labelled(asking, _sent(body), body.get("label")))
    (value,) = _values(asking, [reward])
    content = value if shape == "number" else {**reward.logs, query.get("reward_key", "reward"): value}
    return _marked(asking, content, ("prompt", "response", "label"), [reward])


def _sent(body: Mapping[str, Any]) -> Sampled:
    for name in ("prompt", "response"):
        if body.get(name) is None:
            raise InvalidCase(f"{name} is missing", name)
    prompt, response = (content_from(body[name], name) for name in ("prompt", "response"))
    if not isinstance(response, str):
        return Sampled(prompt, response)
    if not isinstance(prompt, str):
        return Sampled(prompt, without_ends(response))
    found = sample_of(prompt, response)
    return Sampled(found.prompt, found.response)


def _values(asking: Asking, rewards: Sequence[Reward]) -> list[float]:
    """A number for each.

    Raises:
        Problem: one has none, and none was named for such.
    """
    values = []
    for reward in rewards:
        value = asking.call.on_failure if reward.value is None else reward.value
        if value is None:
            assert reward.problem is not None
            raise reward.problem
        values.append(value)
    return values


def _logged_by_all(rewards: Sequence[Reward]) -> list[str]:
    """Names that every reward has a number for: trainers make a tensor of each list."""
    return [name for name in rewards[0].logs if all(name in reward.logs for reward in rewards)]


def _marked(asking: Asking, content: Any, known: Sequence[str], rewards: Sequence[Reward]) -> Response:
    """The answer, with what its shape has no room for in headers."""
    judgments = [judgment for reward in rewards for judgment in reward.judgments]
    answer = asking.call.answer(content, known, judgments)
    missing = sum(reward.value is None for reward in rewards)
    if missing:
        answer.headers["x-judge-unscored"] = str(missing)
    marks = [reward.mark for reward in rewards if reward.mark is not None]
    if marks:
        epochs = (f"{reward.logs['judge_epoch']:g}" for reward in rewards if "judge_epoch" in reward.logs)
        answer.headers["x-judge-epoch"] = ", ".join(dict.fromkeys(epochs))
        answer.headers["x-judge-cohort"] = ", ".join(dict.fromkeys(marks))
        answer.headers["x-judge-cohort-size"] = ", ".join(dict.fromkeys(str(reward.size) for reward in rewards))
    return answer


_CHATML: Final = "<|im_start|>user\nName a prime number.<|im_end|>\n<|im_start|>assistant\n"
DROP_INS: Final = (
    DropIn(
        name="get_reward",
        task="rank",
        paths=("/get_reward",),
        answers=per_sample("get_reward", OPENRLHF_SECONDS, _get_reward, tuple(_LABEL)),
        summary="Rewards for OpenRLHF: --reward.remote_url",
        body=GetRewardBody,
        result=GetRewardResult,
        examples={"one": {"query": [_CHATML + "7<|im_end|>"], "prompts": [_CHATML], "labels": [None]}},
        beside={**GATHERING, **_LABEL},
    ),
    DropIn(
        name="reward",
        task="rank",
        paths=("/reward",),
        answers=per_sample("reward", SLIME_SECONDS, _reward, (*_LABEL, *_SHAPE)),
        summary="A reward for slime: --rm-type remote_rm --rm-url",
        body=SampleBody,
        result=SampleResult,
        examples={"one": {"prompt": "Name a prime number.", "response": "7", "label": None}},
        beside={**GATHERING, **_LABEL, **_SHAPE},
    ),
)
