"""What adapters share: a client to each address, options that stay as they are, and judgments as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import Preference, Scorecard
from judge_service.errors import InvalidConfiguration
from judge_service.integrations.client import AsyncJudgeClient, JudgeClient, JudgeError

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
