"""The texts of stored judgments: their own, where they were written along, or else those of a file of cases."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import orjson

from judge_service.batch.rows import case_of_row
from judge_service.domain.cases import Case
from judge_service.domain.judgments import Judgment
from judge_service.domain.parsing import case_from
from judge_service.domain.records import case_record
from judge_service.errors import InvalidCase, InvalidRequest, RunRefused
from judge_service.files.reading import rows_of

_CACHE_KIB: Final = 16_000


@dataclass(frozen=True, slots=True)
class Texts:
    """Finds the case that a judgment is of.

    Attributes:
        path: the file of cases; "" where there is none.
    """

    path: str
    index: sqlite3.Connection

    def case_of(self, judgment: Judgment) -> Case:
        """The texts that were judged.

        Raises:
            InvalidRequest: they are nowhere, or are not those that were judged; the message names the case.
        """
        name = judgment.case_id
        own = own_case(judgment)
        if own is not None:
            return own
        found = self.index.execute("SELECT record FROM cases WHERE id = ?", (name,)).fetchone()
        if found is None:
            where = f"{self.path} has no case '{name}'" if self.path else f"the judgment on case '{name}' has no texts"
            raise InvalidRequest(f"{where}; give the file that was judged: --cases FILE")
        case = _parsed(orjson.loads(found[0]), name)
        if case.digest != judgment.case_digest:
            raise InvalidRequest(f"case '{name}' has another text in {self.path} than the one judged (--cases)")
        return case


def own_case(judgment: Judgment) -> Case | None:
    """The texts that a judgment carries itself (`--include case`); None where it carries none.

    Raises:
        InvalidRequest: they are no case.
    """
    return None if judgment.case is None else _parsed(judgment.case, judgment.case_id)


@contextmanager
def texts_from(path: str, fields: Mapping[str, str]) -> Iterator[Texts]:
    """The texts of a file of cases, in an index on disk that is gone at the end.

    Args:
        path: rows as they were judged; "" for none.
        fields: columns named by the caller, as they were when it was judged.

    Raises:
        InvalidRequest: no such file, or it cannot be read.
        RunRefused: there is no room for the index.
    """
    # A database without a name: SQLite keeps it in a temporary file once it outgrows its cache, and removes it.
    with closing(sqlite3.connect("", isolation_level=None)) as index:
        index.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        index.execute("CREATE TABLE cases (id TEXT PRIMARY KEY, record BLOB) WITHOUT ROWID")
        if path:
            index.execute("BEGIN")
            try:
                # Of two rows with one id the first was judged.
                index.executemany("INSERT OR IGNORE INTO cases VALUES (?, ?)", _records(path, fields))
            except sqlite3.OperationalError as e:
                raise RunRefused(f"no room for an index of {path} among the temporary files: {e}") from None
            index.execute("COMMIT")
        yield Texts(path, index)


def _records(path: str, fields: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    for row in rows_of(path):
        # What is no case was not judged either, and is missed only if a judgment asks for it. To score takes the rows
        # of every task.
        with suppress(InvalidCase):
            case = case_of_row(row, "score", fields)
            yield case.id, orjson.dumps(case_record(case))


def _parsed(record: Mapping[str, object], name: str) -> Case:
    try:
        return case_from(record, "score")
    except InvalidCase as e:
        raise InvalidRequest(f"case '{name}': {e.message}") from None
