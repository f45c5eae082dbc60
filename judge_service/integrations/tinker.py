"""Tinker's cookbook (0.6): a `PreferenceModel` for `PairwisePreferenceGroupBuilder`, and its builder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import chz
from tinker_cookbook.preference.types import Comparison, PreferenceModel, PreferenceModelBuilder

from judge_service.domain.judgments import Judgment
from judge_service.integrations.client import AsyncJudgeClient
from judge_service.integrations.worth import STEADY, number_of


class JudgedPreference(PreferenceModel):
    """Preferences by the service. It can be pickled, and then opens connections of its own.

    Args:
        base_url: of the service; None: JUDGE_SERVER_URL, else this machine.
        api_key: None: JUDGE_API_KEY.
        timeout: seconds that a call takes at the most.
        on_failure: the preference where there is no verdict, such as 0.0 for a tie; None: an error.
        seen: is handed the judgments of every call, for `watching.Watch` and whatever you log by.
        options: of the judgment, as in /v1/compare; one order and no cache, if they do not say otherwise.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float = 120.0,
        on_failure: float | None = None,
        seen: Callable[[Sequence[Judgment]], object] | None = None,
        **options: Any,
    ) -> None:
        self._client = AsyncJudgeClient(base_url, api_key, timeout=timeout)
        self._on_failure = None if on_failure is None else (1.0 - on_failure) / 2.0
        self._seen = seen
        self._options = {**STEADY, **options}

    async def __call__(self, comparison: Comparison) -> float:
        """1 - 2 P(A is better): -1 where A is surely better, 1 where B is.

        Raises:
            Unscored: there is no verdict, nor a number for that.
        """
        return (await self.many([comparison]))[0]

    async def many(self, comparisons: Sequence[Comparison]) -> list[float]:
        """The same for many, in one request or a few.

        Raises:
            Unscored: as above, of the first without a verdict.
        """
        cases = [case_of(comparison) for comparison in comparisons]
        judgments = await self._client.judge("compare", cases, **self._options)
        if self._seen is not None:
            self._seen(judgments)
        return [1.0 - 2.0 * number_of(judgment, self._on_failure) for judgment in judgments]


@chz.chz
class JudgedPreferenceBuilder(PreferenceModelBuilder):
    """Makes a `JudgedPreference`, set up on the cookbook's command lines."""

    base_url: str | None = None
    rubric: str = "helpfulness"
    judge: str | None = None
    orders: str = "one"
    timeout: float = 120.0
    on_failure: float | None = None

    def __call__(self) -> JudgedPreference:
        """The preference model."""
        told: dict[str, Any] = {"rubric": self.rubric, "judge": self.judge, "orders": self.orders}
        return JudgedPreference(self.base_url, timeout=self.timeout, on_failure=self.on_failure, **told)


def case_of(comparison: Comparison) -> dict[str, Any]:
    """A comparison as a case: its prompt and its two completions, as messages."""
    sides = (comparison.completion_A, comparison.completion_B)
    return {
        "prompt": [_message(message) for message in comparison.prompt_conversation],
        "candidates": [[_message(message) for message in side] for side in sides],
    }


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message of the cookbook in the shape of chat completions: thoughts stand in a field of their own."""
    content, told = message["content"], {"role": message["role"]}
    if isinstance(content, str):
        told["content"] = content
    else:
        told["content"] = [_part(part) for part in content if part["type"] != "thinking"]
        told["reasoning"] = "".join(part["thinking"] for part in content if part["type"] == "thinking") or None
    calls = [call.model_dump() for call in message.get("tool_calls") or ()]
    told |= {"tool_calls": calls} if calls else {}
    named = {name: message[name] for name in ("name", "tool_call_id") if message.get(name)}
    return {name: value for name, value in {**told, **named}.items() if value is not None}


def _part(part: Mapping[str, Any]) -> Mapping[str, Any]:
    if part["type"] == "image" and isinstance(part["image"], str):
        return {"type": "image_url", "image_url": {"url": part["image"]}}
    return part
