"""A batch is brought to its end: its answers become files, in the order of its lines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from hashlib import blake2b
from typing import Final

from judge_service.backends.papers import ERRORS, OUTPUT, Facts, NotHeld
from judge_service.jobs.files import FileWriter, lines_of
from judge_service.jobs.hold import Hold
from judge_service.jobs.lines import unanswered_line
from judge_service.jobs.office import PREFIX, Office

_WHY_NOT: Final[Mapping[str, tuple[str, str]]] = {
    "expired": ("batch_expired", "This request could not be executed before the completion window expired."),
    "cancelled": ("batch_cancelled", "This request was not executed because the batch was cancelled."),
}
_SOME: Final = 16
_WORDS: Final = {OUTPUT: "output", ERRORS: "error"}


class Finishing:
    """Writes a batch's files. Whoever does it again, after a crash, writes the same files under the same names."""

    def __init__(self, hold: Hold, office: Office) -> None:
        self._hold = hold
        self._office = office
        self._writers: dict[str, FileWriter] = {}

    async def finish(self) -> None:
        """Writes what there is, says how the batch ended, and lays its answers away.

        Raises:
            NotHeld: the batch is another's now.
            StoreDown: it cannot be done now.
        """
        facts = self._hold.facts
        answered = {
            tray: sorted(await self._hold.papers.numbers(self._hold.name, tray)) for tray in (OUTPUT, ERRORS)
        }  # fmt: skip
        await self._write_answers(answered)
        for writer in self._writers.values():
            await writer.end()
        counts = {
            "total": facts.get("total", 0),
            "completed": len(answered[OUTPUT]),
            "failed": len(answered[ERRORS]),
        }
        names = {f"{_WORDS[tray]}_file_id": self._file_name(tray) for tray in self._writers}
        ended = {f"{facts['ending']}_at": self._office.now()}
        await self._hold.settle(counts=counts, **names, **ended)
        await self._hold.finish()

    async def _write_answers(self, answered: Mapping[str, list[int]]) -> None:
        facts = self._hold.facts
        why_not = _WHY_NOT.get(facts["ending"])
        if why_not is None or "total" not in facts:
            for tray, numbers in answered.items():
                await self._copy_some(tray, numbers)
            return
        await self._copy_some(OUTPUT, answered[OUTPUT])
        done, failed = set(answered[OUTPUT]), set(answered[ERRORS])
        async for number, line in self._input():
            if number in failed:
                await self._copy(ERRORS, [number])
            elif number not in done:
                await self._write(ERRORS, unanswered_line(self._hold.name, number, line, *why_not))
            await self._hold.beat()

    async def _copy_some(self, tray: str, numbers: list[int]) -> None:
        for start in range(0, len(numbers), _SOME):
            await self._copy(tray, numbers[start : start + _SOME])

    async def _copy(self, tray: str, numbers: list[int]) -> None:
        for kept in await self._hold.papers.parts(self._hold.name, tray, numbers):
            if kept is None:
                # Another has finished it, and laid the answers away.
                raise NotHeld(self._hold.name)
            await self._write(tray, kept)
        await self._hold.beat()

    async def _input(self) -> AsyncIterator[tuple[int, bytes]]:
        name = self._hold.facts["input_file_id"]
        (facts,) = await self._hold.papers.facts([name])
        if facts is None:
            return
        async for line in lines_of(self._hold.papers, name, facts):
            yield line

    async def _write(self, tray: str, line: bytes) -> None:
        if tray not in self._writers:
            await self._hold.papers.add("file", self._file_name(tray), self._file_facts(tray))
            self._writers[tray] = FileWriter(self._hold.papers, self._file_name(tray))
        await self._writers[tray].write(line)

    def _file_name(self, tray: str) -> str:
        return PREFIX["file"] + blake2b(f"{self._hold.name}\x1f{tray}".encode(), digest_size=12).hexdigest()

    def _file_facts(self, tray: str) -> Facts:
        batch = self._hold.facts
        created = batch["finalizing_at"]
        return {
            "tenant": batch["tenant"],
            "filename": f"{self._hold.name}_{_WORDS[tray]}.jsonl",
            "purpose": "batch_output",
            "created_at": created,
            "expires_at": self._office.expiry(created, batch["keep"]),
        }
