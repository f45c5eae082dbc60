"""What has outlived its time is removed: files past their expiry, uploads that never ended, batches long over."""

from __future__ import annotations

import time
from typing import Final

from judge_service.backends.papers import Facts, Kind
from judge_service.jobs.life import is_over
from judge_service.jobs.office import Office

SWEEP_SECONDS: Final = 600.0
_BROKEN_OFF_SECONDS: Final = 86_400


class Sweeper:
    """Sweeps at the start and now and then; several processes that do it at once do no harm."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._next = 0.0

    async def sweep_when_due(self) -> None:
        """Removes what is due, if it is time to look.

        Raises:
            StoreDown: the store fails.
        """
        if time.monotonic() < self._next:
            return
        papers = self._office.papers
        unfinished = [facts for facts in await papers.facts(await papers.unfinished()) if facts is not None]
        read = {facts["input_file_id"] for facts in unfinished if not is_over(facts)}
        now = self._office.now()
        for name, facts in await self._all("file"):
            if name not in read and _is_past(facts, now):
                await papers.remove(name)
        for name, facts in await self._all("batch"):
            if is_over(facts) and self._office.expiry(facts["created_at"]) < now:
                await papers.remove(name)
        self._next = time.monotonic() + SWEEP_SECONDS

    async def _all(self, kind: Kind) -> list[tuple[str, Facts]]:
        return [paper async for paper in self._office.each(await self._office.papers.names(kind))]


def _is_past(facts: Facts, now: int) -> bool:
    if "bytes" not in facts:
        return bool(facts["created_at"] + _BROKEN_OFF_SECONDS < now)
    return bool(facts["expires_at"] <= now)
