"""verl: its reward managers and workers, with the service behind their custom reward function."""

import asyncio
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from serving import Served
from tensordict import TensorDict
from verl import DataProto
from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase
from verl.trainer.ppo.reward import load_reward_manager

from judge_service.errors import InvalidConfiguration
from judge_service.integrations.client import JudgeError
from judge_service.integrations.worth import Unscored


class Characters:
    """A tokenizer whose tokens are characters."""

    def decode(self, ids: torch.Tensor, skip_special_tokens: bool = False) -> str:
        return "".join(map(chr, ids.tolist()))


def manager(name: str = "naive", **told: Any) -> RewardManagerBase:
    """verl's own, as its workers load it by the configuration."""
    function = {"path": "pkg://judge_service.integrations.verl", "name": "compute_score", "reward_kwargs": told}
    where = {"source": "register", "name": name, "module": None}
    reward = {"custom_reward_function": function, "reward_manager": where, "num_workers": 1}
    return load_reward_manager(OmegaConf.create({"reward": reward}), Characters())


def sample(answer: str, **extra: Any) -> DataProto:
    """One rolled-out sample, as verl's agent loop hands it to the reward loop."""
    prompt, response = torch.ones((1, 4), dtype=torch.int64), torch.tensor([list(map(ord, answer + "\0\0"))])
    mask = torch.cat([torch.ones_like(prompt), (response > 0).long()], dim=1)
    batch = TensorDict({"prompts": prompt, "responses": response, "attention_mask": mask}, batch_size=1)
    rows = {
        "data_source": "primes",
        "reward_model": {"ground_truth": "7"},
        "extra_info": {"question": "Name a prime number.", **extra},
    }
    return DataProto(batch=batch, non_tensor_batch={name: np.array([row], dtype=object) for name, row in rows.items()})


def scored(given: DataProto, **told: Any) -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        made = manager(**told)
        made.loop = asyncio.get_running_loop()
        return await made.run_single(given)

    return asyncio.run(run())


def test_a_better_answer_has_the_higher_reward(service: Served) -> None:
    better, worse = scored(sample("7 (worth 5)")), scored(sample("8 (worth 2)"))
    assert 0.0 <= worse["reward_score"] < better["reward_score"] <= 1.0
    judged = service.judged("score", [{"prompt": "Name a prime number.", "response": "7 (worth 5)"}])
    assert better["reward_score"] == pytest.approx(judged[0]["verdict"]["normalized"])


def test_every_sample_logs_the_same_fields_which_are_numbers(service: Served) -> None:
    told = scored(sample("7 (worth 5)"), on_failure=0.25)
    service.behave(label_mass=0.01)
    failed = scored(sample("7 (worth 5)"), on_failure=0.25)
    assert told["reward_extra_info"].keys() == failed["reward_extra_info"].keys()
    assert all(isinstance(value, float) for value in [*told["reward_extra_info"].values(), failed["reward_score"]])
    assert (told["reward_extra_info"]["judge_scored"], failed["reward_extra_info"]["judge_scored"]) == (1.0, 0.0)
    assert failed["reward_score"] == 0.25


def test_a_sample_without_a_verdict_is_an_error_and_no_zero(service: Served) -> None:
    service.behave(label_mass=0.01)
    with pytest.raises(Unscored, match="low_label_mass"):
        scored(sample("7 (worth 5)"))


def test_an_answer_may_be_held_against_a_baseline(service: Served) -> None:
    told = {"baseline_key": "draft", "orders": "both"}
    assert scored(sample("7 (worth 5)", draft="8 (worth 2)"), **told)["reward_score"] == pytest.approx(0.9526, abs=1e-3)


def test_a_prompt_that_is_not_there_is_told_with_what_is(service: Served) -> None:
    with pytest.raises(InvalidConfiguration, match=r"no field 'prompt'; it has .*question"):
        scored(sample("7"), prompt_key="prompt")


def gathered(*answers: str, **told: Any) -> list[Any]:
    """What comes of a group whose samples are scored at once, errors among them."""

    async def run() -> list[Any]:
        made = manager(**{"wait": 20.0, **told})
        made.loop = asyncio.get_running_loop()
        scoring = [made.run_single(sample(answer, split="train")) for answer in answers]
        return await asyncio.gather(*scoring, return_exceptions=True)

    return asyncio.run(run())


def test_samples_of_a_prompt_are_gathered_by_the_service_and_ranked(service: Served) -> None:
    results = gathered(*[f"{worth} (worth {worth})" for worth in (3, 9, 1)], group=3, run="verl")
    rewards = [one["reward_score"] for one in results]
    assert rewards[2] < rewards[0] < rewards[1]
    assert sum(rewards) == pytest.approx(1.5)
    assert {one["reward_extra_info"]["judge_cohort_size"] for one in results} == {3.0}
    validated = scored(sample("7 (worth 5)", split="test"), group=3, run="verl")
    assert validated["reward_extra_info"].keys() == results[0]["reward_extra_info"].keys()
    assert validated["reward_extra_info"]["judge_cohort_size"] == 0.0


def test_a_group_without_a_verdict_is_an_error_or_the_number_that_was_named(service: Served) -> None:
    service.behave(label_mass=0.01)
    answers = ("7 (worth 5)", "8 (worth 2)")
    told = gathered(*answers, group=2, run="unscored", on_failure=0.5)
    assert [one["reward_score"] for one in told] == [0.5, 0.5]
    assert {one["reward_extra_info"]["judge_scored"] for one in told} == {0.0}
    failed = gathered(*answers, group=2, run="unscored", wait=1.0, timeout=4.0)
    assert all(isinstance(error, JudgeError) and "low_label_mass" in str(error.code) for error in failed)


@pytest.mark.parametrize("name", ["naive", "dapo", "rate_limited"])
def test_verls_own_managers_take_it(service: Served, name: str) -> None:
    better, worse = (scored(sample(answer), name=name) for answer in ("7 (worth 5)", "8 (worth 2)"))
    assert worse["reward_score"] < better["reward_score"]
