"""People's labels from a file: rows of {"case_id", "label"}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from judge_service.errors import InvalidRequest
from judge_service.evaluation.people.labels import Told
from judge_service.files.reading import rows_of

_ID_NAMES = ("case_id", "id")


def labels_in(path: str) -> dict[str, Told]:
    """The labels by case id; a row whose label is null is a case that nobody labelled.

    Raises:
        InvalidRequest: a row is none, or two rows label one case differently; the message names file and row.
    """
    labels: dict[str, Told] = {}
    for row in rows_of(path):
        if row.error is not None:
            raise InvalidRequest(f"{row.where}: {row.error}")
        case_id, value = label_row(row.where, row.value)
        if value is None:
            continue
        before = labels.setdefault(case_id, Told(row.where, value))
        if before.value != value:
            raise InvalidRequest(f"{row.where} labels '{case_id}' {value!r}, and {before.where} {before.value!r}")
    return labels


def label_row(where: str, value: Any) -> tuple[str, Any]:
    """The case and the label of a row.

    Raises:
        InvalidRequest: it is none.
    """
    case_id = next((value[n] for n in _ID_NAMES if value.get(n) is not None), None) if _is_row(value) else None
    if not isinstance(case_id, str | int) or "label" not in value:
        raise InvalidRequest(f"{where}: a row of labels is an object with case_id and label")
    return str(case_id), value["label"]


def _is_row(value: Any) -> bool:
    return isinstance(value, Mapping)
