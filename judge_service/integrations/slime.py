"""slime: rewards for `--custom-rm-path judge_service.integrations.slime.reward`, with `--group-rm` or without.

With it slime hands over a whole group, which is ranked; without it a sample, which is scored. Without any adapter,
`--rm-type remote_rm --rm-url http://…/reward` asks the service itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import Ranking
from judge_service.integrations.trl.scored import strategy_for
from judge_service.integrations.worth import STEADY, Unscored, asked, async_client, number_of, why_not


async def reward(args: Any, samples: Any, **_: Any) -> Any:
    """Rewards in [0, 1]: of a group the mean probability of beating another member, of a sample its score as a share of
    the rubric's scale.

    Args:
        args: slime's own; `judge_url`, `judge_options` (a mapping) and `judge_on_failure` may be set by its
            `--custom-config-path`.
        samples: a sample, or a list of them: what `prompt`, `response` and `label` of slime's samples hold.

    Raises:
        Unscored: there is no verdict, nor a `judge_on_failure` for that.
    """
    options: Mapping[str, Any] = {**STEADY, **(getattr(args, "judge_options", None) or {})}
    on_failure: float | None = getattr(args, "judge_on_failure", None)
    asking = async_client(getattr(args, "judge_url", None))
    if not isinstance(samples, Sequence):
        case = {"prompt": samples.prompt, "response": samples.response}
        return number_of(await asked(asking, "score", case, options), on_failure)
    if len(samples) == 1:
        return [await reward(args, samples[0])]
    named = [{"id": str(place), "content": sample.response} for place, sample in enumerate(samples)]
    told = {"strategy": strategy_for(len(named)), **options}
    judgment = await asked(asking, "rank", {"prompt": samples[0].prompt, "candidates": named}, told)
    return _in_order(judgment, len(named), on_failure)


def _in_order(judgment: Judgment, members: int, on_failure: float | None) -> list[float]:
    scores = judgment.verdict.scores if isinstance(judgment.verdict, Ranking) else None
    if judgment.status == "judged" and scores:
        return [scores[str(place)] for place in range(members)]
    if on_failure is None:
        raise Unscored(why_not(judgment), code=judgment.status)
    return [on_failure] * members
