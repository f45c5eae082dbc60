"""ms-swift (4): a reward for its GRPO, registered in a file for `--external_plugins`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from judge_service.domain.judgments import Judgment
from judge_service.integrations.client import AsyncJudgeClient
from judge_service.integrations.worth import STEADY, number_in


class JudgeReward:
    """Scores each completion; all completions of a call are asked about at once. One without a verdict gets None, which
    ms-swift leaves out of its group.

    Args:
        args: ms-swift's own.
        base_url: of the service; None: JUDGE_SERVER_URL, else this machine; its key is JUDGE_API_KEY.
        reference: the column of the data set with an answer that the judge is to see.
        seen: is handed the judgments of every call, for `watching.Watch` and whatever you log by.
        options: of the judgment, as in /v1/score; one order and no cache, if they do not say otherwise.
    """

    def __init__(
        self,
        args: Any = None,
        *,
        base_url: str | None = None,
        reference: str = "",
        seen: Callable[[Sequence[Judgment]], object] | None = None,
        **options: Any,
    ) -> None:
        self.args = args
        self._client = AsyncJudgeClient(base_url)
        self._reference = reference
        self._seen = seen
        self._options = {**STEADY, **options}

    async def __call__(
        self, completions: Sequence[str], *, messages: Sequence[Sequence[Mapping[str, Any]]], **columns: Any
    ) -> list[float | None]:
        """A reward in [0, 1] to each completion: its score as a share of the rubric's scale.

        Args:
            messages: each row's conversation, which ends with its completion.

        Raises:
            JudgeError: the service refuses what is asked.
        """
        cases: list[dict[str, Any]] = [
            {"prompt": [dict(message) for message in told[:-1]], "response": completion}
            for told, completion in zip(messages, completions, strict=True)
        ]
        if self._reference:
            for case, reference in zip(cases, columns[self._reference], strict=True):
                case["reference"] = reference
        async with self._client:  # every call has an event loop of its own, whose connections end with it
            judgments = await self._client.judge("score", cases, **self._options)
        if self._seen is not None:
            self._seen(judgments)
        return [number_in(judgment) for judgment in judgments]
