"""Which cases of the input an output does not hold yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from judge_service.batch.rows import case_of_row, id_of_row
from judge_service.domain.digests import draw
from judge_service.domain.options import Task
from judge_service.errors import InvalidCase
from judge_service.files.reading import Row


def named_in_short(case_id: str) -> int:
    """A case id as 64 bits, so that those of millions of cases can be held."""
    return draw("case", case_id)


def left_of(rows: Iterable[Row], task: Task, fields: Mapping[str, str], done: set[int]) -> int:
    """How many cases are not done, each counted once however often it stands there.

    Args:
        done: the ids of those that are, in short.
    """
    return len({name for row in rows if (name := named_in_short(case_id_of(row, task, fields))) not in done})


def case_id_of(row: Row, task: Task, fields: Mapping[str, str]) -> str:
    """The id under which a row is judged; where it has none, that of its content, or its place if it is no case."""
    told = id_of_row(row, fields)
    if told is not None:
        return told
    try:
        return case_of_row(row, task, fields).id
    except InvalidCase:
        return row.where
