"""What is known of millions of cases: under each id what stood there, in some 30 bytes a case."""

from __future__ import annotations

from array import array
from hashlib import blake2b
from typing import Final

_SHARES: Final = 256
_FEWEST: Final = 16


def in_short(text: str) -> int:
    """A text as a number of 64 bits: of a million texts two are alike by chance with a probability of 3e-8."""
    return bytes_in_short(text.encode("utf-8", "surrogatepass"))


def bytes_in_short(content: bytes) -> int:
    """Bytes as a number of 64 bits."""
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "big")


class Known:
    """Numbers of 64 bits by case id, and of the ids no more than as much: to hold the texts takes ten times the room.

    An id that is like another by chance is never taken for it silently: what stands under it differs, and is refused.
    """

    __slots__ = ("_shares",)

    def __init__(self) -> None:
        # Many small tables: one that has to grow keeps nobody waiting.
        self._shares = [_Table() for _ in range(_SHARES)]

    def __len__(self) -> int:
        return sum(share.count for share in self._shares)

    def get(self, name: str) -> int | None:
        """What stands under an id; None where nothing does."""
        key = in_short(name) or 1
        return self._shares[key % _SHARES].get(key)

    def first(self, name: str, content: int) -> int | None:
        """Puts a number under an id, unless one stands there: then that one is told, and stays."""
        key = in_short(name) or 1
        return self._shares[key % _SHARES].first(key, content)

    def put(self, name: str, content: int) -> None:
        """Puts a number under an id, in the place of what stood there."""
        key = in_short(name) or 1
        self._shares[key % _SHARES].put(key, content)


class _Table:
    """Open addressing with linear probing, at most two thirds full (Knuth, TAOCP vol. 3, 6.4, algorithm L).

    Places hold key and content one after the other; the key 0 is an empty place.
    """

    __slots__ = ("_mask", "_places", "count")

    def __init__(self, size: int = _FEWEST) -> None:
        self.count = 0
        self._mask = size - 1
        self._places = array("Q", bytes(16 * size))

    def get(self, key: int) -> int | None:
        place = self._place(key)
        return self._places[place + 1] if self._places[place] else None

    def first(self, key: int, content: int) -> int | None:
        place = self._place(key)
        if self._places[place]:
            return self._places[place + 1]
        self._add(place, key, content)
        return None

    def put(self, key: int, content: int) -> None:
        place = self._place(key)
        if self._places[place]:
            self._places[place + 1] = content
        else:
            self._add(place, key, content)

    def _place(self, key: int) -> int:
        """Where a key stands, or would stand."""
        places, mask = self._places, self._mask
        slot = (key // _SHARES) & mask
        while places[2 * slot] not in (0, key):
            slot = (slot + 1) & mask
        return 2 * slot

    def _add(self, place: int, key: int, content: int) -> None:
        self._places[place], self._places[place + 1] = key, content
        self.count += 1
        if 3 * self.count > 2 * (self._mask + 1):
            self._grow()

    def _grow(self) -> None:
        larger = _Table(2 * (self._mask + 1))
        for place in range(0, len(self._places), 2):
            if self._places[place]:
                larger.put(self._places[place], self._places[place + 1])
        self._mask, self._places = larger._mask, larger._places
