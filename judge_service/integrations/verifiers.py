"""verifiers (0.4) and prime-rl: a judge to be plugged into a taskset.

verifiers finds a plugged judge by the name of a module of its own, so that a file `judge_by_service.py` beside the
taskset names it: `from judge_service.integrations.verifiers import ServiceJudge; __all__ = ["ServiceJudge"]`. Its own
`decision` judge needs none of this: it asks /v1/systemone as it is.
"""

from __future__ import annotations

import json
from typing import Any

import verifiers.v1 as vf
from pydantic import Field

from judge_service.domain.judgments import Judgment
from judge_service.domain.records import record_of
from judge_service.integrations.worth import STEADY, asked, async_client, number_of


class ServiceJudgeConfig(vf.JudgeConfig):
    """`[[env.taskset.task.judges]]`.

    Attributes:
        base_url: of the service; empty: JUDGE_SERVER_URL, else this machine.
        rubric: of the service.
        options: of the judgment, as in /v1/score; one order and no cache, if they do not say otherwise.
        question_field: the task's field with the question; empty: its prompt.
        answer_field: the task's field with an answer that the judge is to see; empty: none.
        baseline_field: the task's field with an answer that is to be beaten; empty: the answer is scored.
        on_failure: the reward where there is no verdict; None: an error, after which the trace is not scored.
    """

    id: vf.ID = "judge_by_service"
    base_url: str = ""
    api_key_var: str = "JUDGE_API_KEY"
    rubric: str = "helpfulness"
    options: dict[str, Any] = Field(default_factory=dict)
    question_field: str = ""
    answer_field: str = ""
    baseline_field: str = ""
    view: vf.JudgeView = "last_reply"
    on_failure: float | None = None


class ServiceJudge(vf.Judge[float, ServiceJudgeConfig]):
    """A trace's reward by the service, in [0, 1]: the score as a share of the rubric's scale, or the probability of
    beating a baseline."""

    async def score(self, task: vf.TaskData, trace: vf.Trace) -> float:
        """The reward.

        Raises:
            Unscored: there is no verdict, nor a number for that.
            ValueError: the task has not a field that was named.
        """
        config = self.config
        question = _field(task, config.question_field) if config.question_field else task.prompt_text
        response = trace.transcript if config.view == "full_trace" else trace.last_reply
        reference = _field(task, config.answer_field) if config.answer_field else None
        told = {"rubric": config.rubric, **STEADY, **config.options}
        beaten = [_field(task, config.baseline_field)] if config.baseline_field else []
        case = {"prompt": question, "candidates": [response, *beaten], "reference": reference}
        judgment = await asked(async_client(config.base_url or None), "compare" if beaten else "score", case, told)
        self._record(trace, {"prompt": question, "response": response, **told}, judgment)
        return number_of(judgment, config.on_failure)

    def _record(self, trace: vf.Trace, request: dict[str, Any], judgment: Judgment) -> None:
        """The call stands in the trace, with what it cost."""
        usage = vf.Usage(
            prompt_tokens=judgment.usage.prompt_tokens - judgment.usage.cached_tokens,
            cached_input_tokens=judgment.usage.cached_tokens,
            completion_tokens=judgment.usage.completion_tokens,
        )
        told = json.dumps(record_of(judgment), default=vars)
        response = vf.JudgeResponse[float](text=told, usage=usage)
        trace.record_judge_call(name=self.reward_name, request=request, response=response)


def _field(task: vf.TaskData, name: str) -> str:
    value = getattr(task, name, None)
    if value is None:
        raise ValueError(f"the task has no field '{name}'")
    return str(value)


__all__ = ["ServiceJudge", "ServiceJudgeConfig"]
