"""Columns of Arrow as JSON values: what JSON cannot say becomes text that says it exactly."""

import datetime as dt
import decimal
import uuid

import orjson
import pyarrow as pa
import pytest

from judge_service.files.column_values import Columns
from judge_service.files.kinds import Damaged

MOMENT = dt.datetime(2024, 2, 29, 23, 59, 58, 120_000)
NAME = uuid.UUID("12345678-1234-5678-1234-567812345678")
EACH = {
    "a moment": (pa.array([MOMENT], pa.timestamp("ms")), "2024-02-29T23:59:58.120"),
    "a whole second": (pa.array([MOMENT.replace(microsecond=0)], pa.timestamp("us")), "2024-02-29T23:59:58"),
    "nanoseconds": (pa.array([1], pa.timestamp("ns")), "1970-01-01T00:00:00.000000001"),
    "before 1970": (pa.array([-1], pa.timestamp("s")), "1969-12-31T23:59:59"),
    "a moment in a zone": (pa.array([0], pa.timestamp("s", "America/New_York")), "1970-01-01T00:00:00Z"),
    "beyond all years": (pa.array([2**60], pa.timestamp("s")), f"{2**60} seconds since 1970-01-01T00:00:00"),
    "a date": (pa.array([MOMENT.date()], pa.date32()), "2024-02-29"),
    "a date in milliseconds": (pa.array([MOMENT.date()], pa.date64()), "2024-02-29"),
    "a time of day": (pa.array([MOMENT.time()], pa.time64("us")), "23:59:58.120000"),
    "a time of day in seconds": (pa.array([3661], pa.time32("s")), "01:01:01"),
    "a duration": (pa.array([-90_500], pa.duration("ms")), "-PT90.500S"),
    "a decimal": (pa.array([decimal.Decimal("12.50")]), "12.50"),
    "NaN": (pa.array([float("nan")]), "NaN"),
    "infinities": (pa.array([[float("inf"), -float("inf")]], pa.list_(pa.float32())), ["Infinity", "-Infinity"]),
    "half precision": (pa.array([1.5], pa.float16()), 1.5),
    "bytes that are text": (pa.array(["é".encode()]), "é"),
    "bytes": (pa.array([b"\xff\x00"]), "data:application/octet-stream;base64,/wA="),
    "bytes of one length": (pa.array([b"ab"], pa.binary(2)), "ab"),
    "a UUID": (pa.array([NAME.bytes], pa.uuid()), str(NAME)),
    "repeated texts": (pa.array(["x"]).dictionary_encode(), "x"),
    "repeated moments": (pa.array([0], pa.timestamp("s")).dictionary_encode(), "1970-01-01T00:00:00"),
    "a large number": (pa.array([2**64 - 1], pa.uint64()), 2**64 - 1),
    "texts in views": (pa.array(["x"], pa.string_view()), "x"),
    "a map": (pa.array([[("k", 1), ("l", None)]], pa.map_(pa.string(), pa.int8())), {"k": 1, "l": None}),
    "a map by dates": (pa.array([[(0, b"x")]], pa.map_(pa.date32(), pa.binary())), {"1970-01-01": "x"}),
    "a map with a key twice": (pa.array([[("k", 1), ("k", 2)]], pa.map_(pa.string(), pa.int8())), [["k", 1], ["k", 2]]),
    "a map by numbers": (pa.array([[(1, 2)]], pa.map_(pa.int8(), pa.int8())), [[1, 2]]),
    "structs in lists": (
        pa.array([[{"t": MOMENT, "n": 1}, None]], pa.list_(pa.struct([("t", pa.timestamp("s")), ("n", pa.int8())]))),
        [{"t": "2024-02-29T23:59:58", "n": 1}, None],
    ),
    "large lists": (pa.array([[b"\xff"]], pa.large_list(pa.binary())), ["data:application/octet-stream;base64,/w=="]),
    "lists of one length": (pa.array([[0, None]], pa.list_(pa.date32(), 2)), ["1970-01-01", None]),
    "an interval": (pa.array([(1, 2, 3)], pa.month_day_nano_interval()), [1, 2, 3]),
    "nothing": (pa.nulls(1), None),
}  # fmt: skip


@pytest.mark.parametrize("what", list(EACH))
def test_every_type_becomes_what_json_can_say(what):
    column, told = EACH[what]
    with_null = pa.concat_arrays([column, pa.nulls(1, column.type)])
    batch = pa.record_batch([with_null], ["x"])
    rows = Columns(batch.schema).rows_of(batch)
    assert rows == [{"x": told}, {"x": None}]
    assert orjson.loads(orjson.dumps(rows)) == rows


def test_a_column_that_cannot_be_told_is_named_and_so_is_a_name_that_stands_twice():
    union = pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])])
    for batch, told in (
        (pa.record_batch([union], ["odd"]), "column 'odd' is of type sparse_union"),
        (pa.record_batch([pa.array([1]), pa.array([2])], ["x", "x"]), "two columns are named 'x'"),
    ):
        with pytest.raises(Damaged, match=told):
            Columns(batch.schema)
