"""When the disk takes no more: what to say, and files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from judge_service.errors import RunRefused

STANDARD: Final = "-"
"""The name under which a command is told standard input or standard output."""

_MENDING: Final = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room within the quota",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EIO: "see to the disk",
}


def unwritable(path: Path | str, error: OSError, kept: str = "what is finished is kept") -> RunRefused:
    """The one line on an output that cannot be written: which file, why, and what to do.

    Args:
        kept: what the next run finds.
    """
    mend = _MENDING.get(error.errno or 0, "mend that")
    why = error.strerror or error
    return RunRefused(f"{path} cannot be written: {why}; {mend} and run the same command again, {kept}")


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turns what the disk says of an output into a refusal.

    Raises:
        RunRefused: the output, or the file it is gathered in, cannot be written.
    """
    try:
        yield
    except OSError as e:
        raise unwritable(path, e) from None


def write_whole(path: Path, parts: Iterable[bytes]) -> None:
    """Brings a file to the disk; if that fails there is none, and its room is free again.

    Raises:
        OSError: as the system does, and whatever the parts raise as they are made.
    """
    try:
        with path.open("wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def replace_whole(path: Path, parts: Iterable[bytes], alone: bool = False) -> None:
    """Puts a file in the place of what stood there, or of nothing: it is there whole or not at all.

    Args:
        alone: whether nobody else can be writing it, so that what a killed writer left beside it is written over.

    Raises:
        RunRefused: it cannot be written; what stood there stands there still.
    """
    beside = path.with_name(f"{path.name}.new" if alone else f"{path.name}.{os.getpid()}.new")
    with refusing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(beside, parts)
        beside.replace(path)


def check_output(output: Path | str, inputs: Iterable[Path | str]) -> None:
    """No output takes the place of what it is made of.

    Raises:
        RunRefused: it would.
    """
    if str(output) == STANDARD:
        return
    if Path(output).resolve() in {Path(told).resolve() for told in inputs if str(told) != STANDARD}:
        raise RunRefused(f"{output}: the output would overwrite the input")


def bring_to_disk(file: int) -> None:
    """Waits until a file lies on the disk: some file systems find out only now that they are full.

    Raises:
        OSError: as the system does.
    """
    # A device or a pipe has no disk to wait for.
    if stat.S_ISREG(os.fstat(file).st_mode):
        os.fsync(file)
