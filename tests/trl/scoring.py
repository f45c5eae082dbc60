"""What AsyncGRPO does with reward functions: unpickled in a spawned process, they score one group a call."""

import asyncio
import pickle
from types import SimpleNamespace
from typing import Any

from accelerate.state import PartialState
from trl.experimental.async_grpo.async_rollout_worker import RolloutGroup, _AsyncRolloutLoop


def score(loop_kwargs: bytes, groups: list[tuple[list[Any], list[Any], dict[str, list[Any]]]], told: Any) -> None:
    """Puts the rewards, by group and function, that TRL's own _score_group has of prompts, completions and columns."""
    PartialState()  # as TRL's _child_main does; its loggers want it
    functions = pickle.loads(loop_kwargs)["reward_funcs"]
    loop = SimpleNamespace(
        reward_funcs=functions,
        reward_func_names=[function.__name__ for function in functions],
        _env_reward_types=[],
        _provides_rollout_reward=False,
    )

    async def scored() -> list[list[list[float]]]:
        rewards = []
        for prompts, completions, columns in groups:
            group = RolloutGroup(
                prompts=prompts,
                reward_kwargs=columns,
                completions=completions,
                completions_ids=[[1]] * len(prompts),
                completions_sequences=[[SEQUENCE]] * len(prompts),
                tool_call_counts=[0] * len(prompts),
                tool_failure_counts=[0] * len(prompts),
                model_version=0,
                group_id=0,
                env_rewards=[],
                rollout_rewards=[],
            )
            samples = await _AsyncRolloutLoop._score_group(loop, group)
            rewards.append(
                [[sample.metrics[f"rewards/{name}"] for sample in samples] for name in loop.reward_func_names]
            )
        return rewards

    told.put(asyncio.run(scored()))


SEQUENCE = SimpleNamespace(input_ids=[1], completion_mask=[1], old_log_probs=[0.0])
