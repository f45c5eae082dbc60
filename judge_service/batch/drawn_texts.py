"""The texts of a few cases, out of the file they were read from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from judge_service.batch.remaining import case_id_of
from judge_service.batch.rows import case_of_row
from judge_service.domain.options import Task
from judge_service.domain.records import case_record
from judge_service.errors import InvalidCase
from judge_service.files.reading import rows_of


def texts_of(path: str, wanted: Mapping[str, str], task: Task, fields: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The cases with these ids, in the shape in which a case comes in; the file is read once and not held.

    Args:
        wanted: by case id, the digest of what was judged. Another text under the same id is not the case.

    Raises:
        InvalidRequest: no such file, or it cannot be read.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in rows_of(path):
        case_id = case_id_of(row, task, fields)
        if case_id in wanted and case_id not in found:
            try:
                case = case_of_row(row, task, fields)
            except InvalidCase:
                continue
            if case.digest == wanted[case_id]:
                found[case_id] = case_record(case)
        if len(found) == len(wanted):
            break
    return found
