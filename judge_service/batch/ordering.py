"""Judgments in the order in which their cases came in, which is not the order in which they are finished."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import orjson

from judge_service.batch.known import in_short
from judge_service.domain.judgments import Judgment


class Order:
    """The order of the cases of a run, in 8 bytes a case.

    Attributes:
        is_whole: whether all of them have been read.
    """

    def __init__(self) -> None:
        self._names = array("Q")
        self.is_whole = False

    def place(self, case_id: str) -> None:
        """Takes in the next case; each comes once."""
        self._names.append(in_short(case_id))

    def lines_of(self, path: Path) -> Iterator[bytes] | None:
        """The lines of a file of judgments in this order, and behind them those on other cases.

        No line is held, but its case in short and its place in the file.

        Returns:
            None where they stand in this order.
        """
        names, starts = _index(path)
        told = np.frombuffer(self._names, dtype=np.uint64)
        by_name = np.argsort(told, kind="stable")
        found = np.searchsorted(told, names, sorter=by_name)
        # Behind the last there is none: what is looked for there is not the one that stands at its place.
        at = np.append(by_name, 0)[found]
        places = np.where(np.append(told, 0)[at] == names, at, len(told)) if len(told) else np.zeros(len(names), int)
        lines = np.argsort(places, kind="stable")
        return None if bool((np.diff(lines) > 0).all()) else _lines_at(path, starts[lines])


def _index(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The case of each line in short, and where it starts."""
    names, starts, start = array("Q"), array("Q"), 0
    with path.open("rb") as lines:
        for line in lines:
            names.append(in_short(orjson.loads(line)["case_id"]))
            starts.append(start)
            start += len(line)
    return np.frombuffer(names, dtype=np.uint64), np.frombuffer(starts, dtype=np.uint64)


def _lines_at(path: Path, starts: np.ndarray) -> Iterator[bytes]:
    with path.open("rb") as lines:
        for start in starts:
            lines.seek(int(start))
            yield lines.readline()


class Queue:
    """Hands judgments on in the order of their cases; what is finished before its turn waits for it."""

    def __init__(self, hand_on: Callable[[Judgment], None]) -> None:
        self._hand_on = hand_on
        self._coming: deque[str] = deque()
        self._waiting: dict[str, Judgment] = {}

    def place(self, case_id: str) -> None:
        """Takes in the next case; each comes once."""
        self._coming.append(case_id)

    def put(self, judgment: Judgment) -> None:
        """Takes in a judgment, and hands on all whose turn it is."""
        self._waiting[judgment.case_id] = judgment
        while self._coming and self._coming[0] in self._waiting:
            self._hand_on(self._waiting.pop(self._coming.popleft()))

    def give_up(self) -> None:
        """Hands on what waits for a case that will not come: the run has ended before it."""
        for case_id in self._coming:
            if case_id in self._waiting:
                self._hand_on(self._waiting.pop(case_id))
