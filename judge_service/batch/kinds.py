"""The kinds of files that rows and judgments stand in."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from judge_service.batch.disk import STANDARD
from judge_service.errors import InvalidRequest

KINDS: Final = (".jsonl", ".jsonl.gz", ".json")


def kind_of(path: str) -> str:
    """The kind of file a name stands for.

    Raises:
        InvalidRequest: a kind that is not read or written here.
    """
    if path == STANDARD:
        return ".jsonl"
    name = Path(path).name.lower()
    for kind in KINDS:
        if name.endswith(kind):
            return kind
    if name.endswith(".parquet"):
        raise InvalidRequest(f"{path}: Parquet is not read or written yet; use .jsonl, .jsonl.gz or .json")
    return ".jsonl"
