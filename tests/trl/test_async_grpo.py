"""AsyncGRPO pickles reward functions into a process of its own, and gives them one group at a time."""

import asyncio
import inspect
import multiprocessing
import pickle
from typing import Any

import pytest
from scoring import score
from serving import Served

from judge_service.errors import InvalidConfiguration
from judge_service.integrations.trl import JudgeReward, reward
from judge_service.integrations.trl.ready import configured

TEXTS = [f"An answer (worth {worth})" for worth in (2, 9, 4, 7)]
USER = {"role": "user", "content": "Which?"}
CALL = {"type": "function", "function": {"name": "look", "arguments": {"at": "it"}}}


def talks(texts: list[str]) -> list[Any]:
    """Completions with a tool call each, in the shapes that TRL hands on."""
    asked = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    return [
        [asked, {"role": "tool", "name": "look", "content": "seen"}, {"role": "assistant", "content": text}]
        for text in texts
    ]


def test_groups_are_scored_in_a_spawned_process_as_in_this_one(service: Served) -> None:
    configured.cache_clear()
    functions = [JudgeReward(every=0, name="own"), reward]
    groups = [
        ([[USER]] * 4, talks(TEXTS), {"level": [1] * 4}),
        ([[USER]] * 4, talks(TEXTS[::-1]), {"level": [2] * 4}),
    ]
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    # What AsyncRolloutWorker.start() pickles, and hands to its child.
    process = context.Process(target=score, args=(pickle.dumps({"reward_funcs": functions}), groups, told))
    process.start()
    rewards = told.get(timeout=240)
    process.join(60)
    for (prompts, completions, _), scored in zip(groups, rewards, strict=True):
        here = asyncio.run(functions[0](prompts=prompts, completions=completions))
        assert scored == [pytest.approx(here, abs=1e-6)] * 2
        best = completions[max(range(4), key=scored[0].__getitem__)]
        assert best[-1]["content"] == "An answer (worth 9)"


def test_a_call_that_is_no_group_is_refused_where_no_trainer_says_how_many(service: Served) -> None:
    judge = JudgeReward()
    with pytest.raises(InvalidConfiguration, match="rows 0 and 2 should be one group of 4"):
        asyncio.run(judge(prompts=["a", "a", "b", "b"], completions=TEXTS))
    told = JudgeReward(num_generations=2)
    first, second, third, fourth = asyncio.run(told(prompts=["a", "a", "b", "b"], completions=TEXTS))
    assert (first < 0.5 < second, third < 0.5 < fourth) == (True, True)


def test_trainers_before_1_14_are_given_the_method() -> None:
    assert inspect.iscoroutinefunction(JudgeReward().__call__)
    assert inspect.iscoroutinefunction(reward)
