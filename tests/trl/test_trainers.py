"""TRL's trainers take a step on the exports: which answer is which after their own tokenizing, and what it changes."""

import math
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset, load_dataset
from judged import WORTHS, Judged
from transformers import AutoTokenizer
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, KTOConfig, KTOTrainer, RewardConfig, RewardTrainer

BETTER, WORSE = f"(worth {WORTHS[0]})", f"(worth {WORTHS[1]})"
PLAIN = {
    "max_steps": 2,
    "per_device_train_batch_size": 4,
    "learning_rate": 1e-3,
    "lr_scheduler_type": "constant",
    "logging_steps": 1,
    "report_to": "none",
    "save_strategy": "no",
    "use_cpu": True,
    "bf16": False,
    "disable_tqdm": True,
}
SHAPES = [
    pytest.param((), False, id="texts"),
    pytest.param((), True, id="conversations"),
    pytest.param(("--texts", "messages"), False, id="texts as messages"),
]


def loaded(path: Path) -> Dataset:
    return load_dataset("json", data_files=str(path), split="train", cache_dir=str(path.parent / "cache"))


def trained(trainer: Any) -> list[dict[str, float]]:
    """What the trainer logged of its steps, which changed the model's weights and kept them finite."""
    before = {name: weight.detach().clone() for name, weight in trainer.model.named_parameters()}
    trainer.train()
    after = dict(trainer.model.named_parameters())
    assert any(not torch.equal(before[name], weight) for name, weight in after.items())
    assert all(torch.isfinite(weight).all() for weight in after.values())
    steps = [step for step in trainer.state.log_history if "loss" in step]
    assert len(steps) == PLAIN["max_steps"]
    assert all(math.isfinite(step["loss"]) for step in steps)
    return steps


def texts(trainer: Any, column: str, model: str) -> list[str]:
    """A column of what the trainer tokenized, as text again."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    return [tokenizer.decode(ids) for ids in trainer.train_dataset[column]]


@pytest.mark.parametrize(
    ("name", "flags", "talk"),
    [
        *[pytest.param("trl-preference", *shape.values, id=f"explicit prompt, {shape.id}") for shape in SHAPES],
        *[pytest.param("trl-preference-implicit", *shape.values, id=f"implicit, {shape.id}") for shape in SHAPES[:2]],
        pytest.param("trl-preference-implicit", ("--texts", "text"), False, id="implicit, as one text"),
        pytest.param("trl-preference", ("--pairs", "all"), False, id="all pairs"),
    ],
)
def test_dpo_trains_on_preferences(
    name: str, flags: tuple[str, ...], talk: bool, judged: Judged, model: str, tmp_path: Path
) -> None:
    rows = loaded(judged.exported(name, *flags, talk=talk))
    trainer = DPOTrainer(model, args=DPOConfig(output_dir=str(tmp_path), **PLAIN), train_dataset=rows)
    chosen, rejected = texts(trainer, "chosen_ids", model), texts(trainer, "rejected_ids", model)
    # Of one text the trainer takes what both begin with for the prompt.
    better, worse = (f"{worth})" for worth in WORTHS[:2]) if "text" in flags else (BETTER, WORSE)
    assert all(better in text and worse not in text for text in chosen)
    assert all(worse in text and better not in text for text in rejected)
    assert all("Question" in prompt for prompt in texts(trainer, "prompt_ids", model))
    assert not any("Question" in text for text in chosen + rejected)
    steps = trained(trainer)
    assert steps[0]["loss"] == pytest.approx(math.log(2), abs=1e-3)


@pytest.mark.parametrize(("flags", "talk"), SHAPES)
def test_kto_trains_on_desirable_and_undesirable_answers(
    flags: tuple[str, ...], talk: bool, judged: Judged, model: str, tmp_path: Path
) -> None:
    rows = loaded(judged.exported("kto", *flags, talk=talk))
    assert rows.features["label"].dtype == "bool"
    trainer = KTOTrainer(model, args=KTOConfig(output_dir=str(tmp_path), **PLAIN), train_dataset=rows)
    completions = texts(trainer, "completion_ids", model)
    assert [BETTER in text for text in completions] == list(trainer.train_dataset["label"])
    assert [WORSE in text for text in completions] == [not label for label in trainer.train_dataset["label"]]
    trained(trainer)


@pytest.mark.parametrize(("flags", "talk"), SHAPES)
def test_a_reward_model_trains_on_pairs_and_their_margin(
    flags: tuple[str, ...], talk: bool, judged: Judged, model: str, tmp_path: Path
) -> None:
    rows = loaded(judged.exported("trl-reward", *flags, talk=talk))
    trainer = RewardTrainer(model, args=RewardConfig(output_dir=str(tmp_path), **PLAIN), train_dataset=rows)
    assert all(BETTER in text and "Question" in text for text in texts(trainer, "chosen_ids", model))
    assert all(WORSE in text and "Question" in text for text in texts(trainer, "rejected_ids", model))
    assert list(trainer.train_dataset["margin"]) == list(rows["margin"])
    assert all(margin > 0 for margin in rows["margin"])
    batch = trainer.data_collator([trainer.train_dataset[0]])
    with torch.no_grad():
        with_margin = trainer.compute_loss(trainer.model, dict(batch)).item()
        without = trainer.compute_loss(trainer.model, {k: v for k, v in batch.items() if k != "margin"}).item()
    assert with_margin > without
    trained(trainer)


def nearest(
    prompts: list[Any], completions: list[Any], responses: list[list[Any]], rewards: list[list[float]], **_: Any
) -> list[float]:
    """What the stored answers were worth, each by how alike it is to what was written now."""
    told = []
    for completion, stored, worth in zip(completions, responses, rewards, strict=True):
        alike = [SequenceMatcher(None, plain(completion), plain(answer)).ratio() for answer in stored]
        told.append(sum(a * w for a, w in zip(alike, worth, strict=True)) + len(set(plain(completion))))
    return told


def plain(content: Any) -> str:
    return content if isinstance(content, str) else content[-1]["content"]


@pytest.mark.parametrize(("flags", "talk"), SHAPES)
@pytest.mark.parametrize("task", ["rank", "score"])
def test_grpo_trains_on_prompts_with_rewards_that_are_looked_up(
    task: str, flags: tuple[str, ...], talk: bool, judged: Judged, model: str, tmp_path: Path
) -> None:
    rows = loaded(judged.exported("grpo", *flags, task=task, talk=talk))
    for row in rows:
        best = plain(row["responses"][row["best"]])
        assert BETTER in best or "one answer" in plain(row["prompt"])
    args = GRPOConfig(output_dir=str(tmp_path), **PLAIN, num_generations=4, max_completion_length=8)
    trainer = GRPOTrainer(model, reward_funcs=nearest, args=args, train_dataset=rows)
    steps = trained(trainer)
    assert all(math.isfinite(step["reward"]) for step in steps)
