"""verl (0.9): `compute_score` for `reward.custom_reward_function`, path "pkg://judge_service.integrations.verl".

verl scores one sample at a time, in many worker processes, and cannot be told of no reward: an unscored sample is an
error, which ends the step, or the number in `on_failure`. Since a group's samples come to different workers, it is the
service that gathers them, where `group` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from judge_service.domain.options import Task
from judge_service.integrations.client import AsyncJudgeClient
from judge_service.integrations.worth import STEADY, asked, async_client, field_of, gathered, marks_of, number_of

_LOGGED: Final = ("judge_epoch", "judge_calls", "judge_cohort_size", "judge_cohort_complete")
_SPLIT: Final = "train"


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    prompt_key: str = "question",
    reference: bool = False,
    baseline_key: str = "",
    group: int = 0,
    wait: float = 60.0,
    run: str = "",
    on_failure: float | None = None,
    reward_router_address: str | None = None,
    reward_model_tokenizer: Any = None,
    **options: Any,
) -> dict[str, float]:
    """A sample's reward in [0, 1] under "score", and what verl logs beside it.

    Args:
        data_source: the slice of the data set, for estimates by slice.
        prompt_key: where in `extra_info` the prompt stands, which verl itself does not hand over.
        reference: whether `ground_truth` is an answer that the judge is to see.
        baseline_key: where in `extra_info` an answer stands that is to be beaten: the reward is the probability that it
            is. Empty: the reward is the score as a share of the rubric's scale.
        group: verl's `rollout.n`: the service ranks so many answers to a prompt among themselves, and the reward is the
            mean probability of beating another. Samples whose `extra_info` has another `split` than "train" are scored:
            a validation has no groups.
        wait: seconds after which those that have come are ranked; `run`: what other runs' samples are kept apart by.
        on_failure: the reward where there is no verdict; None: an error.
        reward_router_address: of verl's own reward model, which is not asked; reward_model_tokenizer likewise.
        options: of the judgment, from `reward_kwargs`; one order and no cache, if they do not say otherwise.

    Raises:
        Unscored: there is no verdict, nor a number for that.
        JudgeError: the service refuses what is asked, or, of a group, has no verdict.
        InvalidConfiguration: `extra_info` has not what was named.
    """
    given = extra_info or {}
    prompt = field_of(given, prompt_key, "extra_info")
    asking, told = async_client(base_url, api_key), {**STEADY, **options}
    if group and given.get("split", _SPLIT) == _SPLIT:
        seats = {"group": group, "wait": wait, "run": run, "on_failure": on_failure}
        return await _ranked(asking, prompt, solution_str, {**told, **seats})
    beaten = [field_of(given, baseline_key, "extra_info")] if baseline_key else []
    task: Task = "compare" if beaten else "score"
    case = {
        "prompt": prompt,
        "candidates": [solution_str, *beaten],
        "reference": ground_truth if reference else None,
        "domain": str(data_source),
    }
    judgment = await asked(asking, task, case, told)
    return _logged(number_of(judgment, on_failure), marks_of(judgment))


async def _ranked(asking: AsyncJudgeClient, prompt: Any, response: str, told: Mapping[str, Any]) -> dict[str, float]:
    """The reward of a sample that is ranked among the others of its prompt."""
    marks = await gathered(asking, prompt, response, told)
    return _logged(marks["reward"], {**marks, "judge_scored": float("judge_calls" in marks)})


def _logged(score: float, marks: Mapping[str, float]) -> dict[str, float]:
    """The same fields for every sample: verl makes an array of each."""
    told = {"score": score, "judge_scored": marks["judge_scored"]}
    return told | {name: marks.get(name, 0.0) for name in _LOGGED}
