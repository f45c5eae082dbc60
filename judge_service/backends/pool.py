"""Several replicas of one judge: a case stays with one of them, and moves on when that one fails."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from judge_service.backends.base import Backend, Terms, TransientFault
from judge_service.domain.prompting import Completion, JudgePrompt

REST_SECONDS: Final = 5.0


class Pool:
    """Chooses by the case's affinity among the replicas that are not resting after a failure."""

    def __init__(self, replicas: Sequence[Backend]) -> None:
        self._replicas = list(replicas)
        self._resting_until = [0.0] * len(replicas)

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        """Asks the case's own replica, or the next one while it rests.

        Raises:
            TransientFault: the replica failed; the next attempt goes to another.
        """
        at = self._chosen(terms.affinity)
        try:
            return await self._replicas[at].complete(prompts, terms)
        except TransientFault:
            self._resting_until[at] = time.monotonic() + REST_SECONDS
            raise

    def _chosen(self, affinity: int) -> int:
        n = len(self._replicas)
        now = time.monotonic()
        for step in range(n):
            at = (affinity + step) % n
            if self._resting_until[at] <= now:
                return at
        return min(range(n), key=self._resting_until.__getitem__)

    async def aclose(self) -> None:
        """Closes every replica."""
        for replica in self._replicas:
            await replica.aclose()
