"""Seats in one Redis server, which several servers share; in keys of their own, each with an expiry."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from judge_service.backends.redis_link import MOST, Fault, RedisLink
from judge_service.backends.redis_store import NAMESPACE
from judge_service.backends.seats import NOTHING, Kept
from judge_service.errors import StoreDown

LIMIT_SECONDS: Final = 2.0
_VERSION_BYTES: Final = 16
# A value begins with its version. Each script is one step to everybody else.
_LOOK: Final = "local t = redis.call('TIME') return {redis.call('GET', KEYS[1]), t[1], t[2]}"
_SWAP: Final = f"""
if redis.call('GETRANGE', KEYS[1], 0, {_VERSION_BYTES - 1}) ~= ARGV[1] then return 0 end
for i = 1, #KEYS do redis.call('SET', KEYS[i], ARGV[i + 2], 'PX', ARGV[2]) end
return 1"""
_VERSIONS: Final = f"""
local found = {{}}
for i, name in ipairs(KEYS) do found[i] = redis.call('GETRANGE', name, 0, {_VERSION_BYTES - 1}) end
return found"""
_BEAT: Final = """
local t = redis.call('TIME')
redis.call('SET', KEYS[1], string.format('%d.%06d', t[1], t[2]), 'PX', ARGV[1])"""


class RedisSeats:
    """Values, texts and signs of life under `<namespace>:cohorts:v1:`; the clock is the server's.

    Args:
        url: redis://, rediss:// or unix://; one server, and no cluster.

    Raises:
        ValueError, TypeError: the URL is wrong.
    """

    def __init__(self, url: str, namespace: str = NAMESPACE) -> None:
        self._link = RedisLink(url, LIMIT_SECONDS, ("the place of cohorts", "none is gathered meanwhile"))
        self.place = self._link.address
        self._prefix = f"{namespace}:cohorts:v1:"

    async def _asked(self, *command: str | bytes | int) -> Any:
        (reply,) = await self._link.run([command])
        if isinstance(reply, Fault):
            raise StoreDown(f"cohorts in {self.place}: {reply.message}")
        return reply

    async def _script(self, script: str, keys: Sequence[str], *told: str | bytes | int) -> Any:
        return await self._asked("EVAL", script, len(keys), *keys, *told)

    def _table(self, name: str) -> str:
        return f"{self._prefix}table:{name}"

    def _text(self, name: str) -> str:
        return f"{self._prefix}text:{name}"

    def _server(self, name: str) -> str:
        return f"{self._prefix}server:{name}"

    async def look(self, name: str) -> Kept:
        """The value of that name, and the server's time."""
        held, seconds, micros = await self._script(_LOOK, [self._table(name)])
        now = int(seconds) + int(micros) / 1e6
        if held is None:
            return Kept(None, NOTHING, now)
        return Kept(held[_VERSION_BYTES:], held[:_VERSION_BYTES].decode(), now)

    async def swap(
        self, name: str, version: str, value: bytes, seconds: float, texts: Mapping[str, bytes] | None = None
    ) -> bool:
        """Puts a value in the place of that version."""
        told = texts or {}
        keys = [self._table(name), *map(self._text, told)]
        new = secrets.token_hex(_VERSION_BYTES // 2).encode() + value
        return bool(await self._script(_SWAP, keys, version, _milliseconds(seconds), new, *told.values()))

    async def versions(self, names: Sequence[str]) -> list[str]:
        """The versions of values, in one operation to each few hundred."""
        found: list[str] = []
        for at in range(0, len(names), MOST):
            part = [self._table(name) for name in names[at : at + MOST]]
            found += [version.decode() for version in await self._script(_VERSIONS, part)]
        return found

    async def texts(self, names: Sequence[str]) -> list[bytes | None]:
        """Texts by their names."""
        found: list[bytes | None] = await self._asked("MGET", *map(self._text, names))
        return found

    async def beat(self, server: str, seconds: float) -> None:
        """A server gives a sign of life."""
        await self._script(_BEAT, [self._server(server)], _milliseconds(seconds))

    async def beats(self, servers: Sequence[str]) -> dict[str, float | None]:
        """When each last gave a sign of life."""
        found = await self._asked("MGET", *map(self._server, servers))
        return {server: None if beat is None else float(beat) for server, beat in zip(servers, found, strict=True)}

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._link.aclose()


def _milliseconds(seconds: float) -> int:
    return max(1, round(1000 * seconds))
