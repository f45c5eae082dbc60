"""Accounts that servers share: levels in one Redis, by its clock, each charge one step to everybody else."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from judge_service.backends.books import BookAway
from judge_service.backends.buckets import Charged, Level, Limit
from judge_service.backends.redis_link import LIMIT_SECONDS, Fault, RedisLink
from judge_service.backends.redis_store import NAMESPACE

# What buckets.py does, in one step. A limit's field in the account's hash holds two numbers: used, and when.
_SCRIPT: Final = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local used, at, refused, keep = {}, {}, {}, 0
local count = (#ARGV - 1) / 4
for i = 1, count do
  local name, span = ARGV[4 * i - 2], ARGV[4 * i - 1]
  local most, cost = tonumber(ARGV[4 * i]), tonumber(ARGV[4 * i + 1])
  local told = redis.call('HGET', KEYS[1], name)
  local u, t = 0, now
  if told then
    local cut = string.find(told, ' ')
    u, t = tonumber(string.sub(told, 1, cut - 1)), tonumber(string.sub(told, cut + 1))
    if now > t then
      if span == 'minute' then u = u - (now - t) * most / 60
      else u = u - (math.floor(now / 86400) - math.floor(t / 86400)) * most end
      u, t = math.max(0, u), now
    end
  end
  if ARGV[1] == 'charge' and u > 1e-9 and u + math.max(cost, 1e-9) > most then table.insert(refused, i - 1) end
  used[i], at[i] = u, t
end
local told = {}
for i = 1, count do
  if #refused == 0 then used[i] = math.max(0, used[i] + tonumber(ARGV[4 * i + 1])) end
  local span = 60
  if ARGV[4 * i - 1] == 'day' then span = 86400 end
  keep = math.max(keep, (used[i] / tonumber(ARGV[4 * i]) + 2) * span)
  told[2 * i - 1], told[2 * i] = string.format('%.17g', used[i]), string.format('%.17g', at[i])
  redis.call('HSET', KEYS[1], ARGV[4 * i - 2], told[2 * i - 1] .. ' ' .. told[2 * i])
end
redis.call('EXPIRE', KEYS[1], math.ceil(math.min(keep, 31536000)))
return {refused, told}"""


class RedisBook:
    """Levels under `<namespace>:quotas:v1:<account>`. Charges of one turn of the event loop are one round trip.

    Args:
        url: redis://, rediss:// or unix://; one server, and no cluster.
        limit: seconds that one operation may take.

    Raises:
        ValueError, TypeError: the URL is wrong.
    """

    def __init__(self, url: str, namespace: str = NAMESPACE, limit: float = LIMIT_SECONDS) -> None:
        self._link = RedisLink(url, limit, "the quotas' Redis", "quotas.when_away says what becomes of requests")
        self._prefix = f"{namespace}:quotas:v1:"
        self._under_way: set[asyncio.Task[Any]] = set()

    @property
    def faults(self) -> Counter[str]:
        """How many operations failed, by kind."""
        return self._link.faults

    async def charge(self, account: str, limits: Sequence[Limit], costs: Sequence[float]) -> Charged:
        """Charges all limits or none.

        Raises:
            BookAway: Redis does not answer.
        """
        return await self._asked("charge", account, limits, costs)

    async def look(self, account: str, limits: Sequence[Limit]) -> Charged:
        """Charges nothing.

        Raises:
            BookAway: Redis does not answer.
        """
        return await self._asked("settle", account, limits, [0.0] * len(limits))

    def settle(self, account: str, limits: Sequence[Limit], amounts: Sequence[float]) -> None:
        """Charges what has been used already, behind the caller's back; what cannot be written is lost."""
        task = asyncio.get_running_loop().create_task(self._run("settle", account, limits, amounts))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _asked(self, what: str, account: str, limits: Sequence[Limit], costs: Sequence[float]) -> Charged:
        reply = await self._run(what, account, limits, costs)
        if isinstance(reply, Fault):
            raise BookAway(f"{self._link.address}: {reply.message}")
        refused, told = reply
        levels = tuple(Level(float(told[at]), float(told[at + 1])) for at in range(0, len(told), 2))
        return Charged(levels, tuple(refused))

    async def _run(self, what: str, account: str, limits: Sequence[Limit], costs: Sequence[float]) -> Any:
        told: list[str] = [what]
        for limit, cost in zip(limits, costs, strict=True):
            told += (f"{limit.measure}:{limit.span}", limit.span, repr(float(limit.most)), repr(float(cost)))
        (reply,) = await self._link.run([("EVAL", _SCRIPT, 1, self._prefix + account, *told)])
        return reply

    async def aclose(self) -> None:
        """Finishes what is under way and closes the connections."""
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._link.aclose()
