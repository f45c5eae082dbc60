"""What servers share for a while, and change one at a time: small values with versions, texts, and signs of life."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

NOTHING: Final = ""
"""The version of what is not there."""
_SWEEP_EVERY: Final = 1000


@dataclass(frozen=True, slots=True)
class Kept:
    """A value as it is now.

    Attributes:
        version: another after every change.
        now: the store's clock, in seconds.
    """

    value: bytes | None
    version: str
    now: float


class Seats(Protocol):
    """Keeps values until their time is over. Every method raises `StoreDown` if the store fails."""

    @property
    def place(self) -> str:
        """Where it is, without secrets."""
        ...

    async def look(self, name: str) -> Kept:
        """The value of that name."""
        ...

    async def swap(
        self, name: str, version: str, value: bytes, seconds: float, texts: Mapping[str, bytes] | None = None
    ) -> bool:
        """Puts a value in the place of that version; False if another is there by now.

        Args:
            seconds: that it is kept from now on.
            texts: kept along for as long, by name.
        """
        ...

    async def versions(self, names: Sequence[str]) -> list[str]:
        """The versions of values, looked up together."""
        ...

    async def texts(self, names: Sequence[str]) -> list[bytes | None]:
        """Texts by their names; None for those that are gone."""
        ...

    async def beat(self, server: str, seconds: float) -> None:
        """A server gives a sign of life, which holds for so long."""
        ...

    async def beats(self, servers: Sequence[str]) -> dict[str, float | None]:
        """When each last gave a sign of life, by the store's clock; None for those that have not for too long."""
        ...

    async def aclose(self) -> None:
        """Closes the store."""
        ...


class MemorySeats:
    """Values in this process, for a server that is alone."""

    place = "memory://"

    def __init__(self) -> None:
        self._values: dict[str, tuple[float, str, bytes]] = {}
        self._texts: dict[str, tuple[float, bytes]] = {}
        self._beats: dict[str, tuple[float, float]] = {}
        self._until_sweep = _SWEEP_EVERY

    async def look(self, name: str) -> Kept:
        """The value of that name."""
        now = _now()
        until, version, value = self._values.get(name, (0.0, NOTHING, None))
        return Kept(value, version, now) if now < until else Kept(None, NOTHING, now)

    async def swap(
        self, name: str, version: str, value: bytes, seconds: float, texts: Mapping[str, bytes] | None = None
    ) -> bool:
        """Puts a value in the place of that version."""
        if (await self.versions([name]))[0] != version:
            return False
        until = _now() + seconds
        self._values[name] = (until, secrets.token_hex(8), value)
        self._texts.update({text: (until, content) for text, content in (texts or {}).items()})
        self._sweep()
        return True

    def _sweep(self) -> None:
        self._until_sweep -= 1
        if self._until_sweep:
            return
        self._until_sweep = _SWEEP_EVERY
        now = _now()
        self._values = {name: kept for name, kept in self._values.items() if kept[0] > now}
        self._texts = {name: kept for name, kept in self._texts.items() if kept[0] > now}

    async def versions(self, names: Sequence[str]) -> list[str]:
        """The versions of values."""
        return [(await self.look(name)).version for name in names]

    async def texts(self, names: Sequence[str]) -> list[bytes | None]:
        """Texts by their names."""
        now = _now()
        found = [self._texts.get(name, (0.0, b"")) for name in names]
        return [content if now < until else None for until, content in found]

    async def beat(self, server: str, seconds: float) -> None:
        """A server gives a sign of life."""
        now = _now()
        self._beats[server] = (now, now + seconds)

    async def beats(self, servers: Sequence[str]) -> dict[str, float | None]:
        """When each last gave a sign of life."""
        now = _now()
        found = {server: self._beats.get(server, (0.0, 0.0)) for server in servers}
        return {server: beat if now < until else None for server, (beat, until) in found.items()}

    async def aclose(self) -> None:
        """Nothing is held."""


def _now() -> float:
    return asyncio.get_running_loop().time()
