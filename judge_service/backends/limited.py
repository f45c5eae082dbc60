"""A backend with a limit of calls in flight, which ends a call at its case's deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from judge_service.backends.base import Backend, Terms, each, failed
from judge_service.domain.prompting import Completion, JudgePrompt


class Limited:
    """Lets at most `most` calls through at a time."""

    def __init__(self, inner: Backend, most: int) -> None:
        self._inner = inner
        self._places = asyncio.Semaphore(most)

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        """Asks for each prompt by itself, as places become free."""
        return await each(prompts, lambda prompt: self._one(prompt, terms))

    async def _one(self, prompt: JudgePrompt, terms: Terms) -> Completion:
        try:
            async with asyncio.timeout_at(None if terms.deadline == float("inf") else terms.deadline), self._places:
                (completion,) = await self._inner.complete([prompt], terms)
                return completion
        except TimeoutError:
            return failed("timeout", "the case's deadline passed before the judge answered")

    async def aclose(self) -> None:
        """Closes what is inside."""
        await self._inner.aclose()
