"""A backend with a limit of calls in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from judge_service.backends.base import Backend, Terms
from judge_service.domain.prompting import Completion, JudgePrompt


class Limited:
    """Lets at most `most` calls through at a time; the others wait for a place."""

    def __init__(self, inner: Backend, most: int) -> None:
        self._inner = inner
        self._places = asyncio.Semaphore(most)

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        """Asks as soon as there is a place."""
        async with self._places:
            return await self._inner.complete(prompts, terms)

    async def aclose(self) -> None:
        """Closes what is inside."""
        await self._inner.aclose()
