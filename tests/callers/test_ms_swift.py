"""ms-swift: the call of its GRPO trainer to asynchronous rewards, one of `asyncio.run` to a step.

The package itself asks for TRL below 1 and modelscope, and is not installed: what stands here is the call as its
rl_core/grpo_algorithm.py makes it.
"""

import asyncio
import inspect
from typing import Any

import pytest
from serving import Served

from judge_service.integrations.ms_swift import JudgeReward

ANSWERS = ("7 (worth 5)", "8 (worth 2)")


def rewarded(reward: JudgeReward, answers: tuple[str, ...] = ANSWERS, **columns: Any) -> list[float | None]:
    asked = {"role": "user", "content": "Name a prime number."}
    messages = [[asked, {"role": "assistant", "content": answer}] for answer in answers]
    told = {"trainer_state": None, "messages": messages, "request_id": ["r"] * len(answers), **columns}
    return asyncio.run(reward(list(answers), **told))


def test_completions_are_scored_at_every_step_anew(service: Served) -> None:
    reward = JudgeReward(args=None, rubric="helpfulness")
    assert inspect.iscoroutinefunction(reward.__call__)
    for _ in range(2):
        better, worse = rewarded(reward)
        assert better is not None
        assert worse is not None
        assert worse < better
    assert rewarded(JudgeReward(reference="solution"), solution=["Any prime."] * 2) == pytest.approx([better, worse])


def test_a_completion_without_a_verdict_is_none_and_can_be_logged(service: Served) -> None:
    service.behave(label_mass=0.01)
    seen: list[Any] = []
    assert rewarded(JudgeReward(seen=seen.extend)) == [None, None]
    assert [judgment.status for judgment in seen] == ["unscored", "unscored"]
