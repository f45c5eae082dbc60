"""Who makes an entry, among processes that share a Redis: one claims it, and the others wait for what comes of it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    from judge_service.backends.redis_link import Command, RedisLink

CLAIM_SECONDS: Final = 10.0
"""How long a process that died keeps the others waiting, at most; one that lives renews its claims."""
FAILED_SECONDS: Final = 2.0
_FIRST_PAUSE: Final = 0.005
_LONGEST_PAUSE: Final = 0.1
_MOST: Final = 256
_FAILED: Final = b"failed"
_RELEASE: Final = """
for _, name in ipairs(KEYS) do
  if redis.pcall('GET', name) == ARGV[1] then redis.call('DEL', name) end
end"""
_FAIL: Final = """
for _, name in ipairs(KEYS) do
  if redis.pcall('GET', name) == ARGV[1] then redis.call('SET', name, ARGV[2], 'PX', ARGV[3]) end
end"""
_RENEW: Final = """
for _, name in ipairs(KEYS) do
  if redis.pcall('GET', name) == ARGV[1] then redis.call('PEXPIRE', name, ARGV[2]) end
end"""

Ending = Literal["failed", "gone", "late"]
"""Why there is no entry: its owner could make none, the claim is gone, or the deadline has passed."""


class Claimable(Protocol):
    """A store on whose entries there can be claims."""

    link: RedisLink

    def name(self, key: bytes) -> bytes:
        """What the server calls an entry."""
        ...

    def claim_name(self, key: bytes) -> bytes:
        """What the server calls the claim to make it."""
        ...

    def opened(self, key: bytes, sealed: bytes | None) -> bytes | None:
        """The value in what the server holds."""
        ...


class Claims:
    """Claims on the entries of one store. A claim ends when it is released, or by itself when its owner has died.

    A Redis that fails grants every claim: then everyone asks, as they would without it.

    Args:
        seconds: that a claim lasts unless it is renewed.
    """

    def __init__(self, store: Claimable, seconds: float = CLAIM_SECONDS) -> None:
        self._store = store
        self._seconds = seconds
        self._token = secrets.token_hex(16)
        self._own: dict[bytes, asyncio.Future[bool]] = {}
        self._next_renewal: asyncio.TimerHandle | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def acquire(self, keys: Collection[bytes]) -> set[bytes]:
        """Claims what nobody has claimed; the keys that were won. Each of them has to be released."""
        free = [key for key in keys if key not in self._own]
        if not free:
            return set()
        loop = asyncio.get_running_loop()
        self._own.update({key: loop.create_future() for key in free})
        try:
            replies = await self._store.link.write([self._claim(key) for key in free])
        except asyncio.CancelledError:
            # They may have been won meanwhile, for nobody.
            await self.release(free)
            raise
        # A fault is a claim won.
        won = {key for key, reply in zip(free, replies, strict=True) if reply}
        for key in set(free) - won:
            self._own.pop(key).set_result(False)
        self._plan_renewal()
        return won

    def _claim(self, key: bytes) -> Command:
        return ("SET", self._store.claim_name(key), self._token, "NX", "PX", _milliseconds(self._seconds))

    async def release(self, keys: Collection[bytes], has_failed: bool = False) -> None:
        """Gives up one's own claims.

        Args:
            has_failed: there will be no entry: who waits asks now, rather than claim in turn and wait for the next.
        """
        for key in keys:
            own = self._own.pop(key, None)
            if own is not None:
                own.set_result(has_failed)
        if has_failed:
            await self._scripted(_FAIL, list(keys), _FAILED, _milliseconds(FAILED_SECONDS))
        else:
            await self._scripted(_RELEASE, list(keys))

    async def _scripted(self, script: str, keys: Sequence[bytes], *arguments: bytes | int) -> None:
        names = [self._store.claim_name(key) for key in keys]
        parts = [names[at : at + _MOST] for at in range(0, len(names), _MOST)]
        await self._store.link.run([("EVAL", script, len(part), *part, self._token, *arguments) for part in parts])

    async def wait(self, key: bytes, deadline: float) -> bytes | Ending:
        """Waits for an entry that another is making.

        Args:
            deadline: the event loop's time after which it is no use any more.

        Returns:
            The entry's value, or why there is none.
        """
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE
        while True:
            own = self._own.get(key)
            if own is not None:
                await asyncio.wait((own,), timeout=_until(deadline))
                if own.done() and own.result():
                    return "failed"
            else:
                # On the ticks of a common clock, so that all who wait look at the same time, and in one operation.
                await asyncio.sleep(min(pause - loop.time() % pause, max(0.0, deadline - loop.time())))
                pause = min(_LONGEST_PAUSE, 2 * pause)
            came = await self._look(key)
            if came != "claimed":
                return came
            if loop.time() >= deadline:
                return "late"

    async def _look(self, key: bytes) -> bytes | Ending | Literal["claimed"]:
        claim, sealed = await self._store.link.get([self._store.claim_name(key), self._store.name(key)])
        value = self._store.opened(key, sealed)
        if value is not None:
            return value
        if claim is None:
            return "gone"
        return "failed" if claim == _FAILED else "claimed"

    def _plan_renewal(self) -> None:
        if self._next_renewal is None and self._own:
            self._next_renewal = asyncio.get_running_loop().call_later(self._seconds / 3, self._renew)

    def _renew(self) -> None:
        self._next_renewal = None
        if self._own:
            renewal = self._scripted(_RENEW, list(self._own), _milliseconds(self._seconds))
            self._renewing = asyncio.get_running_loop().create_task(renewal)
            self._plan_renewal()


def _milliseconds(seconds: float) -> int:
    return max(1, round(1000 * seconds))


def _until(deadline: float) -> float | None:
    """Seconds from now, in the words of asyncio."""
    return None if deadline == float("inf") else max(0.0, deadline - asyncio.get_running_loop().time())
