"""Trainers as they ask for rewards, in their own time: OpenRLHF 0.11's remote reward and slime's remote_rm.

What they send, how long they wait and how often they try again is as in those packages (openrlhf/utils/agent.py,
slime/rollout/rm_hub); a test may shorten the times.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

CHATML = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n"


@dataclass(frozen=True)
class OpenRlhf:
    """A rollout worker: one request to each response, addresses in turn; whatever goes wrong is tried again."""

    addresses: Sequence[str]
    query: str = ""
    timeout: float = 180.0
    tries: int = 5
    pause: float = 1.0

    async def reward(self, prompt: str, response: str, label: Any = None, first: int = 0) -> dict[str, Any] | None:
        """What the server says of one response; None if it says nothing in all tries."""
        templated = CHATML.format(prompt)
        body = {"query": [f"{templated}{response}<|im_end|>"], "prompts": [templated], "labels": [label]}
        for attempt in range(self.tries):
            address = self.addresses[(first + attempt) % len(self.addresses)]
            try:
                timeout = aiohttp.ClientTimeout(total=self.timeout)
                async with (
                    aiohttp.ClientSession(timeout=timeout) as session,
                    session.post(f"{address}/get_reward{self.query}", json=body) as response_,
                ):
                    response_.raise_for_status()
                    return dict(await response_.json())
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(self.pause)
        return None


async def slime(address: str, prompt: Any, response: str, label: Any = None, query: str = "") -> Any:
    """What slime makes of an answer: the JSON itself is the reward."""
    body = {"prompt": prompt, "response": response, "label": label}
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session,
        session.post(f"{address}/reward{query}", json=body) as answer,
    ):
        answer.raise_for_status()
        return await answer.json()
