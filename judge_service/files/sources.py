"""What a command is told to read: a file, a pattern, a folder of shards, a dataset on disk."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from judge_service.errors import InvalidRequest, RunRefused
from judge_service.files.disk import STANDARD
from judge_service.files.kinds import READ, check_extra, kind_of
from judge_service.files.packing import check_writable

DATASET: Final = "dataset"
_WILD: Final = re.compile(r"[*?\[]")
_SPLITS: Final = "dataset_dict.json"
_STATE: Final = "state.json"
_BOOKS: Final = frozenset(("dataset_info.json", "dataset_infos.json", _STATE, _SPLITS))
"""What `datasets` notes beside the rows."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or one dataset on disk, which is a folder.

    Attributes:
        name: for messages; within a folder or a pattern it tells the files apart.
        kind: of file, or `DATASET`.
    """

    path: Path
    name: str
    kind: str


def sources_of(told: str) -> list[Source]:
    """The files that a name, a pattern or a folder stands for, in the order of their names.

    Of a folder every file that can be read by its name; hidden files, and folders within it, are left out.

    Raises:
        InvalidRequest: there is none, one needs an extra, or a dataset has several splits; the message says what to do.
    """
    path = Path(told)
    if path.is_file():
        found = [Source(path, path.name, kind_of(path))]
    elif path.is_dir():
        found = _in_folder(path, "")
    else:
        found = _matching(told)
    for source in found:
        check_extra(source.path, ".arrow" if source.kind == DATASET else source.kind)
    return found


def inputs_of(told: Sequence[str]) -> list[Path]:
    """The files that several names stand for; standard input is none.

    Raises:
        InvalidRequest: as `sources_of`.
    """
    return [source.path for name in told if name != STANDARD for source in sources_of(name)]


def check_apart(output: str, told: str) -> None:
    """That an output can be written, and neither takes the place of what is read nor would be read the next time.

    Raises:
        InvalidRequest, RunRefused: the message says why not.
    """
    check_writable(output, inputs_of([told]))
    if STANDARD in (output, told):
        return
    place, read = Path(output).absolute(), Path(told).absolute()
    if place.resolve().parent == read.resolve() or (not read.exists() and place.match(str(read))):
        raise RunRefused(f"{output}: the output would lie among the input, {told}, and be read the next time")


def _matching(pattern: str) -> list[Source]:
    fixed = Path(_WILD.split(pattern, maxsplit=1)[0] + "x").parent
    found: list[Source] = []
    for path in map(Path, sorted(glob.glob(pattern))):  # noqa: PTH207
        name = str(path.relative_to(fixed))
        found += _in_folder(path, name) if path.is_dir() else [Source(path, name, kind_of(path))]
    if not found:
        raise InvalidRequest(f"{pattern}: no such file")
    return found


def _in_folder(folder: Path, name: str) -> list[Source]:
    """What a folder holds.

    Args:
        name: of the folder, where there are several.
    """
    if (folder / _SPLITS).is_file():
        return _in_folder(*_only_split(folder, name))
    if (folder / _STATE).is_file() and "_data_files" in _noted(folder / _STATE):
        return [Source(folder, name or folder.resolve().name, DATASET)]
    files = sorted(path for path in folder.iterdir() if path.is_file() and _is_shard(path))
    if not files:
        within = ", ".join(sorted(path.name for path in folder.iterdir() if path.is_dir()))
        more = f"; there are folders in it: {within}" if within else ""
        raise InvalidRequest(f"{folder}: no file in it is one of {', '.join(READ)}{more}")
    return [Source(path, str(Path(name) / path.name), kind_of(path)) for path in files]


def _is_shard(path: Path) -> bool:
    return not path.name.startswith(".") and path.name not in _BOOKS and path.name.lower().endswith(READ)


def _only_split(folder: Path, name: str) -> tuple[Path, str]:
    splits = _noted(folder / _SPLITS).get("splits") or []
    if len(splits) != 1:
        raise InvalidRequest(
            f"{folder} holds a dataset of several splits: {', '.join(map(str, splits))}; name one, such as "
            f"{folder / str(splits[0]) if splits else folder}"
        )
    return folder / splits[0], str(Path(name) / splits[0])


def _noted(path: Path) -> Any:
    try:
        noted = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as e:
        raise InvalidRequest(f"{path}: {e}") from None
    return noted if isinstance(noted, dict) else {}
