"""Files: content in parts of one size, written once and read part by part."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from judge_service.backends.papers import CONTENT, Facts, NotHeld, Papers
from judge_service.jobs.lines import Cutter

PART_BYTES: Final = 512 * 1024


def file_object(name: str, facts: Facts) -> dict[str, Any]:
    """The file as OpenAI's clients know it."""
    return {
        "id": name,
        "object": "file",
        "bytes": facts["bytes"],
        "created_at": facts["created_at"],
        "expires_at": facts["expires_at"],
        "filename": facts["filename"],
        "purpose": facts["purpose"],
        "status": "processed",
        "status_details": None,
    }


class FileWriter:
    """Writes one file. The same content written again, by whomever, comes to the same parts.

    Attributes:
        size: bytes taken in so far.
    """

    def __init__(self, papers: Papers, name: str) -> None:
        self.size = 0
        self._papers = papers
        self._name = name
        self._rest = bytearray()
        self._parts = 0

    async def write(self, content: bytes) -> None:
        """Takes in more."""
        self.size += len(content)
        self._rest += content
        while len(self._rest) >= PART_BYTES:
            await self._put(PART_BYTES)

    async def end(self) -> None:
        """Writes what is left; only now there is such a file."""
        if self._rest:
            await self._put(len(self._rest))
        await self._papers.settle(self._name, {"parts": self._parts, "bytes": self.size})

    async def _put(self, size: int) -> None:
        await self._papers.put(self._name, {(CONTENT, self._parts): bytes(self._rest[:size])})
        del self._rest[:size]
        self._parts += 1


async def parts_of(papers: Papers, name: str, facts: Facts) -> AsyncIterator[bytes]:
    """A file's content.

    Raises:
        NotHeld: the file was removed meanwhile.
    """
    for number in range(facts["parts"]):
        (part,) = await papers.parts(name, CONTENT, [number])
        if part is None:
            raise NotHeld(name)
        yield part


async def lines_of(papers: Papers, name: str, facts: Facts) -> AsyncIterator[tuple[int, bytes]]:
    """A file's lines that are not empty, with their numbers.

    Raises:
        NotHeld: the file was removed meanwhile.
    """
    cutter = Cutter()
    async for part in parts_of(papers, name, facts):
        for line in cutter.cut(part):
            yield line
    for line in cutter.end():
        yield line
