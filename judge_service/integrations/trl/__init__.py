"""Reward functions for TRL (1.1 or later): the judge ranks a policy's completions while it is trained.

`JudgeReward` for GRPO, RLOO and AsyncGRPO, `JudgePreference` for Online DPO, `reward` for the command line. None of
them needs torch or TRL to be imported; `skipping.SkippingOnlineDPOTrainer`, which does, is imported by its own name.
"""

from judge_service.integrations.trl.judge_reward import JudgeReward
from judge_service.integrations.trl.preference import JudgePreference
from judge_service.integrations.trl.ready import reward

__all__ = ["JudgePreference", "JudgeReward", "reward"]
