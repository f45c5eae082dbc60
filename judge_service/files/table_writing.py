"""Judgments and exported rows as Parquet. pyarrow comes with an extra; only `tables` imports this module.

A table of judgments has the columns that are asked for most, and the whole record as JSON text in the column
`judgment`: it is read back from there, exactly. `scores` stand in the order of `candidates`.

A table of rows has a column to each of their fields, of the type that holds all of its values: nested lists and
structs, with null where a row lacks a field that another has. Whole numbers and fractions are one column of numbers
where that holds them exactly. What no type holds exactly (texts and numbers in one field, objects of more than 200
names, objects without any) becomes a column of JSON text. A field that is null in all rows becomes a column of text.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from judge_service.files.shapes import LIST, NUMBER, OBJECT, TRUTH, WHOLE, Shape, fitted, fittings

_GROUP: Final = 8 << 20
"""So many bytes of JSON make a row group: they are held, and their columns."""
_SIMPLE: Final[Mapping[str, Any]] = {WHOLE: pa.int64(), NUMBER: pa.float64(), TRUTH: pa.bool_()}
Record = Mapping[str, Any]


class _Sink:
    """Takes what a writer of tables writes, and gives it on in between."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: Any) -> int:
        self._parts.append(bytes(part))
        return len(self._parts[-1])

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Nothing is open here."""

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def judgments_table(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Judgments, one a line, as a Parquet file."""
    return _written(lines, _JUDGED, _judged)


def rows_table(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Objects, one a line, as a Parquet file. They wait in a temporary file until all of them have been seen."""
    columns: dict[str, Shape] = {}
    with tempfile.TemporaryFile() as waiting:
        for line in lines:
            for name, value in orjson.loads(line).items():
                columns.setdefault(name, Shape()).see(value)
            waiting.write(line)
        waiting.seek(0)
        schema = pa.schema([(name, _type_of(shape)) for name, shape in columns.items()])
        parts = fittings(columns)

        def table_of(texts: list[bytes]) -> Any:
            return pa.RecordBatch.from_pylist([fitted(orjson.loads(text), parts) for text in texts], schema=schema)

        yield from _written(waiting, schema, table_of)


def _written(lines: Iterable[bytes], schema: Any, table_of: Callable[[list[bytes]], Any]) -> Iterator[bytes]:
    sink = _Sink()
    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as writer:
        for group in _groups(lines):
            writer.write_batch(table_of(group))
            yield sink.taken()
    yield sink.taken()


def _groups(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    size = 0
    for line in lines:
        group.append(line)
        size += len(line)
        if size >= _GROUP:
            yield group
            group, size = [], 0
    if group:
        yield group


def _type_of(shape: Shape) -> Any:
    kind = shape.kind
    if kind == LIST:
        return pa.list_(_type_of(shape.within or Shape()))
    if kind == OBJECT:
        return pa.struct([(name, _type_of(part)) for name, part in shape.fields.items()])
    return _SIMPLE.get(kind, pa.string())


def _judged(lines: list[bytes]) -> Any:
    columns: dict[str, list[Any]] = {name: [] for name in _JUDGED.names}
    for line in lines:
        record = orjson.loads(line)
        for name, (_, column) in _COLUMNS.items():
            columns[name].append(column(record))
        columns["judgment"].append(line.rstrip(b"\n").decode())
    return pa.RecordBatch.from_pydict(columns, schema=_JUDGED)


def _at(*names: str) -> Callable[[Record], Any]:
    """What stands at a path; None where there is no such place."""

    def found(record: Record) -> Any:
        value: Any = record
        for name in names:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    return found


def _text(*names: str) -> tuple[Any, Callable[[Record], Any]]:
    return pa.string(), _if(str, _at(*names))


def _number(*names: str) -> tuple[Any, Callable[[Record], Any]]:
    return pa.float64(), _if((int, float), _at(*names))


def _count(*names: str) -> tuple[Any, Callable[[Record], Any]]:
    return pa.int64(), _if(int, _at(*names))


def _texts(*names: str) -> tuple[Any, Callable[[Record], Any]]:
    return pa.list_(pa.string()), _if(list, _at(*names))


def _if(kind: Any, found: Callable[[Record], Any]) -> Callable[[Record], Any]:
    """What is found, where it is of that kind: whatever else it is stands in the whole record."""

    def told(record: Record) -> Any:
        value = found(record)
        return value if isinstance(value, kind) else None

    return told


def _scores(record: Record) -> list[float | None] | None:
    """Each candidate's score, whatever the task."""
    scores = _at("verdict", "scores")(record)
    if not isinstance(scores, Mapping):
        return None
    told = [scores.get(name) for name in record.get("candidates") or ()]
    return [score.get("score") if isinstance(score, Mapping) else score for score in told]


_COLUMNS: Final[Mapping[str, tuple[Any, Callable[[Record], Any]]]] = {
    **{name: _text(name) for name in ("case_id", "status", "kind")},
    "candidates": _texts("candidates"),
    "winner": _text("verdict", "winner"),
    **{name: _number("verdict", name) for name in ("probability", "probability_calibrated", "logit", "position_bias")},
    "consistent": (pa.bool_(), _if(bool, _at("verdict", "consistent"))),
    **{name: _number("verdict", name) for name in ("score", "normalized", "kendall_w")},
    "scores": (pa.list_(pa.float64()), _scores),
    "ranking": _texts("verdict", "ranking"),
    "dropped_by": _text("dropped_by"),
    "failure": _text("failure", "kind"),
    "failure_message": _text("failure", "message"),
    "domain": _text("domain"),
    "rubric": _text("provenance", "rubric", "id"),
    "rubric_version": _text("provenance", "rubric", "version"),
    "method": _text("provenance", "decided_by"),
    **{name: _count("usage", name) for name in ("judge_calls", "prompt_tokens", "completion_tokens")},
    **{name: _text(name) for name in ("id", "created", "case_digest", "run_digest")},
}
_JUDGED: Final = pa.schema([*((name, kind) for name, (kind, _) in _COLUMNS.items()), ("judgment", pa.string())])
