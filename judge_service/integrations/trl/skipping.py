"""TRL's OnlineDPOTrainer, which leaves pairs without rewards out of its loss. Needs TRL and torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from trl.experimental.online_dpo import OnlineDPOTrainer


class Heard:
    """A reward function, and which of its last call's rows it gave no reward to."""

    def __init__(self, function: Callable[..., Sequence[float | None]]) -> None:
        self.__name__ = getattr(function, "__name__", type(function).__name__)
        self._function = function
        self.missing: list[bool] = []
        if hasattr(function, "is_skipping_heeded"):
            function.is_skipping_heeded = True

    def __call__(self, **told: Any) -> Sequence[float | None]:
        rewards = self._function(**told)
        self.missing = [reward is None or math.isnan(reward) for reward in rewards]
        return rewards


class SkippingOnlineDPOTrainer(OnlineDPOTrainer):  # type: ignore[misc]  # TRL is not there for the type checker
    """Leaves out of the loss every pair of which a completion got None from all reward functions.

    The log-probabilities of such a pair are put to a constant before the loss is made of them, so that it gives no
    gradient; what it then adds to the loss is known, and taken off what is reported. The others weigh what they would
    weigh with it: the mean is over the whole batch still.
    """

    def __init__(self, *told: Any, **named: Any) -> None:
        super().__init__(*told, **named)
        self.reward_funcs: list[Any] = [f if isinstance(f, torch.nn.Module) else Heard(f) for f in self.reward_funcs]
        self._forwarded: list[torch.Tensor] = []
        self._skipped = 0.0
        self.stats["judge/skipped"] = []

    def _forward(self, *told: Any, **named: Any) -> torch.Tensor:
        """Log-probabilities of the completions' tokens: of the policy, then of the reference model."""
        logprobs: torch.Tensor = super()._forward(*told, **named)
        self._forwarded.append(logprobs)
        return logprobs

    def _calculate_rewards_from_functions(self, *told: Any, **named: Any) -> torch.Tensor:
        """Rewards by row, (2B,); the first half of the rows are the first completions."""
        rewards: torch.Tensor = super()._calculate_rewards_from_functions(*told, **named)
        rows = self._without_reward(len(rewards)).to(rewards.device)
        pairs = rows.view(2, -1).any(dim=0)
        self._skipped = pairs.float().mean().item()
        for logprobs in self._forwarded:
            logprobs.masked_fill_(pairs.repeat(2).unsqueeze(1), 0.0)
        return rewards

    def _without_reward(self, rows: int) -> torch.Tensor:
        missing = torch.ones(rows, dtype=torch.bool)
        for function in self.reward_funcs:
            if not isinstance(function, Heard):
                return torch.zeros_like(missing)
            missing &= torch.tensor(function.missing)
        return missing

    def training_step(self, *told: Any, **named: Any) -> torch.Tensor:
        """One step, whose loss says nothing of the pairs that were left out."""
        self._forwarded.clear()
        loss: torch.Tensor = super().training_step(*told, **named)
        self._forwarded.clear()
        self.stats["judge/skipped"].append(self._skipped)
        return loss - self._skipped * self._even_loss() / self.args.gradient_accumulation_steps

    def _even_loss(self) -> float:
        """The loss of a pair whose log-probabilities are all alike."""
        return math.log(2.0) if self.args.loss_type == "sigmoid" else 1.0 / (2.0 * self.beta) ** 2
