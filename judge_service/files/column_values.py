"""Columns of Arrow as values that JSON can say. pyarrow comes with an extra; only `tables` imports this module.

What JSON cannot say becomes text that says it exactly:

* a date, a time of day, a moment: ISO 8601, to the unit of the column; a moment of a column with a time zone is told in
  UTC, and ends in Z
* a duration: ISO 8601 in seconds, such as PT90.5S
* a decimal: its digits, such as 12.50
* bytes: their text if they are UTF-8, else a data URL in base64
* NaN and the infinities: NaN, Infinity, -Infinity
* a UUID: its usual form

A map becomes an object, or a list of [key, value] where its keys are no texts or stand twice. A dictionary of values
becomes its values, and any other extension type what it is stored as. A column of a type not named here is refused.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import pyarrow as pa

from judge_service.files.kinds import Damaged

_PER_SECOND: Final[Mapping[str, int]] = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_BEGINNING: Final = datetime(1970, 1, 1)
_DAY: Final = 86_400
Teller = Callable[[Any], Any]


class Columns:
    """How the columns of one schema are told.

    Raises:
        Damaged: two columns have one name, or one has a type that cannot be told.
    """

    def __init__(self, schema: Any) -> None:
        self._names = list(schema.names)
        twice = next((name for name in self._names if self._names.count(name) > 1), None)
        if twice is not None:
            raise Damaged(f"two columns are named '{twice}'")
        self._stored = [_stored(column.type) for column in schema]
        self._tellers = [_teller_of(column) for column in schema]

    def rows_of(self, batch: Any) -> list[dict[str, Any]]:
        """The rows of a batch as plain values."""
        parts = zip(batch.columns, self._stored, self._tellers, strict=True)
        columns = [_told(column, stored, teller) for column, stored, teller in parts]
        return [dict(zip(self._names, values, strict=True)) for values in zip(*columns, strict=True)]


def _told(column: Any, stored: Any, teller: Teller | None) -> list[Any]:
    values: list[Any] = (column if column.type == stored else column.cast(stored)).to_pylist()
    return values if teller is None else [None if value is None else teller(value) for value in values]


def _stored(kind: Any) -> Any:
    """The type under which the values of a column come out exactly: what has a unit as a count of it."""
    types = pa.types
    if types.is_dictionary(kind):
        return _stored(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return _stored(kind.storage_type)
    if types.is_date32(kind) or types.is_time32(kind):
        return pa.int32()
    if types.is_temporal(kind) and not types.is_interval(kind):
        return pa.int64()
    return _nested(kind)


def _nested(kind: Any) -> Any:
    types = pa.types
    if types.is_fixed_size_list(kind):
        return pa.list_(_stored(kind.value_type), kind.list_size)
    if types.is_list(kind):
        return pa.list_(_stored(kind.value_type))
    if types.is_large_list(kind):
        return pa.large_list(_stored(kind.value_type))
    if types.is_struct(kind):
        return pa.struct([pa.field(part.name, _stored(part.type)) for part in kind])
    if types.is_map(kind):
        return pa.map_(_stored(kind.key_type), _stored(kind.item_type))
    return kind


def _teller_of(column: Any) -> Teller | None:
    try:
        return _teller(column.type)
    except LookupError:
        raise Damaged(f"column '{column.name}' is of type {column.type}, which cannot be told in JSON") from None


def _teller(kind: Any) -> Teller | None:
    """Makes JSON's values of those of a type; None where they are.

    Raises:
        LookupError: nothing is known of the type.
    """
    types = pa.types
    if types.is_dictionary(kind):
        return _teller(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        is_uuid = getattr(kind, "extension_name", "") == "arrow.uuid"
        return (lambda value: str(UUID(bytes=value))) if is_uuid else _teller(kind.storage_type)
    if any(is_kind(kind) for is_kind in _AS_THEY_ARE):
        return None
    for is_kind, teller in _TOLD:
        if is_kind(kind):
            return teller(kind)
    raise LookupError(kind)


def _listed(kind: Any) -> Teller | None:
    inner = _teller(kind.value_type)
    return None if inner is None else lambda values: [None if v is None else inner(v) for v in values]


def _struct(kind: Any) -> Teller | None:
    tellers = {part.name: teller for part in kind if (teller := _teller(part.type)) is not None}
    if not tellers:
        return None

    def told(value: dict[str, Any]) -> dict[str, Any]:
        changed = {name: tell(value[name]) for name, tell in tellers.items() if value[name] is not None}
        return {**value, **changed}

    return told


def _map(kind: Any) -> Teller:
    key, inner = _teller(kind.key_type), _teller(kind.item_type)

    def told(pairs: list[tuple[Any, Any]]) -> Any:
        listed = [[key(k) if key else k, inner(v) if inner and v is not None else v] for k, v in pairs]
        by_key = {k: v for k, v in listed if isinstance(k, str)}
        return by_key if len(by_key) == len(listed) else listed

    return told


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return float(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _bytes(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return f"data:application/octet-stream;base64,{b64encode(value).decode()}"


def _parts(count: int, unit: str) -> tuple[int, str]:
    """Whole seconds, and the rest as digits behind a point."""
    seconds, rest = divmod(count, _PER_SECOND[unit])
    return seconds, f".{rest:0{len(str(_PER_SECOND[unit])) - 1}d}" if rest else ""


def _moment(count: int, unit: str, zone: str) -> str:
    seconds, rest = _parts(count, unit)
    try:
        return f"{(_BEGINNING + timedelta(seconds=seconds)).isoformat()}{rest}{zone}"
    except OverflowError:
        return f"{seconds}{rest} seconds since {_BEGINNING.isoformat()}{zone}"


def _date(count: int, per_day: int) -> str:
    days = count // per_day
    try:
        return (date(1970, 1, 1) + timedelta(days=days)).isoformat()
    except OverflowError:
        return f"{days} days since 1970-01-01"


def _time(count: int, unit: str) -> str:
    seconds, rest = _parts(count, unit)
    return f"{(_BEGINNING + timedelta(seconds=seconds % _DAY)).time().isoformat()}{rest}"


def _duration(count: int, unit: str) -> str:
    seconds, rest = _parts(abs(count), unit)
    return f"{'-' if count < 0 else ''}PT{seconds}{rest}S"


_AS_THEY_ARE: Final = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_integer,
    pa.types.is_boolean,
    pa.types.is_null,
)
_TOLD: Final[tuple[tuple[Callable[[Any], bool], Callable[[Any], Teller | None]], ...]] = (
    (pa.types.is_list, _listed),
    (pa.types.is_large_list, _listed),
    (pa.types.is_fixed_size_list, _listed),
    (pa.types.is_struct, _struct),
    (pa.types.is_map, _map),
    (pa.types.is_floating, lambda _: _number),
    (pa.types.is_decimal, lambda _: str),
    (pa.types.is_binary, lambda _: _bytes),
    (pa.types.is_large_binary, lambda _: _bytes),
    (pa.types.is_fixed_size_binary, lambda _: _bytes),
    (pa.types.is_binary_view, lambda _: _bytes),
    (pa.types.is_timestamp, lambda kind: partial(_moment, unit=kind.unit, zone="Z" if kind.tz else "")),
    (pa.types.is_date32, lambda _: partial(_date, per_day=1)),
    (pa.types.is_date64, lambda _: partial(_date, per_day=_DAY * 1000)),
    (pa.types.is_time, lambda kind: partial(_time, unit=kind.unit)),
    (pa.types.is_duration, lambda kind: partial(_duration, unit=kind.unit)),
    (pa.types.is_interval, lambda _: list),
)
