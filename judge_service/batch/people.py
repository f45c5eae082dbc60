"""People's labels from a file, several people's of one case among them.

Rows are {"case_id", "label"}, and may have "rater", "candidate" (whose response a score is of) and "probability" (with
which the case was drawn to be labelled) or "weight" (the inverse of that). Further columns are about who labelled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from judge_service.batch.labels import label_row
from judge_service.errors import InvalidRequest
from judge_service.evaluation.people.raters import Said
from judge_service.files.reading import rows_of

_OWN: Final = frozenset(("case_id", "id", "label", "rater", "candidate", "probability", "weight"))


def people_in(path: str) -> dict[str, list[Said]]:
    """What people said, by case id; a row whose label is null is nobody's.

    Raises:
        InvalidRequest: a row is none; the message names file, row and field.
    """
    said: dict[str, list[Said]] = {}
    for row in rows_of(path):
        if row.error is not None:
            raise InvalidRequest(f"{row.where}: {row.error}")
        case_id, value = label_row(row.where, row.value)
        if value is not None:
            own = said.setdefault(case_id, [])
            own.append(Said(row.where, value, *_whose(row.value), _chance(row.where, row.value), _about(row.value)))
            if own[0].chance != own[-1].chance:
                raise InvalidRequest(f"{row.where}: case '{case_id}' was drawn with one probability, and not with two")
    return said


def _whose(row: Mapping[str, Any]) -> tuple[str, str | None]:
    rater, candidate = row.get("rater"), row.get("candidate")
    return "" if rater is None else str(rater), None if candidate is None else str(candidate)


def _about(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _OWN and value is not None}


def _chance(where: str, row: Mapping[str, Any]) -> float:
    for name in ("probability", "weight"):
        told = row.get(name)
        if told is None:
            continue
        if isinstance(told, bool) or not isinstance(told, int | float) or not 0 < told < math.inf:
            raise InvalidRequest(f"{where}: {name} is a number above 0; got {told!r}")
        if name == "probability" and told > 1:
            raise InvalidRequest(f"{where}: probability is at most 1; got {told!r}")
        return float(told) if name == "probability" else 1.0 / float(told)
    return 1.0
