"""Shards come together: one row to each case, as it stood, with no more held than a digest of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

import orjson

from judge_service.batch.outputs import Reading
from judge_service.errors import RunRefused

_ITS_OWN: Final = frozenset(("id", "created", "usage"))
"""What differs between two judgments of one case that say the same."""
_BITS: Final = 64


@dataclass(slots=True)
class Merging:
    """Judgments of several files, one to each case.

    Attributes:
        seen: by digest of the case id, that of what was judged, and which of all rows it was.
    """

    reading: Reading
    statuses: dict[str, int] = field(default_factory=dict)
    collapsed: int = 0
    rows: int = 0
    seen: dict[int, int] = field(default_factory=dict)

    def lines(self) -> Iterator[bytes]:
        """The rows of the merged output, in the order of the files.

        Raises:
            RunRefused: two rows judge one case differently, or they are mixed.
        """
        for number, (where, record) in enumerate(self.reading.records()):
            if self._is_new(record, number, where):
                self.rows += 1
                self.statuses[record["status"]] = self.statuses.get(record["status"], 0) + 1
                yield orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)

    def _is_new(self, record: Mapping[str, Any], number: int, where: str) -> bool:
        case = _digest(record["case_id"].encode("utf-8", "surrogatepass"), 16)
        content = content_digest(record)
        before = self.seen.setdefault(case, number << _BITS | content)
        if before >> _BITS == number:
            return True
        if before % (1 << _BITS) != content:
            other = self._place(before >> _BITS)
            raise RunRefused(f"'{record['case_id']}' is judged in {other} and differently in {where}")
        self.collapsed += 1
        return False

    def _place(self, number: int) -> str:
        """Where a row stands, which is found by reading once more: nobody has to hold it for all of them."""
        again = Reading(self.reading.files, allow_mixed=True, tolerant=self.reading.tolerant)
        return next(where for place, (where, _) in enumerate(again.records()) if place == number)


def content_digest(record: Mapping[str, Any]) -> int:
    """What a judgment says, in 64 bits: not when it was made, nor what it cost, nor what of it was in a cache."""
    said = {name: value for name, value in record.items() if name not in _ITS_OWN}
    for part in ("votes", "notes"):
        said[part] = [{**vote, "cached": None} for vote in record.get(part) or ()]
    return _digest(orjson.dumps(said, option=orjson.OPT_SORT_KEYS), _BITS // 8)


def _digest(content: bytes, size: int) -> int:
    return int.from_bytes(blake2b(content, digest_size=size).digest(), "big")
