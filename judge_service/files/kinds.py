"""The kinds of files that rows and judgments stand in."""

from __future__ import annotations

import gzip
import importlib
import zlib
from pathlib import Path
from types import ModuleType
from typing import IO, Final, cast

from judge_service.errors import InvalidRequest
from judge_service.files.disk import STANDARD

WRITTEN: Final = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".json.gz", ".json.zst", ".parquet")
READ: Final = (*WRITTEN, ".arrow")
TABLES: Final = (".parquet", ".arrow")
GATHERED: Final = ".partial"
"""Follows the name of an output that is no file of lines, where its lines are gathered."""
_PACKED: Final = (".gz", ".zst")


class Damaged(ValueError):
    """A file ends too early, or is not what its name says."""


DAMAGE: Final = (OSError, EOFError, ValueError, zlib.error)
"""What reading a file raises that ends too early, or is not what its name says."""


def kind_of(path: Path | str) -> str:
    """The kind of file a name stands for; a name that says nothing stands for JSON lines."""
    name = "" if str(path) == STANDARD else Path(path).name.lower()
    # The longest first: .jsonl.gz ends in .gz, too.
    for kind in sorted(READ, key=len, reverse=True):
        if name.endswith(kind):
            return kind
    return ".jsonl" + next((packing for packing in _PACKED if name.endswith(packing)), "")


def is_array(kind: str) -> bool:
    """Whether files of this kind hold one JSON array, and not a line to each row."""
    return kind.removesuffix(".gz").removesuffix(".zst") == ".json"


def opened(path: Path, kind: str) -> IO[bytes]:
    """The text in a file, unpacked as it is read.

    Args:
        kind: one of lines or of an array.

    Raises:
        InvalidRequest: its extra is not installed.
        OSError: as the system does; while it is read, what `DAMAGE` lists.
    """
    if kind.endswith(".gz"):
        return cast(IO[bytes], gzip.open(path, "rb"))
    if kind.endswith(".zst"):
        stream: IO[bytes] = library(path, kind).opened(path)
        return stream
    return path.open("rb")


def library(path: Path | str, kind: str) -> ModuleType:
    """What reads and writes files of a kind that needs an extra: `zst` or `tables`.

    Raises:
        InvalidRequest: the extra is not installed; the message names the file and says what to do.
    """
    try:
        # Imported only here: they come with an extra, and take their time.
        return importlib.import_module(f"judge_service.files.{'tables' if kind in TABLES else 'zst'}")
    except ModuleNotFoundError as e:
        if e.name not in ("pyarrow", "zstandard"):
            raise
        raise InvalidRequest(f"{path}: {kind} files need an extra: pip install 'judge-service[files]'") from None


def check_extra(path: Path | str, kind: str) -> None:
    """That what a file of this kind needs is installed.

    Raises:
        InvalidRequest: it is not.
    """
    if kind in TABLES or kind.endswith(".zst"):
        library(path, kind)
