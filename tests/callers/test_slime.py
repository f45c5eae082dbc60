"""slime: its own request, and the reward function that it loads by path.

slime is on no package index. What stands here is the request of its `remote_rm` (slime/rollout/rm_hub), which is one
JSON object posted by aiohttp with a limit of 64 connections and 120 s, whose answer is the reward as it is.
"""

import asyncio
import importlib
import math
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from serving import Served

from judge_service.integrations.worth import Unscored

PROMPT = "Name a prime number."


def sample(response: str, prompt: Any = PROMPT) -> SimpleNamespace:
    """The fields of slime's `Sample` that rewards are made of."""
    return SimpleNamespace(prompt=prompt, response=response, label=None, metadata={})


async def remote_rm(url: str, samples: list[SimpleNamespace]) -> list[Any]:
    """What slime asks of `--rm-url`, one request to each sample, all at once."""
    limits = {"connector": aiohttp.TCPConnector(limit=64), "timeout": aiohttp.ClientTimeout(total=120)}

    async def asked(session: aiohttp.ClientSession, one: SimpleNamespace) -> Any:
        payload = {"prompt": one.prompt, "response": one.response, "label": one.label}
        async with session.post(url, json=payload) as response:
            response.raise_for_status()
            return await response.json()

    async with aiohttp.ClientSession(**limits) as session:
        return await asyncio.gather(*(asked(session, one) for one in samples))


def custom_rm(given: Any, **args: Any) -> Any:
    """What slime makes of `--custom-rm-path`."""
    function = importlib.import_module("judge_service.integrations.slime").reward
    return asyncio.run(function(SimpleNamespace(**args), given))


def test_a_remote_reward_is_a_bare_number_or_has_the_key_that_was_asked_for(service: Served) -> None:
    samples = [sample("7 (worth 5)"), sample("8 (worth 2)", [{"role": "user", "content": PROMPT}])]
    better, worse = asyncio.run(remote_rm(f"{service.url}/reward", samples))
    assert 0.0 <= worse < better <= 1.0
    (told,) = asyncio.run(remote_rm(f"{service.url}/reward?reward_key=score", samples[:1]))
    assert told["score"] == pytest.approx(better)


def test_remote_rewards_of_one_prompt_are_gathered_and_ranked(service: Served) -> None:
    samples = [sample(f"{worth} (worth {worth})") for worth in (3, 9, 1, 5)]
    rewards = asyncio.run(remote_rm(f"{service.url}/reward?group=4&wait=20&run=slime", samples))
    assert rewards[2] < rewards[0] < rewards[3] < rewards[1]
    assert sum(rewards) == pytest.approx(2.0)


def test_a_group_is_ranked_by_the_function_and_a_sample_scored(service: Served) -> None:
    samples = [sample(f"{worth} (worth {worth})") for worth in (3, 9, 1)]
    rewards = custom_rm(samples)
    assert rewards == pytest.approx(service.rank_scores(PROMPT, [one.response for one in samples]))
    assert rewards[2] < rewards[0] < rewards[1]
    assert custom_rm([samples[1]]) == [custom_rm(samples[1])]
    assert custom_rm(samples[1], judge_options={"orders": "both"}, judge_url=service.url) > custom_rm(samples[2])


def test_without_a_verdict_the_function_raises_or_says_what_it_was_told(service: Served) -> None:
    service.behave(label_mass=0.01)
    samples = [sample("7 (worth 5)"), sample("8 (worth 2)")]
    for given in (samples, samples[0]):
        with pytest.raises(Unscored, match="low_label_mass"):
            custom_rm(given)
    assert custom_rm(samples, judge_on_failure=0.5) == [0.5, 0.5]
    assert math.isnan(custom_rm(samples[0], judge_on_failure=math.nan))
