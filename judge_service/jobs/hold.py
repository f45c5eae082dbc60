"""A batch in this process's hands: its lease is renewed, and its facts are looked at again, as the work goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from judge_service.backends.papers import Facts, NotHeld, Papers
from judge_service.errors import StoreDown

_PAUSE_SECONDS = 0.5
_LOOK_SECONDS = 1.0


class Hold:
    """The lease on one batch.

    Attributes:
        facts: what stood on it when it was looked at last.
    """

    def __init__(self, papers: Papers, name: str, holder: str, seconds: float, facts: Facts) -> None:
        self.papers = papers
        self.name = name
        self.facts = facts
        self._holder = holder
        self._seconds = seconds
        self._next = 0.0

    async def beat(self) -> None:
        """Renews the lease and looks at the facts, when it is time to.

        Raises:
            NotHeld: another has it, or it is gone.
        """
        if time.monotonic() < self._next:
            return
        if not await self.papers.lease(self.name, self._holder, self._seconds):
            raise NotHeld(self.name)
        (facts,) = await self.papers.facts([self.name])
        if facts is None:
            raise NotHeld(self.name)
        self.facts = facts
        self._next = time.monotonic() + min(_LOOK_SECONDS, self._seconds / 3)

    async def settle(self, **facts: object) -> None:
        """Adds facts, and knows from then on what stands: somebody may have been there first.

        Raises:
            NotHeld: another has it, or it is gone.
        """
        await self.papers.settle(self.name, facts, self._holder)
        self._next = 0.0
        await self.beat()

    async def put(self, parts: Mapping[tuple[str, int], bytes]) -> None:
        """Keeps answers. While the store fails it is tried again for as long as the lease may last.

        Raises:
            NotHeld: another has it, or it is gone.
            StoreDown: the store does not come back.
        """
        until = time.monotonic() + self._seconds
        while True:
            try:
                await self.papers.put(self.name, parts, self._holder)
            except StoreDown:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return

    async def finish(self) -> None:
        """There is nothing more to do on it.

        Raises:
            NotHeld: another has it, or it is gone.
        """
        await self.papers.finish(self.name, self._holder)
