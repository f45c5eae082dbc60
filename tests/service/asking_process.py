"""A process of its own that puts questions to a counting judge behind a shared cache.

Arguments: URL FIRST LAST SECONDS CLAIM_SECONDS. Each question is asked by three callers at once. The program prints
`ready`, waits for a line, and prints the answers' texts.
"""

import asyncio
import json
import sys
from collections.abc import Sequence

from redis.asyncio import BlockingConnectionPool, Redis

from judge_service.backends.base import Terms
from judge_service.backends.cached import Cached
from judge_service.backends.redis_store import RedisStore
from judge_service.domain.answers import FreeText
from judge_service.domain.prompting import Completion, JudgePrompt, Sampling, Span
from judge_service.domain.verdicts import Usage


def question(n: int) -> JudgePrompt:
    """One question to the judge."""
    return JudgePrompt("j", (Span("Judge."),), (Span(f"{n}", "prompt"),), FreeText("choice", "pair", 2), Sampling())


class CountingJudge:
    """Counts in the same Redis how often each question reached it."""

    def __init__(self, counts: Redis, seconds: float) -> None:
        self._counts = counts
        self._seconds = seconds

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        answers = []
        for prompt in prompts:
            n = prompt.user[0].text
            await self._counts.hincrby("asked", n, 1)
            await asyncio.sleep(self._seconds)
            answers.append(Completion(text=f"answer {n}", usage=Usage(judge_calls=1)))
        return answers

    async def aclose(self) -> None:
        """Nothing is held."""


async def main(url: str, first: int, last: int, seconds: float, claim_seconds: float) -> list[str]:
    store = RedisStore(url, limit=5.0, claim_seconds=claim_seconds)
    # Few connections: hundreds at once would be a test of the machine.
    counts = Redis.from_pool(BlockingConnectionPool.from_url(url, max_connections=4, timeout=None))
    cached = Cached(CountingJudge(counts, seconds), store, lambda: "judge", claims=store.claims)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    asked = [question(n) for n in range(first, last)]
    callers = [cached.complete([prompt], Terms()) for prompt in asked for _ in range(3)]
    texts = [completion.text for (completion,) in await asyncio.gather(*callers)]
    await store.aclose()
    await counts.aclose()
    return texts


if __name__ == "__main__":
    url, *numbers = sys.argv[1:]
    first, last, seconds, claim_seconds = map(float, numbers)
    print(json.dumps(asyncio.run(main(url, int(first), int(last), seconds, claim_seconds))))
