"""Where files and batches are kept, and who is told that there is work."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from judge_service.backends.papers import Facts, Kind, Papers
from judge_service.errors import UnknownName
from judge_service.sections import JobSettings

_DAY_SECONDS = 86_400.0


@dataclass(slots=True)
class Office:
    """One server process's way to the papers that all of them share.

    Attributes:
        stirred: set when there may be something to do.
        ending: set when this process takes up nothing more.
    """

    papers: Papers
    settings: JobSettings
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    ending: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self) -> None:
        """Nothing more is taken up, and lines under way are finished."""
        self.ending.set()
        self.stirred.set()

    def now(self) -> int:
        """The time of day, in whole seconds since 1970."""
        return int(time.time())

    def expiry(self, created: int, keep: int | None = None) -> int:
        """When what was made then goes away."""
        return created + (int(self.settings.keep_days * _DAY_SECONDS) if keep is None else keep)

    async def owned(self, kind: Kind, name: str, tenant: str, param: str | None = None) -> Facts:
        """What stands on a tenant's paper.

        Raises:
            UnknownName: there is none of that name, or it is another's, or its time is over.
        """
        facts = None
        if name.startswith(PREFIX[kind]):
            (facts,) = await self.papers.facts([name])
        if facts is None or facts["tenant"] != tenant or (kind == "file" and not is_whole(facts)):
            raise UnknownName(f"there is no {kind} '{name}'", param or f"{kind}_id")
        return facts

    async def page(
        self,
        kind: Kind,
        tenant: str,
        after: str | None,
        limit: int,
        oldest_first: bool = False,
        purpose: str | None = None,
    ) -> tuple[list[tuple[str, Facts]], bool]:
        """Some of a tenant's papers, and whether there are more.

        Raises:
            UnknownName: `after` is none of them.
        """
        names = await self.papers.names(kind, tenant)
        if not oldest_first:
            names.reverse()
        if after is not None:
            if after not in names:
                raise UnknownName(f"there is no {kind} '{after}'", "after")
            del names[: names.index(after) + 1]
        found: list[tuple[str, Facts]] = []
        async with aclosing(self.each(names)) as papers:
            async for name, facts in papers:
                if (kind == "batch" or is_whole(facts)) and purpose in (None, facts.get("purpose")):
                    found.append((name, facts))
                if len(found) > limit:
                    break
        return found[:limit], len(found) > limit

    async def each(self, names: Sequence[str]) -> AsyncGenerator[tuple[str, Facts], None]:
        """The papers of these names that there still are, with what stands on them, read some at a time."""
        for start in range(0, len(names), _SOME):
            some = names[start : start + _SOME]
            for name, facts in zip(some, await self.papers.facts(some), strict=True):
                if facts is not None:
                    yield name, facts


PREFIX: dict[Kind, str] = {"file": "file-", "batch": "batch_"}
_SOME = 100


def new_name(kind: Kind) -> str:
    """A name nobody can guess."""
    return PREFIX[kind] + secrets.token_hex(12)


def is_whole(facts: Facts) -> bool:
    """Whether a file has come in to its end, and its time is not over."""
    return "bytes" in facts and facts["expires_at"] > time.time()
