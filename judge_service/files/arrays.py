"""One JSON array, read element by element: no more of it is held than one of them."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import IO, Final

from judge_service.files.kinds import Damaged

_CHUNK: Final = 1 << 16
_TEXT: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_PASSED: Final = rb'[^"\[\]{}%s]*+(?:%s[^"\[\]{}%s]*+)*+'
"""Whole texts, and what stands between them and the next mark."""
_WITHIN: Final = re.compile(_PASSED % (b"", _TEXT, b"") + rb"([\[\]{}])", re.DOTALL)
_BETWEEN: Final = re.compile(_PASSED % (b",", _TEXT, b",") + rb"([\[\]{},])", re.DOTALL)


class NoArray(Damaged):
    """What was read as an array is none, or has no end."""


def begins_array(beginning: bytes) -> bool:
    """Whether a file that begins like this holds an array."""
    return beginning.removeprefix(BOM_UTF8).lstrip().startswith(b"[")


def elements_of(stream: IO[bytes]) -> Iterator[bytes]:
    """The elements of the array in a stream, each as it stands there; whether they are JSON is for others to say.

    Raises:
        NoArray: the array has no end, or more follows it; the elements before are told. And what reading raises.
    """
    return _Array(stream).elements()


class _Array:
    """An array as far as it has been read.

    Elements end at the commas and brackets of the outermost level that stand in no text.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._held = b""
        self._open = bytearray()
        self._at = 0
        self._start = 0

    def elements(self) -> Iterator[bytes]:
        for number, (element, is_last) in enumerate(self._slices()):
            # Between the brackets of an array without elements there is nothing, and that is none.
            if number or not is_last or element.strip():
                yield element
        self._check_end()

    def _slices(self) -> Iterator[tuple[bytes, bool]]:
        """What stands between the outermost marks, and whether the array ends there."""
        while self._more():
            while mark := (_WITHIN if len(self._open) > 1 else _BETWEEN).match(self._held, self._at):
                self._at = mark.end()
                depth = len(self._open)
                self._pass(mark[1])
                if depth == 0:
                    self._start = self._at
                elif not self._open or (depth == 1 and mark[1] == b","):
                    yield self._held[self._start : mark.start(1)], not self._open
                    self._start = self._at
                    if not self._open:
                        return
        raise NoArray("the file ends before its array does")

    def _pass(self, mark: bytes) -> None:
        """Opens or closes; what closes nothing is the fault of its own element, and does not end the array."""
        if mark in b"[{":
            self._open += mark
        elif mark != b",":
            opened = self._open.rfind(b"[" if mark == b"]" else b"{", 1)
            if opened > 0:
                del self._open[opened:]
            elif mark == b"]" and len(self._open) == 1:
                self._open.clear()

    def _more(self) -> bool:
        """Reads on; what is held of one element doubles each time, so that a long one is not looked through often."""
        self._held = self._held[self._start :]
        self._at -= self._start
        self._start = 0
        chunk = self._stream.read(max(_CHUNK, len(self._held)))
        self._held += chunk
        return bool(chunk)

    def _check_end(self) -> None:
        rest = self._held[self._start :]
        while rest or (rest := self._stream.read(_CHUNK)):
            if rest.strip():
                raise NoArray("more follows the end of its array")
            rest = b""
