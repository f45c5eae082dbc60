"""The output file is the record of what is finished: whole lines, appended as they come, and read again to resume."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from judge_service.batch.known import Known, in_short
from judge_service.batch.locking import Lock, is_at
from judge_service.batch.ordering import Order
from judge_service.errors import RunRefused
from judge_service.files.disk import bring_to_disk, refusing, replace_whole, unwritable, write_whole
from judge_service.files.kinds import DAMAGE, GATHERED, kind_of
from judge_service.files.packing import check_writable, packed
from judge_service.files.records import records_of

FINISHED: Final = ("judged", "dropped")
SYNC_SECONDS: Final = 5.0
_MOST_WAITING: Final = 2**20


@dataclass(slots=True)
class Finished:
    """What an output holds already.

    Attributes:
        digests: of the cases, in short, by case id.
        statuses: how many rows have which status.
        first: the first record that tells what run it was.
    """

    digests: Known = field(default_factory=Known)
    statuses: dict[str, int] = field(default_factory=dict)
    first: Mapping[str, Any] | None = None


class Ledger:
    """Appends records to one output file; one that is no file of lines is gathered beside it and made at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kind = kind_of(str(path))
        self._lines = path if self._kind == ".jsonl" else path.with_name(path.name + GATHERED)
        self._file: int | None = None
        self._held = Lock(path)
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._failure: OSError | None = None
        self._sync_due: asyncio.TimerHandle | None = None
        self._is_told = False

    def open(self, overwrite: bool, retry_failed: bool) -> Finished:
        """Locks the output, repairs a torn last line and tells what is finished.

        Raises:
            RunRefused: another process writes it, it holds something else than judgments, or it cannot be written.
        """
        check_writable(self.path)
        with refusing(self._lines):
            self._lock()
            if overwrite:
                self._empty()
            self._take_up_whole()
            self._repair()
            return self._read(retry_failed)

    def _lock(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while self._file is None:
            file = os.open(self._lines, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                self._held.take(file)
            except BaseException:
                os.close(file)
                self._held.give_up()
                raise
            if is_at(file, self._lines):
                self._file = file
            else:
                # Who held it until now has put another file there in the meantime.
                os.close(file)

    def _empty(self) -> None:
        assert self._file is not None
        if os.fstat(self._file).st_size:
            os.ftruncate(self._file, 0)
        if self._lines != self.path:
            self.path.unlink(missing_ok=True)

    def _take_up_whole(self) -> None:
        """A finished output that is no file of lines becomes one again, so that it can be added to."""
        if self._lines == self.path or not self.path.exists() or self._lines.stat().st_size:
            return
        # In one go: half of them would look like all of them to the next run.
        self._replace(self._whole_lines())

    def _whole_lines(self) -> Iterator[bytes]:
        try:
            for record in records_of(self.path):
                yield orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
        except DAMAGE as e:
            raise RunRefused(f"{self.path} cannot be read: {e} (--overwrite starts it anew)") from None

    def _repair(self) -> None:
        """Cuts off a last line that was being written when the writer was killed."""
        assert self._file is not None
        size = os.fstat(self._file).st_size
        keep = size
        while keep and os.pread(self._file, 1, keep - 1) != b"\n":
            step = min(keep, 65536)
            chunk = os.pread(self._file, step, keep - step)
            cut = chunk.rfind(b"\n")
            keep = keep - step + cut + 1 if cut >= 0 else keep - step
        if keep < size:
            os.ftruncate(self._file, keep)

    def _read(self, retry_failed: bool) -> Finished:
        assert self._file is not None
        finished = Finished()
        if not os.fstat(self._file).st_size:
            # Nor is a pipe or a device read, whose end would never come.
            return finished
        left_out = False
        for record, _ in self._records():
            if finished.first is None and record.get("run_digest"):
                finished.first = record
            if retry_failed and record["status"] not in FINISHED:
                left_out = True
                continue
            finished.digests.put(record["case_id"], in_short(record["case_digest"]))
            finished.statuses[record["status"]] = finished.statuses.get(record["status"], 0) + 1
        if left_out:
            self._replace(line for record, line in self._records() if record["status"] in FINISHED)
        return finished

    def _records(self) -> Iterator[tuple[dict[str, Any], bytes]]:
        """What stands in the lines, each with its line."""
        with self._lines.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                yield self._record(line, number), line

    def _record(self, line: bytes, number: int) -> dict[str, Any]:
        with suppress(orjson.JSONDecodeError, KeyError, TypeError):
            record = orjson.loads(line)
            told = (record["object"], record["case_id"], record["case_digest"], record["status"])
            if told[0] == "judgment" and all(told):
                return dict(record)
        raise RunRefused(
            f"{self.path} line {number} is no judgment: it is not an output of this program (--overwrite?)"
        )

    def _replace(self, lines: Iterable[bytes]) -> None:
        """Writes the file anew beside itself and moves it into place, so that a crash leaves one or the other whole."""
        assert self._file is not None
        beside = self._lines.with_name(self._lines.name + ".new")
        write_whole(beside, lines)
        fresh = os.open(beside, os.O_RDWR | os.O_APPEND)
        self._held.take(fresh)
        beside.replace(self._lines)
        os.close(self._file)
        self._file = fresh

    def append(self, record: Mapping[str, Any]) -> None:
        """Adds one record as one whole line; what comes in one turn of the event loop is one write, at its end.

        Raises:
            RunRefused: lines cannot be written. Those before are whole, and none comes after.
        """
        self._tell()
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        line = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
        self._waiting.append(line)
        self._waiting_bytes += len(line)
        if self._waiting_bytes > _MOST_WAITING:
            self._flush()

    def _flush(self) -> None:
        """Writes what waits; a failure is told to whoever comes next."""
        lines, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if lines and self._file is not None and self._failure is None:
            self._write(self._file, b"".join(lines))
            if self._sync_due is None:
                self._sync_due = asyncio.get_running_loop().call_later(SYNC_SECONDS, self._sync)

    def _sync(self) -> None:
        """A machine that goes away takes the lines of the last seconds along, and no more."""
        self._sync_due = None
        if self._file is not None and self._failure is None:
            # On a descriptor of its own: the output may be closed meanwhile.
            asyncio.get_running_loop().run_in_executor(None, _synced, os.dup(self._file)).add_done_callback(self._heard)

    def _heard(self, done: asyncio.Future[OSError | None]) -> None:
        if not done.cancelled():
            self._failure = self._failure or done.result()

    def _tell(self) -> None:
        if self._failure is not None:
            self._is_told = True
            raise unwritable(self._lines, self._failure)

    def _write(self, file: int, lines: bytes) -> None:
        try:
            written = os.write(file, lines)
            while written < len(lines):
                lines = lines[written:]
                written = os.write(file, lines)
        except OSError as e:
            self._failure = e
            with suppress(OSError):
                self._repair()

    def put_in_order(self, order: Order) -> None:
        """Puts the lines in the order of their cases; those on cases of other inputs follow.

        Raises:
            RunRefused: there is no room for that. The lines are kept as they are, and the next run does it.
        """
        self._flush()
        if self._file is None or self._failure is not None or not os.fstat(self._file).st_size:
            return
        with refusing(self._lines):
            lines = order.lines_of(self._lines)
            if lines is not None:
                self._replace(lines)

    def close(self) -> None:
        """Brings the lines to the disk, makes the output of them where it is no file of lines, and gives up the lock.

        Raises:
            RunRefused: there is no room for that. The lines are kept, and the next run makes the output of them.
        """
        if self._file is None:
            return
        self._flush()
        if self._sync_due is not None:
            self._sync_due.cancel()
        file, self._file = self._file, None
        with refusing(self._lines if self._failure else self.path):
            try:
                if self._failure is None and self._lines == self.path:
                    bring_to_disk(file)
                elif self._failure is None:
                    self._make_whole()
            finally:
                os.close(file)
                self._held.give_up()
        if not self._is_told:
            self._tell()

    def _make_whole(self) -> None:
        with self._lines.open("rb") as lines:
            replace_whole(self.path, packed(lines, self._kind), alone=True)
        self._lines.unlink()


def _synced(file: int) -> OSError | None:
    """Brings what was written so far to the disk; what it says if it cannot."""
    try:
        bring_to_disk(file)
    except OSError as e:
        return e
    finally:
        os.close(file)
    return None
