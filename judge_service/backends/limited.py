"""A backend with a limit of calls in flight."""

from __future__ import annotations

from collections.abc import Sequence

from judge_service.backends.base import Backend, Terms
from judge_service.backends.lanes import Lanes
from judge_service.domain.prompting import Completion, JudgePrompt


class Limited:
    """Lets at most `most` calls through at a time; the others wait for a place, those of batches behind the rest."""

    def __init__(self, inner: Backend, most: int) -> None:
        self._inner = inner
        self._places = Lanes(most)

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        """Asks as soon as there is a place."""
        gives_way = terms.priority == "batch"
        await self._places.acquire(gives_way)
        try:
            return await self._inner.complete(prompts, terms)
        finally:
            self._places.release(gives_way)

    async def aclose(self) -> None:
        """Closes what is inside."""
        await self._inner.aclose()
