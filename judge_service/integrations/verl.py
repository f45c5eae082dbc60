"""verl (0.9): `compute_score` for `reward.custom_reward_function`, path "pkg://judge_service.integrations.verl".

verl scores one sample at a time, in many worker processes, and cannot be told of no reward: an unscored sample is an
error, which ends the step, or the number in `on_failure`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from judge_service.integrations.worth import STEADY, async_client, field_of, marks_of, number_of


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
        on_failure: the reward where there is no verdict; None: an error.
        reward_router_address: of verl's own reward model, which is not asked; reward_model_tokenizer likewise.
        options: of the judgment, from `reward_kwargs`; one order and no cache, if they do not say otherwise.

    Raises:
        Unscored: there is no verdict, nor a number for that.
        InvalidConfiguration: `extra_info` has not what was named.
    """
    given = extra_info or {}
    case = {
        "prompt": field_of(given, prompt_key, "extra_info"),
        "reference": ground_truth if reference else None,
        "domain": str(data_source),
    }
    asking, told = async_client(base_url, api_key), {**STEADY, **options}
    if baseline_key:
        candidates = [solution_str, field_of(given, baseline_key, "extra_info")]
        judgment = await asking.compare(**case, candidates=candidates, **told)
    else:
        judgment = await asking.score(**case, candidates=solution_str, **told)
    return {"score": number_of(judgment, on_failure), **marks_of(judgment)}
