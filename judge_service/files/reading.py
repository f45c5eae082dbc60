"""Rows from files and standard input, one at a time: of whatever kind and size, no more than a few are held."""

from __future__ import annotations

import os
import sys
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import IO, Any, Final

import orjson

from judge_service.domain.frozen import frozen
from judge_service.domain.surrogates import NO_TEXT, parsed_with_surrogates, surrogate_in
from judge_service.errors import InvalidRequest
from judge_service.files.arrays import NoArray, begins_array, elements_of
from judge_service.files.disk import STANDARD
from judge_service.files.kinds import DAMAGE, TABLES, is_array, library, opened
from judge_service.files.sources import DATASET, Source, sources_of

_BEGINNING: Final = 4096


@frozen
class Row:
    """One row: its value, or why it cannot be read.

    Attributes:
        where: file and line, for messages.
    """

    where: str
    value: Any = None
    error: str | None = None


def rows_of(path: str) -> Iterator[Row]:
    """The rows of a file, of the files a pattern or a folder stands for, or of a dataset on disk, in order.

    A line, or an element of an array, that is no JSON is a row with an error.

    Raises:
        InvalidRequest: no such file, or it cannot be read.
    """
    if path == STANDARD:
        # Not sys.stdin's own buffer: a thread that waits in it would keep the program from ending.
        return _lines(os.fdopen(sys.stdin.fileno(), "rb", closefd=False), "standard input")
    return chain.from_iterable(map(_rows, sources_of(path)))


def _rows(source: Source) -> Iterator[Row]:
    try:
        if source.kind == DATASET or source.kind in TABLES:
            yield from _table(source)
        else:
            yield from _texts(source)
    except DAMAGE as e:
        raise InvalidRequest(f"{source.path}: {e}") from None


def _table(source: Source) -> Iterator[Row]:
    tables = library(source.path, ".arrow")
    is_dataset = source.kind == DATASET
    values = tables.values_in_dataset(source.path) if is_dataset else tables.values_in(source.path, source.kind)
    for number, value in enumerate(values, 1):
        yield Row(f"{source.name} row {number}", value)


def _texts(source: Source) -> Iterator[Row]:
    if not is_array(source.kind):
        with opened(source.path, source.kind) as lines:
            yield from _lines(lines, source.name)
        return
    told = _told_as(source)
    with opened(source.path, source.kind) as stream:
        yield from told(stream, source.name)


def _told_as(source: Source) -> Callable[[IO[bytes], str], Iterator[Row]]:
    """How the rows of a .json file are read: JSON lines under that name are common, and so is a lone object."""
    with opened(source.path, source.kind) as stream:
        if begins_array(stream.read(_BEGINNING)):
            return _array
    with opened(source.path, source.kind) as stream:
        first = next((line for line in stream if line.removeprefix(BOM_UTF8).strip()), b"")
    return _lines_or_one if _is_json(first.removeprefix(BOM_UTF8)) else _whole


def _is_json(text: bytes) -> bool:
    try:
        _parsed(text)
    except ValueError:
        return False
    return True


def _lines(lines: Iterable[bytes], name: str) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            where = f"{name} line {number}"
            try:
                yield Row(where, orjson.loads(line if number > 1 else line.removeprefix(BOM_UTF8)))
            except orjson.JSONDecodeError as e:
                yield Row(where, error=f"not valid JSON: {e}")


def _lines_or_one(lines: Iterable[bytes], name: str) -> Iterator[Row]:
    rows = _lines(lines, name)
    first, second = next(rows), next(rows, None)
    if second is None:
        yield replace(first, where=f"{name} row 1")
    else:
        yield from (first, second, *rows)


def _array(stream: IO[bytes], name: str) -> Iterator[Row]:
    number = 0
    try:
        for number, element in enumerate(elements_of(stream), 1):
            yield _element(element, f"{name} row {number}")
    except NoArray as e:
        yield Row(f"{name} row {number + 1}", error=f"not valid JSON: {e}")


def _element(element: bytes, where: str) -> Row:
    try:
        value = _parsed(element)
    except ValueError as e:
        return Row(where, error=f"not valid JSON: {e}")
    at = surrogate_in(value)
    return Row(where, value) if at is None else Row(where, error=f"{at or 'the row'} {NO_TEXT}")


def _parsed(text: bytes) -> Any:
    """A JSON value, which may hold lone surrogates.

    Raises:
        orjson.JSONDecodeError: it is none.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        try:
            return parsed_with_surrogates(text)
        except ValueError:
            raise error from None


def _whole(stream: IO[bytes], name: str) -> Iterator[Row]:
    """The rows of a .json file whose first line is no JSON: an object over several lines, or lines with a bad first."""
    text = stream.read().removeprefix(BOM_UTF8)
    if b"\n" in text.strip() and not _is_json(text):
        yield from _lines(text.splitlines(), name)
    else:
        yield _element(text, f"{name} row 1")
