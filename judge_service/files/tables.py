"""Parquet and Arrow files, a few rows at a time. pyarrow comes with an extra; nothing imports this module by name."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from judge_service.files.column_values import Columns
from judge_service.files.kinds import Damaged
from judge_service.files.table_writing import judgments_table, rows_table

__all__ = ["count_in", "judgments_table", "rows_table", "values_in", "values_in_dataset"]
_ROWS: Final = 256
_BUFFER: Final = 1 << 20
_ARROW_FILE: Final = b"ARROW1"
JUDGMENT: Final = "judgment"
IS_JUDGED: Final = frozenset((JUDGMENT, "case_id", "case_digest", "run_digest"))
"""Columns by which a table of judgments is known."""


def values_in(path: Path, kind: str) -> Iterator[Any]:
    """The rows of a table as plain values; of a table of judgments the judgments, as they were written.

    Args:
        kind: .parquet or .arrow, which may be of either of Arrow's formats.

    Raises:
        Damaged: it is no table, or a column cannot be told in JSON; and as the system does.
    """
    with _damage_told():
        yield from _parquet(path) if kind == ".parquet" else _rows(_arrow(path))


def count_in(path: Path, kind: str) -> int | None:
    """How many rows a table has; None where its file does not say."""
    if kind != ".parquet":
        return None
    with _damage_told(), pq.ParquetFile(path) as table:
        return int(table.metadata.num_rows)


def values_in_dataset(folder: Path) -> Iterator[Any]:
    """The rows of what `Dataset.save_to_disk` of Hugging Face's `datasets` wrote, in the dataset's order.

    Raises:
        Damaged: it is none; and as the system does.
    """
    with _damage_told():
        state = orjson.loads((folder / "state.json").read_bytes())
        files = [folder / file["filename"] for file in state["_data_files"]]
        order = [folder / file["filename"] for file in state.get("_indices_data_files") or ()]
        if order:
            yield from _rows(_picked(files, order))
        else:
            yield from _rows(batch for file in files for batch in _arrow(file))


@contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, KeyError, TypeError) as e:
        raise Damaged(str(e).partition("\n")[0]) from None


def _parquet(path: Path) -> Iterator[Any]:
    # Read through a small buffer: else a row group's columns would be held whole.
    with pq.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False) as table:
        if set(table.schema_arrow.names) >= IS_JUDGED:
            for batch in table.iter_batches(_ROWS, columns=[JUDGMENT], use_threads=False):
                yield from (orjson.loads(text) for text in batch.column(0).to_pylist())
        else:
            yield from _rows(table.iter_batches(_ROWS, use_threads=False))


def _rows(batches: Iterator[Any]) -> Iterator[dict[str, Any]]:
    columns = None
    for batch in batches:
        columns = columns or Columns(batch.schema)
        yield from columns.rows_of(batch)


def _arrow(path: Path) -> Iterator[Any]:
    with pa.OSFile(str(path)) as file:
        is_file = file.read(len(_ARROW_FILE)) == _ARROW_FILE
        file.seek(0)
        for batch in _in_file(pa.ipc.open_file(file)) if is_file else pa.ipc.open_stream(file):
            yield from (batch.slice(start, _ROWS) for start in range(0, batch.num_rows, _ROWS))


def _in_file(reader: Any) -> Iterator[Any]:
    return (reader.get_batch(number) for number in range(reader.num_record_batches))


def _picked(files: list[Path], order: list[Path]) -> Iterator[Any]:
    """The rows that a file of row numbers names, in its order. What is mapped takes no memory until it is touched."""
    batches = [batch for file in files for batch in pa.ipc.open_stream(pa.memory_map(str(file)))]
    ends = list(accumulate(batch.num_rows for batch in batches))
    for picked in (batch for file in order for batch in _arrow(file)):
        for number in picked.column(0).to_pylist():
            at = bisect_right(ends, number)
            yield batches[at].slice(number - ends[at] + batches[at].num_rows, 1)
