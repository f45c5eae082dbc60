"""A cache that processes and machines share: one Redis server. While it fails, what it keeps is merely missing."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final
from zlib import crc32

from redis.exceptions import RedisError

from judge_service.backends.claims import CLAIM_SECONDS, Claims
from judge_service.backends.redis_link import LIMIT_SECONDS, Command, RedisLink
from judge_service.backends.stores import Stock
from judge_service.errors import InvalidConfiguration

log: Final = logging.getLogger(__name__)
NAMESPACE: Final = "judge-service"
VERSION: Final = 1
MOST_VALUE_BYTES: Final = 2**20
CLAIM: Final = b":claim:"
"""Stands in the names of claims; the names of entries end in the hex digits of their keys."""
_SEAL_BYTES: Final = 8
_WEIGHT_BYTES: Final = 16_384
_FAILURES: Final = (RedisError, OSError, TimeoutError)


class RedisStore:
    """Bytes under `<namespace>:v1:<key in hex>`, each value followed by a checksum of itself and its key.

    Args:
        url: redis://, rediss:// or unix://; one server, or what answers like one, but no cluster.
        namespace: letters, digits, `-`, `_` and `.`; stores of different namespaces know nothing of each other.
        limit: seconds that one operation may take.
        most_bytes: of one value; larger ones are not kept.
        most_seconds: that an entry is kept; 0 for as long as the server keeps it.
        claim_seconds: that the claim of a process that died keeps the others waiting.

    Attributes:
        claims: who makes which entry, among all processes that use this server and namespace.
        faults: how many operations failed, by kind.

    Raises:
        ValueError, TypeError: the URL is wrong.
    """

    def __init__(
        self,
        url: str,
        namespace: str = NAMESPACE,
        limit: float = LIMIT_SECONDS,
        most_bytes: int = MOST_VALUE_BYTES,
        most_seconds: float = 0.0,
        claim_seconds: float = CLAIM_SECONDS,
    ) -> None:
        self.link = RedisLink(url, limit)
        self.faults = self.link.faults
        self.claims = Claims(self, claim_seconds)
        self.namespace = namespace
        self._prefix = f"{namespace}:v{VERSION}:".encode()
        self._most_bytes = most_bytes
        self._expiry: Command = ("PX", max(1, round(most_seconds * 1000))) if most_seconds else ()
        self._has_warned = False

    def name(self, key: bytes) -> bytes:
        """What the server calls an entry."""
        return self._prefix + key.hex().encode()

    def claim_name(self, key: bytes) -> bytes:
        """What the server calls the claim to make an entry."""
        return self._prefix[:-1] + CLAIM + key.hex().encode()

    def opened(self, key: bytes, sealed: bytes | None) -> bytes | None:
        """The value in what the server holds; None if that was damaged or belongs to another key."""
        if sealed is None:
            return None
        value, seal = sealed[:-_SEAL_BYTES], sealed[-_SEAL_BYTES:]
        if seal == _seal(key, value):
            return value
        self.faults["damaged"] += 1
        if not self._has_warned:
            self._has_warned = True
            log.warning("the cache %s holds a damaged entry: such entries are made anew", self.link.address)
        return None

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """What is kept under each key."""
        found = await self.link.get([self.name(key) for key in keys])
        return [self.opened(key, sealed) for key, sealed in zip(keys, found, strict=True)]

    async def put_many(self, entries: Mapping[bytes, bytes]) -> None:
        """Keeps the entries that are not too large; they can be seen by everyone when this returns."""
        kept = {key: value for key, value in entries.items() if len(value) <= self._most_bytes}
        if kept:
            weight = len(kept) + sum(map(len, kept.values())) // _WEIGHT_BYTES
            await self.link.write([self._kept(key, value) for key, value in kept.items()], weight)

    def _kept(self, key: bytes, value: bytes) -> Command:
        return ("SET", self.name(key), value + _seal(key, value), *self._expiry)

    async def stock(self) -> Stock:
        """What is kept in this namespace.

        Raises:
            InvalidConfiguration: the server cannot be asked.
        """
        try:
            entries = sum([len(names) async for names in self._entries()])
            memory = await self.link.asked("INFO", "memory")
        except _FAILURES as e:
            raise InvalidConfiguration(f"the cache {self.link.address} cannot be asked: {e}") from None
        return Stock(self.link.address, entries, int(memory["used_memory"]))

    async def purge(self) -> int:
        """Removes every entry of this namespace, of all versions, and nothing else; how many there were.

        Raises:
            InvalidConfiguration: the server cannot be asked.
        """
        try:
            return sum([await self.link.asked("UNLINK", *names) async for names in self._entries()])
        except _FAILURES as e:
            raise InvalidConfiguration(f"the cache {self.link.address} cannot be emptied: {e}") from None

    async def _entries(self) -> AsyncIterator[list[bytes]]:
        """The names of all entries, some at a time."""
        cursor = 0
        while True:
            cursor, names = await self.link.asked("SCAN", cursor, "MATCH", f"{self.namespace}:v*", "COUNT", 1000)
            entries = [name for name in names if CLAIM not in name]
            if entries:
                yield entries
            if not cursor:
                return

    async def aclose(self) -> None:
        """Finishes what is under way and closes the connections."""
        await self.link.aclose()


def _seal(key: bytes, value: bytes) -> bytes:
    return b"%08x" % crc32(value, crc32(key))
