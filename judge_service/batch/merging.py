"""Shards come together: one row to each case, as it stood, with no more held than a digest of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from judge_service.batch.known import Known, bytes_in_short
from judge_service.batch.outputs import Reading
from judge_service.errors import RunRefused

_ITS_OWN: Final = frozenset(("id", "created", "usage"))
"""What differs between two judgments of one case that say the same."""


@dataclass(slots=True)
class Merging:
    """Judgments of several files, one to each case.

    Rows that say the same of a case collapse into the first of them.

    Attributes:
        by_run: whether each run may have its own judgment on a case.
        collapsed: how many rows were left out.
        seen: by case id, what was judged.
    """

    reading: Reading
    by_run: bool = False
    collapsed: int = 0
    rows: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    seen: Known = field(default_factory=Known)

    def records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The rows that are left, in the order of the files, each with where it stands.

        Raises:
            InvalidRequest: a line is no judgment.
            RunRefused: two rows judge one case differently, or they are mixed.
        """
        for where, record in self.reading.records():
            if self._is_new(record, where):
                self.rows += 1
                self.statuses[record["status"]] = self.statuses.get(record["status"], 0) + 1
                yield where, record

    def lines(self) -> Iterator[bytes]:
        """The same as the lines of an output."""
        return (orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE) for _, record in self.records())

    def told(self) -> list[str]:
        """What to say of it afterwards: how many rows were left out, and what was mixed."""
        lines = []
        if self.collapsed:
            lines.append(f"left out because another row says the same of the case: {self.collapsed:,}")
        origins = self.reading.origins
        if len(origins) > 1:
            lines += ["mixed:", *[f"  {count:,} by {origin}" for origin, count in origins.items()]]
        return lines

    def _is_new(self, record: Mapping[str, Any], where: str) -> bool:
        content = content_digest(record)
        before = self.seen.first(self._name(record), content)
        if before is None:
            return True
        if before != content:
            raise RunRefused(f"'{record['case_id']}' is judged in {self._place(record)} and differently in {where}")
        self.collapsed += 1
        return False

    def _name(self, record: Mapping[str, Any]) -> str:
        return f"{record.get('run_digest')} {record['case_id']}" if self.by_run else str(record["case_id"])

    def _place(self, record: Mapping[str, Any]) -> str:
        """Where a case stands first, which is found by reading once more: nobody has to hold it for all of them."""
        again = Reading(self.reading.files, allow_mixed=True, tolerant=self.reading.tolerant)
        return next(where for where, other in again.records() if self._name(other) == self._name(record))


def content_digest(record: Mapping[str, Any]) -> int:
    """What a judgment says, in 64 bits: not when it was made, nor what it cost, nor what of it was in a cache."""
    said = {name: value for name, value in record.items() if name not in _ITS_OWN}
    for part in ("votes", "notes"):
        said[part] = [{**vote, "cached": None} for vote in record.get(part) or ()]
    return bytes_in_short(orjson.dumps(said, option=orjson.OPT_SORT_KEYS))
