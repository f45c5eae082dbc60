"""Files packed by Zstandard (RFC 8878). It comes with an extra, and nothing imports this module by name."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import zstandard

from judge_service.files.kinds import Damaged

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_READ = 2048
"""Bytes at a time, and no more: what they unpack to is held."""


class _Unpacked(io.RawIOBase):
    """What several frames one after the other hold. The library's own reader takes a torn frame for the end."""

    def __init__(self, packed: IO[bytes]) -> None:
        self._packed = packed
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, into: WriteableBuffer) -> int:
        room = memoryview(into).cast("B")
        while not self._rest:
            chunk = self._packed.read(_READ)
            if not chunk:
                if self._frame is not None:
                    raise Damaged("the compressed file ends in the middle")
                return 0
            self._rest = memoryview(self._unpack(chunk))
        count = min(len(room), len(self._rest))
        room[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _unpack(self, chunk: bytes) -> bytes:
        parts = []
        while chunk:
            frame = self._frame or zstandard.ZstdDecompressor().decompressobj()
            try:
                parts.append(frame.decompress(chunk))
            except zstandard.ZstdError as e:
                raise Damaged(str(e)) from None
            chunk, self._frame = (frame.unused_data, None) if frame.eof else (b"", frame)
        return b"".join(parts)

    def close(self) -> None:
        self._packed.close()
        super().close()


def opened(path: Path) -> IO[bytes]:
    """The text in a packed file, unpacked as it is read.

    Raises:
        OSError: as the system does; while it is read, `Damaged`.
    """
    return io.BufferedReader(_Unpacked(path.open("rb")), 1 << 17)


def packed(parts: Iterable[bytes]) -> Iterator[bytes]:
    """One frame, with a checksum."""
    packer = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    yield from (packer.compress(part) for part in parts)
    yield packer.flush()
