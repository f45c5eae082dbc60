"""Batches as a stock OpenAI client has them judged."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
from judge_server import Answer, Asked, by_worth, text_of
from openai import AsyncOpenAI
from openai.types import Batch

SECONDS = 60
OVER = ("completed", "failed", "expired", "cancelled")
_NUMBER = re.compile(r"Task (\d+)\b")


def request(number: int, url: str = "/v1/compare", **body: Any) -> dict[str, Any]:
    """A line that asks about a pair of its own, and about nothing that a cache knows."""
    candidates = [f"{number} yes (worth 3)", f"{number} no (worth 1)"]
    asked = {"prompt": f"Task {number} ", "candidates": candidates, "cache": "bypass", **body}
    return {"custom_id": f"line-{number}", "method": "POST", "url": url, "body": asked}


def number_of(asked: Asked) -> int:
    """Which line a question is about."""
    found = _NUMBER.search(text_of(asked["messages"][-1]))
    assert found
    return int(found[1])


class Gates:
    """A judge that keeps the questions about some tasks waiting until they are let go."""

    def __init__(self, held: Iterable[int]) -> None:
        self._gates = {number: asyncio.Event() for number in held}

    def __call__(self, asked: Asked) -> Answer:
        told = by_worth(asked)
        return Answer(told.body, waits=self._gates.get(number_of(asked)))

    def let_go(self, *numbers: int) -> None:
        for number in numbers or self._gates:
            self._gates[number].set()


@asynccontextmanager
async def client_of(address: str, key: str = "none") -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0, timeout=SECONDS) as client:
        yield client


def content_of(lines: Sequence[Any]) -> bytes:
    """A file of lines; one that is bytes stands as it is."""
    return b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines)


async def begun(client: AsyncOpenAI, lines: Sequence[Any], endpoint: str = "/v1/compare", **told: Any) -> Batch:
    """A batch of these lines."""
    file = await client.files.create(file=("lines.jsonl", content_of(lines)), purpose="batch")
    asked: Any = {"endpoint": endpoint, "completion_window": "24h", **told}
    return await client.batches.create(input_file_id=file.id, **asked)


async def when(client: AsyncOpenAI, batch: Batch, *statuses: str, answered: int = 0) -> Batch:
    """The batch once it has one of these statuses, and so many answers."""
    async with asyncio.timeout(SECONDS):
        while True:
            batch = await client.batches.retrieve(batch.id)
            counts = batch.request_counts
            assert counts is not None
            if (batch.status in statuses or not statuses) and counts.completed + counts.failed >= answered:
                return batch
            assert batch.status not in OVER or batch.status in statuses, batch
            await asyncio.sleep(0.02)


async def lines_in(client: AsyncOpenAI, file_id: str | None) -> list[dict[str, Any]]:
    """The lines of an output or error file; none where there is no file."""
    if file_id is None:
        return []
    return [orjson.loads(line) for line in (await client.files.content(file_id)).content.splitlines()]


def names_of(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    return [line["custom_id"] for line in lines]


def names(numbers: Iterable[int]) -> list[str]:
    return [f"line-{number}" for number in numbers]
