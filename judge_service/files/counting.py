"""How many rows there are to judge, counted beside the judging, so that it can be told how long it will take."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final

from judge_service.errors import JudgeServiceError
from judge_service.files.disk import STANDARD
from judge_service.files.kinds import DAMAGE, TABLES, is_array, library, opened
from judge_service.files.sources import DATASET, Source, sources_of

_CHUNK: Final = 2**20


class Counting:
    """Counts the rows of an input in a thread of its own, which nobody waits for.

    Args:
        told: the input, as `rows_of` takes it.
        shares: into so many shares of about one size it falls, of which one is judged.
        limit: so many rows at the most.

    Attributes:
        total: how many rows there are; None until they are counted, and where they cannot be.
    """

    def __init__(self, told: str, shares: int = 1, limit: int | None = None) -> None:
        self.total: int | None = None
        self._told = told
        self._shares = shares
        self._limit = limit
        self._is_over = False

    def begin(self) -> None:
        """Begins to count; standard input is not counted."""
        if self._told != STANDARD:
            threading.Thread(target=self._count, daemon=True).start()

    def end(self) -> None:
        """Gives up, if it is not done."""
        self._is_over = True

    def _count(self) -> None:
        try:
            counts = [self._rows_in(source) for source in sources_of(self._told)]
        except (*DAMAGE, JudgeServiceError):
            # Whoever reads the rows says what is wrong with them.
            return
        if not self._is_over and None not in counts:
            rows = round(sum(filter(None, counts)) / self._shares)
            self.total = rows if self._limit is None else min(rows, self._limit)

    def _rows_in(self, source: Source) -> int | None:
        if source.kind == DATASET or is_array(source.kind):
            return None
        if source.kind in TABLES:
            count: int | None = library(source.path, source.kind).count_in(source.path, source.kind)
            return count
        with opened(source.path, source.kind) as stream:
            return self._lines_in(iter(lambda: stream.read(_CHUNK), b""))

    def _lines_in(self, chunks: Iterable[bytes]) -> int | None:
        lines, last = 0, b"\n"
        for chunk in chunks:
            if self._is_over:
                return None
            lines += chunk.count(b"\n")
            last = chunk[-1:]
        return lines + (last != b"\n")
