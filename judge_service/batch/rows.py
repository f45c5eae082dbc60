"""Rows of the usual dataset shapes become the fields of a case; every other column goes to metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from judge_service.domain.cases import Case
from judge_service.domain.options import Task
from judge_service.domain.parsing import case_from
from judge_service.errors import InvalidCase, InvalidOption
from judge_service.files.reading import Row

PROMPT_NAMES: Final = ("prompt", "instruction", "question")
ID_NAMES: Final = ("id", "case_id", "uid", "question_id", "pair_id", "prompt_id")
_LISTS: Final = ("candidates", "generations", "responses")
_PAIRS: Final = (
    ("response_a", "response_b"),
    ("response_A", "response_B"),
    ("chosen", "rejected"),
    ("output_1", "output_2"),
)
_SINGLES: Final = ("response", "output", "completion")
_KEPT: Final = ("reference", "context", "domain")
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ID_NAMES,
    "prompt": PROMPT_NAMES,
    **{name: (name,) for name in _KEPT},
}
FIELDS: Final = ("id", "prompt", "candidates", "response", "response_a", "response_b", *_KEPT)


def case_of_row(line: Row, task: Task, fields: Mapping[str, str]) -> Case:
    """The case a row holds.

    Args:
        fields: columns named by the caller, by field: `{"prompt": "query"}`.

    Raises:
        InvalidCase: naming the field.
    """
    row = line.value
    if line.error is not None:
        raise InvalidCase(line.error)
    if not isinstance(row, Mapping):
        raise InvalidCase(f"a row is an object; got {'a list' if isinstance(row, list) else repr(row)[:40]}")
    used: dict[str, str] = {}
    given: dict[str, Any] = {}
    for field in ("id", "prompt", *_KEPT):
        column = _column(row, field, fields)
        if column is not None:
            used[column] = field
            given[field] = row[column]
    candidates = _candidates(row, task, fields, used)
    if candidates is not None:
        given["candidates"] = candidates
    given["metadata"] = _metadata(row, used)
    return case_from(given, task)


def id_of_row(line: Row, fields: Mapping[str, str]) -> str | None:
    """The id a row gives itself, even if it is no case."""
    row = line.value
    if not isinstance(row, Mapping):
        return None
    names = (fields["id"],) if "id" in fields else ID_NAMES
    told = next((row[name] for name in names if row.get(name) is not None), None)
    return str(told) if isinstance(told, str | int) and told != "" else None


def parse_fields(told: Sequence[str]) -> dict[str, str]:
    """`--field prompt=query` options as a mapping of field to column.

    Raises:
        InvalidOption: not of that form, or no such field.
    """
    fields = {}
    for part in told:
        field, sign, column = part.partition("=")
        if not sign or field not in FIELDS or not column:
            raise InvalidOption(f"--field is FIELD=COLUMN with FIELD one of {', '.join(FIELDS)}; got {part!r}", "field")
        fields[field] = column
    return fields


def _column(row: Mapping[str, Any], field: str, fields: Mapping[str, str]) -> str | None:
    if field in fields:
        if fields[field] not in row:
            raise InvalidCase(f"the row has no column '{fields[field]}', which --field names for {field}", field)
        return fields[field]
    for name in _NAMES[field]:
        if row.get(name) is not None:
            return name
    return None


def _candidates(row: Mapping[str, Any], task: Task, fields: Mapping[str, str], used: dict[str, str]) -> Any:
    """The candidates of a row, by its columns; the shapes are tried in the order of the contract."""
    named = [column for field in ("response_a", "response_b") if (column := fields.get(field))]
    if len(named) == 2:
        return _pair(row, (named[0], named[1]), used)
    for field in ("candidates", "response"):
        if field in fields:
            column = _column(row, field, fields)
            assert column is not None
            used[column] = field
            return [row[column]] if field == "response" else row[column]
    for name in _LISTS:
        if row.get(name) is not None:
            used[name] = "candidates"
            return row[name]
    for pair in _PAIRS:
        if row.get(pair[0]) is not None and row.get(pair[1]) is not None:
            return _pair(row, pair, used)
    for name in _SINGLES:
        if task == "score" and row.get(name) is not None:
            used[name] = "response"
            # In a list: a lone response of several messages must not be taken for several candidates.
            return [row[name]]
    return None


def _pair(row: Mapping[str, Any], names: tuple[str, str], used: dict[str, str]) -> list[Any]:
    for name in names:
        if name not in row:
            raise InvalidCase(f"the row has no column '{name}'", name)
        used[name] = "candidates"
    return [row[names[0]], row[names[1]]]


def _metadata(row: Mapping[str, Any], used: Mapping[str, str]) -> dict[str, Any]:
    """Every column that was not used, with those of a `metadata` column of the row's own beside them."""
    rest = {name: value for name, value in row.items() if name not in used and name != "metadata"}
    own = row.get("metadata")
    if isinstance(own, Mapping):
        return {**rest, **own}
    return rest if own is None else {**rest, "metadata": own}
