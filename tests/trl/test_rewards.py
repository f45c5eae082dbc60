"""GRPO and RLOO are rewarded by the judge: each completion gets its own reward, at its own place."""

import math
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from serving import Served
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

from judge_service.integrations.trl import JudgeReward
from judge_service.integrations.trl.ready import configured

STEPS, GROUP = 3, 4
PLAIN = {
    "max_steps": STEPS,
    "per_device_train_batch_size": 2 * GROUP,
    "num_generations": GROUP,
    "max_completion_length": 12,
    "learning_rate": 1e-3,
    "logging_steps": 1,
    "report_to": "none",
    "save_strategy": "no",
    "use_cpu": True,
    "bf16": False,
    "disable_tqdm": True,
}
TRAINERS = [pytest.param(GRPOTrainer, GRPOConfig, id="GRPO"), pytest.param(RLOOTrainer, RLOOConfig, id="RLOO")]


class Recorded(JudgeReward):
    """A reward function that remembers what it was called with and what it answered."""

    def __init__(self, *told: Any, **named: Any) -> None:
        super().__init__(*told, **named)
        self.heard: list[tuple[list[Any], list[Any], list[float | None], dict[str, Any]]] = []

    async def __call__(self, prompts: Any, completions: Any, completion_ids: Any = None, **given: Any) -> Any:
        rewards = await super().__call__(prompts, completions, completion_ids, **given)
        self.heard.append((list(prompts), list(completions), rewards, given))
        return rewards


def questions(talk: bool, count: int = 8) -> Dataset:
    """Prompts, two of which are the same text: no group may be found by it."""
    texts = [f"Question {i % (count - 1)}?" for i in range(count)]
    prompts = [[{"role": "user", "content": text}] for text in texts] if talk else texts
    return Dataset.from_dict(
        {"prompt": prompts, "answer": [f"Answer {i}." for i in range(count)], "level": [1] * count}
    )


def trained(trainer: Any) -> list[dict[str, float]]:
    trainer.train()
    return [step for step in trainer.state.log_history if "loss" in step]


@pytest.mark.parametrize("talk", [False, True], ids=["texts", "conversations"])
@pytest.mark.parametrize(("trainer", "config"), TRAINERS)
def test_every_completion_gets_what_the_service_says_of_it_in_its_group(
    trainer: Any, config: Any, talk: bool, service: Served, model: str, tmp_path: Path
) -> None:
    judge = Recorded(reference="answer")
    args = config(output_dir=str(tmp_path), **PLAIN)
    run = trainer(model, reward_funcs=judge, args=args, train_dataset=questions(talk))
    steps = trained(run)
    assert len(judge.heard) == STEPS == len(steps)
    for prompts, completions, rewards, given in judge.heard:
        for start in range(0, len(prompts), GROUP):
            own = slice(start, start + GROUP)
            assert all(prompt == prompts[start] for prompt in prompts[own])
            said = service.judged(
                "rank",
                [{"prompt": prompts[start], "candidates": completions[own], "reference": given["answer"][start]}],
                orders="one",
                cache="bypass",
                strategy="round-robin",
            )[0]["verdict"]["scores"]
            assert rewards[own] == pytest.approx(list(said.values()), abs=1e-6)
    # The trainer holds the very same rewards beside the very same completions.
    assert list(run._logs["completion"]) == judge.heard[-1][1]
    assert list(run._logs["rewards"]["judge"]) == pytest.approx(judge.heard[-1][2], abs=1e-6)
    assert run._logs["extra"]["judge_unscored"][0] == ""


def test_what_is_logged_at_each_step(service: Served, model: str, tmp_path: Path) -> None:
    service.behave(bias=1.0, slope=0.2)
    args = GRPOConfig(output_dir=str(tmp_path), **PLAIN)
    anchors = [{"prompt": "?", "candidates": ["a (worth 9)", "b (worth 1)"], "metadata": {"better": "a"}}]
    judge = JudgeReward(every=2, anchors=anchors)
    steps = trained(GRPOTrainer(model, reward_funcs=judge, args=args, train_dataset=questions(talk=False)))
    for step in steps:
        assert step["rewards/judge/mean"] == pytest.approx(0.5, abs=1e-6)
        assert step["judge/unscored"] == 0.0
        assert step["judge/epoch"] == 0.0
    # Where all of a step's completions are cut at the same length, there is no correlation with it.
    assert any(-1.0 <= step.get("judge/length_correlation", 2.0) <= 1.0 for step in steps)
    due = [step for step in steps if "judge/flip_rate" in step]
    assert len(due) == 2
    assert all(step["judge/position_bias"] == pytest.approx(1.0, abs=1e-3) for step in due)
    assert all(step["judge/anchor_accuracy"] == 1.0 for step in due)


@pytest.mark.parametrize(("trainer", "config"), TRAINERS)
def test_what_could_not_be_judged_has_no_reward_and_moves_nothing(
    trainer: Any, config: Any, service: Served, model: str, tmp_path: Path
) -> None:
    service.behave(ftext=0.15, sticky=True)
    judge = Recorded()
    args = config(output_dir=str(tmp_path), **PLAIN)
    run = trainer(model, reward_funcs=judge, args=args, train_dataset=questions(talk=False))
    steps = trained(run)
    rewards = [reward for call in judge.heard for reward in call[2]]
    groups = [rewards[start : start + GROUP] for start in range(0, len(rewards), GROUP)]
    missing = [group for group in groups if None in group]
    assert 0 < len(missing) < len(groups)
    assert all(group == [None] * GROUP for group in missing)
    assert all(math.isfinite(step["loss"]) for step in steps)
    assert sum(step["judge/unscored"] for step in steps) * 2 == pytest.approx(len(missing))
    last = [reward is None for reward in judge.heard[-1][2]]
    for is_missing, advantage in zip(last, run._logs["advantages"], strict=True):
        assert not is_missing or advantage == 0.0


def test_faults_that_pass_are_not_seen_by_the_trainer(service: Served, model: str, tmp_path: Path) -> None:
    service.behave(f500=0.2)
    judge = Recorded(every=0)
    args = GRPOConfig(output_dir=str(tmp_path), **PLAIN)
    trained(GRPOTrainer(model, reward_funcs=judge, args=args, train_dataset=questions(talk=False)))
    assert all(reward is not None for call in judge.heard for reward in call[2])


def test_evaluation_has_groups_of_its_own_size(service: Served, model: str, tmp_path: Path) -> None:
    judge = Recorded()
    sizes = {"num_generations_eval": 2, "per_device_eval_batch_size": 4, "eval_strategy": "steps", "eval_steps": 3}
    args = GRPOConfig(output_dir=str(tmp_path), **PLAIN, **sizes)
    rows = questions(talk=False)
    trained(GRPOTrainer(model, reward_funcs=judge, args=args, train_dataset=rows, eval_dataset=rows.select(range(3))))
    evaluated = [call for call in judge.heard if len(call[0]) < 2 * GROUP]
    assert evaluated
    for _, _, rewards, _ in evaluated:
        for first, second in zip(rewards[::2], rewards[1::2], strict=True):
            assert first + second == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("reward", ["pointwise", "baseline", "strengths"])
def test_the_other_rewards_train_too(reward: str, service: Served, model: str, tmp_path: Path) -> None:
    judge = Recorded(reward=reward, **({"baseline": "answer"} if reward == "baseline" else {}))
    args = GRPOConfig(output_dir=str(tmp_path), **{**PLAIN, "max_steps": 1})
    trained(GRPOTrainer(model, reward_funcs=judge, args=args, train_dataset=questions(talk=True)))
    prompts, completions, rewards, given = judge.heard[0]
    if reward == "strengths":
        assert sum(rewards[:GROUP]) == pytest.approx(0.0, abs=1e-5)
        return
    for prompt, completion, value, answer in zip(prompts, completions, rewards, given["answer"], strict=True):
        case = {"prompt": prompt, "candidates": [completion] + ([answer] if reward == "baseline" else [])}
        task = "compare" if reward == "baseline" else "score"
        verdict = service.judged(task, [case], orders="one", cache="bypass")[0]["verdict"]
        assert value == pytest.approx(verdict["probability" if reward == "baseline" else "normalized"], abs=1e-6)


def test_the_command_line_names_the_ready_made_function(
    service: Served,
    model: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from trl.scripts.grpo import main, make_parser

    questions(talk=False).to_json(str(tmp_path / "rows" / "train.jsonl"))
    monkeypatch.setenv("JUDGE_REWARD__REFERENCE", "answer")
    configured.cache_clear()
    told = {**PLAIN, "max_steps": 1, "output_dir": tmp_path / "out", "model_name_or_path": model, "dtype": "float32"}
    told |= {"dataset_name": tmp_path / "rows", "reward_funcs": "judge_service.integrations.trl.reward"}
    argv = [part for name, value in told.items() for part in (f"--{name}", str(value))]
    script, training, model_args, dataset, *_ = make_parser().parse_args_and_config(args=argv)
    main(script, training, model_args, dataset)
    said = capsys.readouterr().out
    assert "'rewards/judge/mean': '0.5'" in said
    assert "'judge/unscored': '0'" in said
