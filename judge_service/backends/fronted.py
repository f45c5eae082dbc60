"""A little memory in front of a store: what was asked a moment ago is not fetched again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from judge_service.backends.stores import MemoryStore, Store

if TYPE_CHECKING:
    from judge_service.backends.claims import Claims

FRONT_ENTRIES: Final = 50_000


class Fronted:
    """Looks into memory first. Entries never change under their key, so memory cannot be out of date, only short."""

    def __init__(self, back: Store, most: int = FRONT_ENTRIES) -> None:
        self._back = back
        self._front = MemoryStore(most)

    @property
    def claims(self) -> Claims | None:
        """Those of the store behind."""
        return self._back.claims

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """What is kept under each key, here or behind."""
        found = await self._front.get_many(keys)
        missing = [key for key, value in zip(keys, found, strict=True) if value is None]
        if not missing:
            return found
        fetched = dict(zip(missing, await self._back.get_many(missing), strict=True))
        await self._front.put_many({key: value for key, value in fetched.items() if value is not None})
        return [fetched[key] if value is None else value for key, value in zip(keys, found, strict=True)]

    async def put_many(self, entries: Mapping[bytes, bytes]) -> None:
        """Keeps the entries here and behind."""
        await self._front.put_many(entries)
        await self._back.put_many(entries)

    async def aclose(self) -> None:
        """Closes the store behind."""
        await self._back.aclose()
