"""A contest's cases are judged, in their order as far as a decision goes by it."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from judge_service.batch.known import Known
from judge_service.batch.rows import id_of_row
from judge_service.batch.runner import Judging, Run
from judge_service.domain.judgments import Judgment
from judge_service.files.reading import Row

Enough = Callable[[Judgment], bool]
"""Looks at one judgment after the other, in the order of the cases, and tells whether no more are needed."""


def _some(cases: int) -> bool:
    return cases < 64


Ahead = Callable[[int], int]
"""How many cases may be begun before they can be looked at, once so many have been."""


def all_at_once(seen: int) -> int:
    """As many as there is room for."""
    return sys.maxsize


def _nowhere(judgment: Judgment) -> None:
    """Keeps no file."""


def never(judgment: Judgment) -> bool:
    """Every case is judged."""
    return False


async def wholly(run: Run) -> object:
    """Carries a run out, with nothing shown and no signal heard."""
    return await run.carry_out()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be judged, and by whom.

    Attributes:
        rows: cases, each with an id of its own (`contests.pairing`), in the order in which they are decided on.
        record: keeps each judgment as soon as there is one.
        done: cases that the output holds already, and which are not judged again.
        before: their judgments, by case id.
        has_room: whether another case may begin while so many are under way.
        ahead: bounds what is judged in vain where it ends before the last case.
    """

    judging: Judging
    rows: Sequence[Row]
    record: Callable[[Judgment], None] = _nowhere
    done: Known = field(default_factory=Known)
    before: Mapping[str, Judgment] = field(default_factory=dict)
    has_room: Callable[[int], bool] = _some
    ahead: Ahead = all_at_once


async def judged(
    asked: Asked, is_enough: Enough = never, carry_out: Callable[[Run], Awaitable[object]] = wholly
) -> list[Judgment]:
    """The judgments, in the order of the rows and without a gap.

    Cases are judged many at a time and finish in any order; `is_enough` sees each when all before it are finished, so
    that what it decides does not depend on which were quick. Once it has enough, cases under way are finished and
    recorded, but no part of the result.

    Args:
        carry_out: carries the run out, with whatever shows and hears beside it.

    Raises:
        RunRefused: a case was judged before with another text.
    """
    sequence = _Sequence([id_of_row(row, {}) or row.where for row in asked.rows], dict(asked.before), is_enough)

    def keep(judgment: Judgment) -> None:
        asked.record(judgment)
        if sequence.add(judgment):
            run.drain()

    def has_room(cases: int) -> bool:
        return asked.has_room(cases) and cases + sequence.waiting < asked.ahead(len(sequence.seen))

    rows = asked.rows if not sequence.go_on() else ()
    run = Run(asked.judging, "compare", rows, {}, keep, asked.done, has_room)
    await carry_out(run)
    return sequence.seen


@dataclass(slots=True)
class _Sequence:
    """Judgments that come in any order, and are seen in one.

    Attributes:
        names: ids of the cases, in order.
        held: judgments that are not seen yet, by case id.
        seen: from the first on, without a gap.
    """

    names: Sequence[str]
    held: dict[str, Judgment]
    is_enough: Enough
    seen: list[Judgment] = field(default_factory=list)
    is_over: bool = False
    _added: set[str] = field(default_factory=set)

    @property
    def waiting(self) -> int:
        """How many judgments were added and are not seen yet."""
        return len(self._added)

    def add(self, judgment: Judgment) -> bool:
        """Takes a judgment in; whether no more are needed."""
        self.held[judgment.case_id] = judgment
        self._added.add(judgment.case_id)
        return self.go_on()

    def go_on(self) -> bool:
        """Shows what can be shown; whether no more are needed."""
        while not self.is_over and len(self.seen) < len(self.names) and self.names[len(self.seen)] in self.held:
            self.seen.append(self.held.pop(self.names[len(self.seen)]))
            self._added.discard(self.seen[-1].case_id)
            self.is_over = self.is_enough(self.seen[-1])
        return self.is_over
