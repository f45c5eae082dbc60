"""Papers in one Redis server, shared by processes and machines; in keys of their own, which the cache never touches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from redis.exceptions import RedisError

from judge_service.backends.papers import TRAYS, Facts, Kind, NotHeld
from judge_service.backends.redis_link import RedisLink
from judge_service.backends.redis_store import NAMESPACE
from judge_service.errors import StoreDown

_FAILURES: Final = (RedisError, OSError, TimeoutError)
# All keys of a paper: its facts, its lease, then its trays. Each script is one step to everybody else.
_ADD: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local order = redis.call('INCR', KEYS[2])
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('ZADD', KEYS[3], order, ARGV[1])
redis.call('ZADD', KEYS[4], order, ARGV[1])
if ARGV[2] == '1' then redis.call('ZADD', KEYS[5], order, ARGV[1]) end
return 1"""
_CHECKED: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if ARGV[1] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
"""
_SETTLE: Final = _CHECKED + "for i = 2, #ARGV, 2 do redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) end return 1"
_PUT: Final = (
    _CHECKED
    + "for i = 2, #ARGV, 3 do redis.call('HSET', KEYS[2 + tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2]) end return 1"
)
_FINISH: Final = (
    _CHECKED + "for i = 4, #KEYS do redis.call('UNLINK', KEYS[i]) end redis.call('ZREM', KEYS[3], ARGV[2]) return 1"
)
_REMOVE: Final = """
for i = 4, #KEYS do redis.call('UNLINK', KEYS[i]) end
for i = 1, 3 do redis.call('ZREM', KEYS[i], ARGV[1]) end"""
_LEASE: Final = """
local held = redis.call('GET', KEYS[2])
if redis.call('EXISTS', KEYS[1]) == 0 or (held and held ~= ARGV[1]) then return 0 end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1"""
_RELEASE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class RedisPapers:
    """Papers under `<namespace>:jobs:v1:`.

    They have no expiry of Redis's own, so that a server that evicts only what has one (`volatile-…`), or nothing, never
    drops them; on one that may drop anything, none is made.

    Args:
        url: redis://, rediss:// or unix://; one server, and no cluster.

    Raises:
        ValueError, TypeError: the URL is wrong.
    """

    def __init__(self, url: str, namespace: str = NAMESPACE) -> None:
        self._link = RedisLink(url)
        self.place = self._link.address
        self._prefix = f"{namespace}:jobs:v1:"

    async def _asked(self, *command: str | bytes | int) -> Any:
        try:
            return await self._link.asked(*command)
        except _FAILURES as e:
            raise StoreDown(f"files and batches in {self.place}: {str(e) or type(e).__name__}") from None

    async def _script(self, script: str, keys: Sequence[str], *told: str | bytes | int) -> Any:
        return await self._asked("EVAL", script, len(keys), *keys, *told)

    def _paper(self, name: str) -> tuple[str, str]:
        return self._prefix + name, f"{self._prefix}{name}:lease"

    def _tray(self, name: str, tray: str) -> str:
        return f"{self._prefix}{name}:{tray}"

    def _trays(self, name: str) -> list[str]:
        return [self._tray(name, tray) for tray in TRAYS]

    def _listed(self, kind: str, tenant: str | None) -> str:
        return f"{self._prefix}:{kind}" if tenant is None else f"{self._prefix}:{kind}:{tenant}"

    @property
    def _open(self) -> str:
        return f"{self._prefix}:open"

    async def add(self, kind: Kind, name: str, facts: Facts, is_open: bool = False) -> None:
        """Makes a paper; one that is there already stays as it is."""
        await self._check_keeping()
        lists = (self._listed(kind, None), self._listed(kind, facts["tenant"]), self._open)
        keys = (self._paper(name)[0], f"{self._prefix}:order", *lists)
        await self._script(_ADD, keys, name, int(is_open), "kind", orjson.dumps(kind), *_flat(facts))

    async def _check_keeping(self) -> None:
        memory = await self._asked("INFO", "memory")
        policy = str(memory.get("maxmemory_policy", ""))
        if memory.get("maxmemory") and policy.startswith("allkeys"):
            raise StoreDown(
                f"{self.place} drops what it likes when it is full (maxmemory-policy {policy}), and files and batches"
                " are not to be lost: set volatile-lru there and cache.max_age_days here, or another place as jobs.url"
            )

    async def facts(self, names: Sequence[str]) -> list[Facts | None]:
        """What stands on each paper."""
        found = [await self._asked("HGETALL", self._paper(name)[0]) for name in names]
        return [{fact.decode(): orjson.loads(value) for fact, value in each.items()} or None for each in found]

    async def names(self, kind: Kind, tenant: str | None = None) -> list[str]:
        """Papers in the order in which they were made."""
        return [name.decode() for name in await self._asked("ZRANGE", self._listed(kind, tenant), 0, -1)]

    async def unfinished(self) -> list[str]:
        """The papers that are open."""
        return [name.decode() for name in await self._asked("ZRANGE", self._open, 0, -1)]

    async def settle(self, name: str, facts: Facts, holder: str = "") -> None:
        """Adds facts; the first write of each stands."""
        _check(name, await self._script(_SETTLE, self._paper(name), holder, *_flat(facts)))

    async def put(self, name: str, parts: Mapping[tuple[str, int], bytes], holder: str = "") -> None:
        """Puts parts into trays."""
        told: list[str | bytes | int] = []
        for (tray, number), value in parts.items():
            told += (TRAYS.index(tray) + 1, number, value)
        _check(name, await self._script(_PUT, (*self._paper(name), *self._trays(name)), holder, *told))

    async def parts(self, name: str, tray: str, numbers: Sequence[int]) -> list[bytes | None]:
        """Parts of one tray."""
        if not numbers:
            return []
        found: list[bytes | None] = await self._asked("HMGET", self._tray(name, tray), *numbers)
        return found

    async def numbers(self, name: str, tray: str) -> list[int]:
        """The numbers of all parts in a tray."""
        return [int(number) for number in await self._asked("HKEYS", self._tray(name, tray))]

    async def counts(self, name: str) -> dict[str, int]:
        """How many parts lie in each tray."""
        counted = {tray: int(await self._asked("HLEN", self._tray(name, tray))) for tray in TRAYS}
        return {tray: count for tray, count in counted.items() if count}

    async def finish(self, name: str, holder: str) -> None:
        """Empties the trays, and nobody works on the paper any more."""
        keys = (*self._paper(name), self._open, *self._trays(name))
        _check(name, await self._script(_FINISH, keys, holder, name))

    async def remove(self, name: str) -> None:
        """Removes a paper."""
        (facts,) = await self.facts([name])
        if facts is not None:
            lists = (self._listed(facts["kind"], None), self._listed(facts["kind"], facts["tenant"]), self._open)
            await self._script(_REMOVE, (*lists, *self._paper(name), *self._trays(name)), name)

    async def lease(self, name: str, holder: str, seconds: float) -> bool:
        """Takes a paper, or keeps it, by the server's clock."""
        return bool(await self._script(_LEASE, self._paper(name), holder, max(1, round(seconds * 1000))))

    async def release(self, name: str, holder: str) -> None:
        """Gives a paper back."""
        await self._script(_RELEASE, self._paper(name)[1:], holder)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._link.aclose()


def _flat(facts: Facts) -> list[str | bytes]:
    return [part for name, value in facts.items() for part in (name, orjson.dumps(value))]


def _check(name: str, reply: Any) -> None:
    if not reply:
        raise NotHeld(name)
