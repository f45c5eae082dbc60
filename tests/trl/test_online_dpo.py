"""Online DPO takes the better of two completions by the judge; what was not judged is not taken for anything."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from serving import Served
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl.experimental.online_dpo import OnlineDPOConfig, OnlineDPOTrainer

from judge_service.errors import InvalidConfiguration
from judge_service.integrations.client import JudgeError
from judge_service.integrations.trl import JudgePreference
from judge_service.integrations.trl.skipping import SkippingOnlineDPOTrainer

PAIRS = 4
PLAIN = {
    "max_steps": 2,
    "per_device_train_batch_size": PAIRS,
    "max_new_tokens": 8,
    "learning_rate": 1e-3,
    "logging_steps": 1,
    "report_to": "none",
    "save_strategy": "no",
    "use_cpu": True,
    "bf16": False,
    "disable_tqdm": True,
}


class Recorded(JudgePreference):
    """A reward function that remembers what it was called with and what it answered."""

    def __init__(self, *told: Any, **named: Any) -> None:
        super().__init__(*told, **named)
        self.heard: list[tuple[list[Any], list[Any], list[float | None]]] = []

    def __call__(self, prompts: Any, completions: Any, completion_ids: Any = None, **given: Any) -> Any:
        rewards = super().__call__(prompts, completions, completion_ids, **given)
        self.heard.append((list(prompts), list(completions), rewards))
        return rewards


def online(
    kind: Any, model: str, folder: Path, judge: Callable[..., Any], talk: bool = False, **more: Any
) -> OnlineDPOTrainer:
    texts = [f"Question {i}?" for i in range(2 * PAIRS)]
    prompts = [[{"role": "user", "content": text}] for text in texts] if talk else texts
    return kind(
        AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32),
        reward_funcs=judge,
        args=OnlineDPOConfig(output_dir=str(folder), **{**PLAIN, **more}),
        train_dataset=Dataset.from_dict({"prompt": prompts}),
        processing_class=AutoTokenizer.from_pretrained(model, padding_side="left"),
    )


@pytest.mark.parametrize("talk", [False, True], ids=["texts", "conversations"])
def test_each_pair_is_rewarded_as_the_service_compares_it(
    talk: bool, service: Served, model: str, tmp_path: Path
) -> None:
    judge = Recorded()
    trainer = online(OnlineDPOTrainer, model, tmp_path, judge, talk)
    trainer.train()
    assert len(judge.heard) == 2
    for prompts, completions, rewards in judge.heard:
        assert prompts[:PAIRS] == prompts[PAIRS:]
        for i in range(PAIRS):
            case = {"prompt": prompts[i], "candidates": [completions[i], completions[i + PAIRS]]}
            said = service.judged("compare", [case], orders="one", cache="bypass")[0]["verdict"]["probability"]
            assert rewards[i] == pytest.approx(said, abs=1e-5)
            assert rewards[i] + rewards[i + PAIRS] == pytest.approx(1.0)
    logged = [step for step in trainer.state.log_history if "judge/unscored" in step]
    assert [step["judge/unscored"] for step in logged] == [0.0, 0.0]
    assert [step["step"] for step in logged] == [0, 1]


def ties(judge: JudgePreference, prompts: list[str], step: int) -> list[bool]:
    """Which pairs of equal completions have the first one higher."""
    state = type("State", (), {"global_step": step, "log_history": []})()
    rewards = judge(prompts=prompts * 2, completions=["the same"] * 2 * len(prompts), trainer_state=state)
    half = len(prompts)
    chosen = (torch.tensor(rewards[:half]) >= torch.tensor(rewards[half:])).tolist()
    rejected = (torch.tensor(rewards[half:]) >= torch.tensor(rewards[:half])).tolist()
    assert chosen == [not other for other in rejected]
    return chosen


def test_ties_are_broken_by_seed_step_and_prompt_and_never_by_place(service: Served) -> None:
    prompts = [f"Question {i}?" for i in range(64)]
    first = ties(JudgePreference(every=0), prompts, 0)
    assert ties(JudgePreference(every=0), prompts, 0) == first
    assert ties(JudgePreference(every=0), prompts[::-1], 0) == first[::-1]
    assert 16 < sum(first) < 48
    assert ties(JudgePreference(every=0), prompts, 1) != first
    assert ties(JudgePreference(every=0, seed=1), prompts, 0) != first


def test_a_pair_that_could_not_be_judged_is_an_error_unless_told_otherwise(
    service: Served, model: str, tmp_path: Path
) -> None:
    service.behave(ftext=1.0)
    with pytest.raises(JudgeError, match=re.escape("could not be judged (unreadable")):
        online(OnlineDPOTrainer, model, tmp_path, JudgePreference()).train()


def test_a_pair_that_could_not_be_judged_is_decided_by_seed_and_counted(
    service: Served, model: str, tmp_path: Path
) -> None:
    service.behave(ftext=0.5, sticky=True)
    judge = Recorded(on_failure="random")
    trainer = online(OnlineDPOTrainer, model, tmp_path, judge)
    trainer.train()
    rewards = [value for heard in judge.heard for value in heard[2][:PAIRS]]
    drawn = [value for value in rewards if abs(value - 0.5) < 1e-5]
    assert 0 < len(drawn) < len(rewards)
    logged = [step["judge/random"] for step in trainer.state.log_history if "judge/random" in step]
    assert sum(logged) * PAIRS == len(drawn)


def test_skip_is_refused_where_the_trainer_would_not_heed_it(service: Served, model: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="SkippingOnlineDPOTrainer"):
        online(OnlineDPOTrainer, model, tmp_path, JudgePreference(on_failure="skip")).train()


class Planted:
    """Rewards by rule, and none for the pairs that are named; the batch it saw is kept."""

    def __init__(self, missing: tuple[int, ...]) -> None:
        self.__name__ = "planted"
        self._missing = missing

    def __call__(self, prompts: list[Any], completions: list[Any], **_: Any) -> list[float | None]:
        half = len(prompts) // 2
        first: list[float | None] = [None if i in self._missing else 0.1 + 0.8 * (i % 2) for i in range(half)]
        return first + [None if value is None else 1.0 - value for value in first]


class Fixed:
    """Generates the same completions each time, of the pairs that are named."""

    def _generate(self, model: Any, prompts: list[Any], images: Any = None) -> Any:
        if not hasattr(type(self), "made"):
            type(self).made = super()._generate(model, prompts, images)
        *tensors, vision = type(self).made
        rows = [*self.kept, *(i + PAIRS for i in self.kept)]
        return *(tensor[rows] for tensor in tensors), vision


def gradients(trainer: Any, kept: tuple[int, ...]) -> tuple[dict[str, torch.Tensor], float]:
    """What one step on these pairs adds to the gradients, and its loss."""
    trainer.kept = kept
    trainer.model.zero_grad()
    prompts = [f"Question {i}?" for i in kept]
    loss = trainer.training_step(trainer.model, {"prompt": prompts})
    return {n: p.grad.clone() for n, p in trainer.model.named_parameters() if p.grad is not None}, loss.item()


@pytest.mark.parametrize("loss_type", ["sigmoid", "ipo"])
@pytest.mark.parametrize("missing", [(1,), (0, 3), (0, 1, 2, 3)])
def test_a_skipped_pair_changes_no_gradient_and_no_loss(
    missing: tuple[int, ...], loss_type: str, model: str, tmp_path: Path
) -> None:
    class Base(Fixed, OnlineDPOTrainer):
        """The stock trainer on given completions."""

    class Skipping(Fixed, SkippingOnlineDPOTrainer):
        """Ours on the same."""

    stock = online(Base, model, tmp_path, Planted(()), loss_type=loss_type, beta=0.3)
    # Another policy than the reference, so that logits and gradients are not those of the start.
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in stock.model.parameters():
            weight.add_(0.02 * torch.randn_like(weight))
    gradients(stock, tuple(range(PAIRS)))
    Skipping.made = Base.made
    ours = online(Skipping, model, tmp_path, Planted(missing), loss_type=loss_type, beta=0.3)
    ours.model.load_state_dict(stock.model.state_dict())
    got, loss = gradients(ours, tuple(range(PAIRS)))
    left = [i for i in range(PAIRS) if i not in missing]
    alone = []
    for i in left:
        stock.reward_funcs = [lambda prompts, i=i, **_: [0.1 + 0.8 * (i % 2), 0.9 - 0.8 * (i % 2)]]
        alone.append(gradients(stock, (i,)))
    # The mean is over the whole batch: each pair that is left weighs what it weighs with the others there.
    assert loss == pytest.approx(sum(own for _, own in alone) / PAIRS, abs=1e-5)
    for name, gradient in got.items():
        wanted = sum((own[name] for own, _ in alone), torch.zeros_like(gradient)) / PAIRS
        # Sums of float32 in another order: as near as the largest of them allows.
        assert (gradient - wanted).abs().max() <= 1e-5 * max(1.0, wanted.abs().max().item()), name
    assert any(gradient.abs().max() > 0 for gradient in got.values()) == bool(left)


def test_online_dpo_trains_on_while_some_pairs_are_skipped(service: Served, model: str, tmp_path: Path) -> None:
    service.behave(ftext=0.5, sticky=True)
    judge = Recorded(on_failure="skip")
    trainer = online(SkippingOnlineDPOTrainer, model, tmp_path, judge)
    trainer.train()
    missing = sum(value is None for heard in judge.heard for value in heard[2]) / 2
    assert 0 < missing < 2 * PAIRS
    skipped = [step["judge/skipped"] for step in trainer.state.log_history if "judge/skipped" in step]
    assert sum(skipped) * PAIRS == missing
