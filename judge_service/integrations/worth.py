"""What adapters share: a client to each address, options that stay as they are, and judgments as plain numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from judge_service.domain.judgments import Judgment
from judge_service.domain.options import Task
from judge_service.domain.verdicts import Preference, Scorecard
from judge_service.errors import InvalidConfiguration
from judge_service.integrations.client import AsyncJudgeClient, JudgeClient, JudgeError
from judge_service.integrations.client.calls import Call
from judge_service.integrations.client.wire import json_bytes

STEADY: Final[Mapping[str, Any]] = {"orders": "one", "cache": "bypass"}
"""A policy's texts are new at every step: one order, drawn by hash, is right on average; a cache would only fill."""


class Unscored(JudgeError):
    """A case has no verdict, and its caller takes nothing but a number."""


@lru_cache
def async_client(base_url: str | None, api_key: str | None = None) -> AsyncJudgeClient:
    """One client to each address, for frameworks that call with a sample at a time: connections are kept."""
    return AsyncJudgeClient(base_url, api_key)


@lru_cache
def client(base_url: str | None, api_key: str | None = None) -> JudgeClient:
    """The same for frameworks that do not await."""
    return JudgeClient(base_url, api_key)


async def asked(asking: AsyncJudgeClient, task: Task, case: Mapping[str, Any], told: Mapping[str, Any]) -> Judgment:
    """The judgment on a case, as one of a list: where the judge or the time fails it is unscored, and says why.

    Args:
        case: fields that are None are left out.
        told: options.

    Raises:
        JudgeError: the request is wrong, whatever the case.
    """
    (judgment,) = await asking.judge(task, [_present(case)], **told)
    return judgment


def asked_at_once(asking: JudgeClient, task: Task, case: Mapping[str, Any], told: Mapping[str, Any]) -> Judgment:
    """The same without an event loop."""
    (judgment,) = asking.judge(task, [_present(case)], **told)
    return judgment


async def gathered(asking: AsyncJudgeClient, prompt: Any, response: Any, told: Mapping[str, Any]) -> dict[str, float]:
    """The reward of one response, ranked by the service among others to the same prompt that come in requests of their
    own: "reward", and numbers to log.

    Args:
        told: options, and how to gather: `group`, `wait`, `run`, `on_failure`. Members that are told other things do
            not meet, and so what is left of a deadline is not told.

    Raises:
        JudgeError: there is no reward, or the request is wrong.
    """
    query = {name: value if isinstance(value, str) else json.dumps(value) for name, value in _present(told).items()}
    body = json_bytes({"prompt": prompt, "response": response})
    shape = {"shape": "dict", **query}
    return await asking.sender.called(Call("POST", "/reward", lambda _: (shape, body), dict, told.get("timeout")))


def _present(case: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in case.items() if value is not None}


def number_in(judgment: Judgment) -> float | None:
    """The verdict as a number in [0, 1]: a pair's P(the first is better), or a score as a share of the rubric's scale.
    None where there is no verdict."""
    verdict = judgment.verdict
    if judgment.status != "judged":
        return None
    if isinstance(verdict, Preference):
        return verdict.probability
    return verdict.normalized if isinstance(verdict, Scorecard) else None


def number_of(judgment: Judgment, on_failure: float | None) -> float:
    """The verdict as a number, for callers that cannot be told of none.

    Args:
        on_failure: the number in its place where there is no verdict.

    Raises:
        Unscored: there is none, nor one in its place; the message says why.
    """
    number = number_in(judgment)
    if number is None:
        number = on_failure
    if number is None:
        raise Unscored(why_not(judgment), code=judgment.status)
    return number


def why_not(judgment: Judgment) -> str:
    """Why there is no verdict, in one line."""
    failures = (judgment.failure, *(vote.failure for vote in judgment.votes))
    told = next((f"{failure.kind}: {failure.message}" for failure in failures if failure is not None), "")
    return f"case {judgment.case_id} is {judgment.status}" + (f" ({told})" if told else "")


def marks_of(judgment: Judgment) -> dict[str, float]:
    """What to log beside a reward: the same fields whatever came of the case, as loggers want them."""
    judges = judgment.provenance.judges if judgment.provenance else ()
    return {
        "judge_scored": float(number_in(judgment) is not None),
        "judge_epoch": float(max((judge.epoch for judge in judges), default=0)),
        "judge_calls": float(judgment.usage.judge_calls),
    }


def field_of(fields: Mapping[str, Any], name: str, where: str) -> Any:
    """A field that an adapter was told to take something from.

    Raises:
        InvalidConfiguration: there is none of that name.
    """
    if fields.get(name) is None:
        there = ", ".join(sorted(str(field) for field, value in fields.items() if value is not None))
        raise InvalidConfiguration(f"{where} has no field '{name}'; it has {there or 'none'}")
    return fields[name]
