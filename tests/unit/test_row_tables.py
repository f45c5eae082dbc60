"""Rows of any shape as Parquet: every value is in the table, in a column of its own type where there is one."""

import io

import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.files.packing import packed
from judge_service.files.tables import rows_table

NAMES = st.sampled_from(["a", "b", "é ", ""])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def table_of(rows):
    lines = [orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows]
    return pq.read_table(io.BytesIO(b"".join(rows_table(lines))))


def is_told(value, given_):
    """Whether what was read says what was written: itself, its JSON, or itself with null for what it lacks."""
    if isinstance(given_, dict) and isinstance(value, dict):
        return all(is_told(part, given_.get(name)) for name, part in value.items()) and set(given_) <= set(value)
    if isinstance(given_, list) and isinstance(value, list):
        return len(value) == len(given_) and all(map(is_told, value, given_))
    if isinstance(value, str) and value != given_:
        return orjson.loads(value) == given_
    return value == given_


@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=3), max_size=5))
def test_no_value_is_lost_whatever_the_shapes(rows):
    table = table_of(rows).to_pylist()
    # A table without a column has no rows either: there was nothing in them.
    assert len(table) == (len(rows) if any(rows) else 0)
    for told, row in zip(table, rows, strict=False):
        assert is_told(told, row)


@pytest.mark.parametrize(
    ("values", "kind", "told"),
    [
        ([1, None, 2], "int64", None),
        ([1, 2.5], "double", None),
        ([2**62, 1], "int64", None),
        ([2**62, 0.5], "string", ["4611686018427387904", "0.5"]),
        ([2**64 - 1], "string", ["18446744073709551615"]),
        ([True, None], "bool", None),
        (["x", None], "string", None),
        ([None, None], "string", None),
        (["x", 1], "string", ['"x"', "1"]),
        ([[], None, [1]], "list<element: int64>", None),
        ([[], []], "list<element: string>", None),
        ([{"k": 1}, {"l": "x"}], "struct<k: int64, l: string>", [{"k": 1, "l": None}, {"k": None, "l": "x"}]),
        ([{}, None], "string", ["{}", None]),
        ([{str(i): i} for i in range(300)], "string", [f'{{"{i}":{i}}}' for i in range(300)]),
        ([[{"k": 1}, {"k": "x"}]], "list<element: struct<k: string>>", [[{"k": "1"}, {"k": '"x"'}]]),
    ],
)  # fmt: skip
def test_a_column_has_the_type_that_holds_all_of_its_values(values, kind, told):
    table = table_of([{"x": value} for value in values])
    assert str(table.schema.field("x").type) == kind
    assert table["x"].to_pylist() == (values if told is None else told)


def test_a_row_may_have_more_fields_than_an_object_within_it():
    row = {f"f{i}": i for i in range(500)}
    assert table_of([row]).to_pylist() == [row]


@pytest.mark.parametrize("kind", [".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".json.gz", ".json.zst", ".parquet"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_same_lines_are_the_same_bytes_whenever_they_are_packed(kind, count):
    lines = [b'{"row":%d}\n' % number for number in range(count)]
    assert b"".join(packed(lines, kind, "rows")) == b"".join(packed(iter(lines), kind, "rows"))
