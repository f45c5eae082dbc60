"""A lock: what an evaluation was pinned by before anything was judged, and what of it is another now."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from judge_service.clock import now
from judge_service.contests.pins import plain_of
from judge_service.domain.digests import digest
from judge_service.domain.frozen import frozen
from judge_service.errors import InvalidRequest, RunRefused
from judge_service.files.disk import replace_whole

_SCHEMA: Final = 1
_SHORT: Final = len("sha256:") + 8
_ALONE: Final = "judging.run"
"""Follows from the rest of what is pinned, and is told where nothing else of the judging differs."""


@frozen
class Lock:
    """An evaluation as it was settled before judging.

    Attributes:
        pinned: what may not change, by section: inputs, cases, judging, estimator, exclusions, service.
        paths: where the inputs and the output lie, relative to the lock; they may move with it, and are not pinned.
        reading: how the inputs are read again, as the command was told; pinned by what it comes to.
        created: when it was made, which is not pinned either.
    """

    pinned: Mapping[str, Any]
    paths: Mapping[str, str]
    reading: Mapping[str, Any]
    created: str

    @property
    def digest(self) -> str:
        """The name of what is pinned."""
        return digest(self.pinned)

    def path_of(self, name: str, lock: Path) -> str:
        """Where one of its files lies, for whoever found the lock at `lock`; "" where it names none."""
        told = self.paths.get(name, "")
        return told and os.path.normpath(lock.parent / told)


def settled(pinned: Mapping[str, Any], paths: Mapping[str, str], reading: Mapping[str, Any], lock: Path) -> Lock:
    """A lock made now.

    Args:
        paths: of the files, as they are told here.
        lock: where it will lie.
    """
    placed = {name: _relative(path, lock) for name, path in paths.items()}
    return Lock(plain_of(pinned), placed, plain_of(reading), now())


def held_to(path: Path, settled_now: Lock) -> Lock:
    """The lock that stands at a path, which must pin what is settled now; it is written where none stands.

    Raises:
        InvalidRequest: what stands there is no lock.
        RunRefused: it pins something else, each of which is named; or it cannot be written.
    """
    if path.exists():
        held = read_lock(path)
        different = differences(held.pinned, settled_now.pinned)
        if different:
            raise RunRefused(f"{path} pins another evaluation: {'; '.join(different)}")
        return held
    told = {
        "object": "lock",
        "schema": _SCHEMA,
        "digest": settled_now.digest,
        "created": settled_now.created,
        "pinned": settled_now.pinned,
        "paths": settled_now.paths,
        "reading": settled_now.reading,
    }
    replace_whole(path, [orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)])
    return settled_now


def read_lock(path: Path) -> Lock:
    """A lock as it was written.

    Raises:
        InvalidRequest: there is no such file, it is no lock, or it was changed by hand.
    """
    try:
        told = orjson.loads(path.read_bytes())
        if told["object"] != "lock" or told["schema"] != _SCHEMA:
            raise InvalidRequest(f"{path} is no lock that this version reads")
        lock = Lock(dict(told["pinned"]), dict(told["paths"]), dict(told["reading"]), str(told["created"]))
        if lock.digest != told["digest"]:
            raise InvalidRequest(f"{path} was changed after it was written: its digest is another")
    except OSError as e:
        raise InvalidRequest(f"{path} cannot be read: {e.strerror or e}") from None
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise InvalidRequest(f"{path} is no lock") from None
    return lock


def differences(held: Mapping[str, Any], told: Mapping[str, Any]) -> list[str]:
    """What is pinned otherwise, each by its name: what it was and what it is."""
    before, after = dict(_flat(held)), dict(_flat(told))
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if any(name.startswith("judging.") and name != _ALONE for name in names):
        names = [name for name in names if name != _ALONE]
    return [f"{name} was {_shown(before.get(name))}, is {_shown(after.get(name))}" for name in names]


def _flat(told: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in told.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{start}{name}.")
        else:
            yield start + name, value


def _shown(value: Any) -> str:
    if isinstance(value, str) and value.startswith("sha256:"):
        return value[:_SHORT].removeprefix("sha256:")
    return "not there" if value is None else value if isinstance(value, str) and value else orjson.dumps(value).decode()


def _relative(path: str, lock: Path) -> str:
    if not path:
        return ""
    return Path(os.path.relpath(Path(path).absolute(), lock.absolute().parent)).as_posix()
