"""The reward function that the command line names: `trl grpo --reward_funcs judge_service.integrations.trl.reward`.

Every argument of JudgeReward is a variable, JUDGE_REWARD__RUBRIC=harmlessness and so on; its values are words or JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from judge_service.environ import options_under
from judge_service.errors import InvalidConfiguration
from judge_service.integrations.trl.judge_reward import JudgeReward

PREFIX: Final = "JUDGE_REWARD__"


@cache
def configured() -> JudgeReward:
    """The one of this process.

    Raises:
        InvalidOption, InvalidConfiguration: a variable says what cannot be.
    """
    try:
        return JudgeReward(**options_under(PREFIX))
    except TypeError as e:
        raise InvalidConfiguration(f"{PREFIX}…: {e}") from None


async def reward(
    prompts: Sequence[Any], completions: Sequence[Any], completion_ids: Any = None, **given: Any
) -> list[float | None]:
    """A reward to each row; see JudgeReward."""
    return await configured()(prompts, completions, completion_ids, **given)


reward.__name__ = "judge"  # what TRL logs it by; it is found, and pickled, as `reward` still
