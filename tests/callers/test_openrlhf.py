"""OpenRLHF: its own executor of rollouts, which asks for a reward as soon as it has sampled an answer."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from openrlhf.utils.agent import SingleTurnAgentExecutor
from serving import Served

PROMPT = "<|im_start|>user\nName a prime number.<|im_end|>\n<|im_start|>assistant\n"


class Characters:
    """A tokenizer whose tokens are characters."""

    def __call__(self, text: str, add_special_tokens: bool, return_tensors: str) -> dict[str, torch.Tensor]:
        return {"input_ids": torch.tensor([list(map(ord, text))])}

    def decode(self, ids: list[int], skip_special_tokens: bool) -> str:
        return "".join(map(chr, ids))


class Engine:
    """Samples what it is told to."""

    def __init__(self, answer: str) -> None:
        self.answer = answer

    async def generate(self, prompt: list[int], params: Any, multi_modal_data: Any = None) -> SimpleNamespace:
        said = SimpleNamespace(
            token_ids=list(map(ord, self.answer + "<|im_end|>")), finish_reason="stop", logprobs=None
        )
        return SimpleNamespace(outputs=[said])


def rolled_out(url: str, *answers: str) -> list[dict[str, Any]]:
    """What OpenRLHF knows of each rollout of a prompt, all of them at once."""
    executor = SingleTurnAgentExecutor(url)
    params = SimpleNamespace(max_tokens=64, logprobs=None)

    async def run() -> list[dict[str, Any]]:
        told = [executor.execute(PROMPT, None, params, 4096, Characters(), Engine(answer)) for answer in answers]
        return await asyncio.gather(*told)

    return asyncio.run(run())


def test_a_better_answer_has_the_higher_reward_whatever_its_special_tokens(service: Served) -> None:
    better, worse = rolled_out(f"{service.url}/get_reward", "7 (worth 5)", "8 (worth 2)")
    assert 0.0 <= worse["reward"][0] < better["reward"][0] <= 1.0
    assert better["scores"] == better["reward"]
    judged = service.judged("score", [{"prompt": "Name a prime number.", "response": "7 (worth 5)"}])
    assert better["reward"] == pytest.approx([judged[0]["verdict"]["normalized"]])


def test_what_it_logs_is_a_list_of_numbers_to_each_name(service: Served) -> None:
    (told,) = rolled_out(f"{service.url}/get_reward", "7 (worth 5)")
    assert told["extra_logs"]
    assert all(isinstance(value, float) for values in told["extra_logs"].values() for value in values)


def test_rollouts_of_a_prompt_are_gathered_and_ranked(service: Served) -> None:
    answers = [f"{worth} (worth {worth})" for worth in (3, 9, 1, 5)]
    told = rolled_out(f"{service.url}/get_reward?group=4&wait=20&run=openrlhf", *answers)
    rewards = [one["reward"][0] for one in told]
    assert rewards[2] < rewards[0] < rewards[3] < rewards[1]


def test_without_a_verdict_it_keeps_no_reward_or_the_number_that_was_named(service: Served) -> None:
    service.behave(label_mass=0.01)
    (told,) = rolled_out(f"{service.url}/get_reward?on_failure=0.5&cache=bypass", "7 (worth 5)")
    assert told["reward"] == [0.5]
    (told,) = rolled_out(f"{service.url}/get_reward?cache=bypass", "7 (worth 5)")
    assert told["reward"] is None
