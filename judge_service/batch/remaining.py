"""Which cases of the input an output does not hold yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from judge_service.batch.known import Known
from judge_service.batch.rows import case_of_row, id_of_row
from judge_service.domain.options import Task
from judge_service.errors import InvalidCase
from judge_service.files.reading import Row


def left_of(rows: Iterable[Row], task: Task, fields: Mapping[str, str], done: Known) -> int:
    """How many cases are not done, each counted once however often it stands there.

    Args:
        done: knows the ids of those that are.
    """
    left = Known()
    for name in (case_id_of(row, task, fields) for row in rows):
        if done.get(name) is None:
            left.first(name, 0)
    return len(left)


def case_id_of(row: Row, task: Task, fields: Mapping[str, str]) -> str:
    """The id under which a row is judged; where it has none, that of its content, or its place if it is no case."""
    told = id_of_row(row, fields)
    if told is not None:
        return told
    try:
        return case_of_row(row, task, fields).id
    except InvalidCase:
        return row.where
