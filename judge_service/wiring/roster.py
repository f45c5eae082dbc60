"""The servers of a judge by their addresses: given one by one, or listed in files that are read again and again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from judge_service.backends.base import Backend, TransientFault
from judge_service.backends.pool import Pool
from judge_service.backends.wires import Wire
from judge_service.errors import InvalidConfiguration
from judge_service.sections import JudgeSettings
from judge_service.wiring.servers import READY_SECONDS, Server, described, wire_to

log: Final = logging.getLogger(__name__)
LOOK_SECONDS: Final = 2.0
_FILE: Final = "@"


def is_listed(url: str) -> bool:
    """Whether this stands for a file that lists addresses."""
    return url.startswith(_FILE)


def _file(url: str) -> Path:
    return Path(url.removeprefix(_FILE)).expanduser()


def addresses(urls: Iterable[str]) -> tuple[str, ...]:
    """The addresses given, and in the place of `@FILE` those that the file lists; each once.

    Raises:
        InvalidConfiguration: a file cannot be read, lists none, or a line of it is no address.
    """
    found = [address for url in urls for address in _expanded(url)]
    return tuple(dict.fromkeys(found))


def _expanded(url: str) -> tuple[str, ...]:
    return listed_in(_file(url)) if is_listed(url) else (url.rstrip("/"),)


def listed_in(path: Path) -> tuple[str, ...]:
    """The addresses in a file, one a line. Empty lines, and what follows a #, are passed over.

    Raises:
        InvalidConfiguration: it cannot be read, lists none, or a line is no address.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        told = e.strerror if isinstance(e, OSError) else "it is not in UTF-8"
        raise InvalidConfiguration(f"the list of judge servers {path} cannot be read: {told}") from None
    found = []
    for number, line in enumerate(lines, 1):
        address = line.partition("#")[0].strip()
        if address and not address.startswith(("http://", "https://")):
            raise InvalidConfiguration(
                f"{path}:{number}: a judge's url starts with http:// or https://; got {address!r}"
            )
        if address:
            found.append(address.rstrip("/"))
    if not found:
        raise InvalidConfiguration(f"the list of judge servers {path} is empty")
    return tuple(dict.fromkeys(found))


class Roster:
    """Keeps the replicas of a judge to what files list.

    A server that appears becomes a replica once it answers and says of itself what the judge's first one did; one that
    disappears gets no more calls, and its connections are closed when those it has are done. What cannot be read, or
    lists nothing, changes nothing.

    Args:
        server: what the judge's first server says of itself.
        replica_of: a replica over a wire.
    """

    def __init__(
        self, settings: JudgeSettings, server: Server, pool: Pool, replica_of: Callable[[Wire], Backend]
    ) -> None:
        self._settings = settings
        self._server = server
        self._pool = pool
        self._replica_of = replica_of
        self._files = [_file(url) for url in settings.url if is_listed(url)]
        self._given = [url.rstrip("/") for url in settings.url if not is_listed(url)]
        self._told: set[str] = set()
        self.wires: dict[str, Wire] = {}

    async def join(self, wires: Sequence[Wire]) -> None:
        """Takes in the servers to begin with: those given by name at once, those listed if they answer as they should.

        If there is no other and none of them answers any more, all are taken in, for the pool to wait for.
        """
        listed = [wire for wire in wires if wire.address not in self._given]
        for wire in wires:
            if wire.address in self._given:
                self._take_in(wire)
        faults = await asyncio.gather(*map(self._fault_of, listed))
        for wire, fault in zip(listed, faults, strict=True):
            if fault is None or (not self._given and None not in faults):
                self._take_in(wire)
            else:
                self._tell(wire.address, fault)
                await wire.aclose()

    async def tend(self) -> None:
        """Looks at the files every two seconds, for as long as the judge is open."""
        while self._files:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Reads the files, and lets servers come and go."""
        try:
            wanted = {address for path in self._files for address in listed_in(path)}
        except InvalidConfiguration as e:
            self._tell("", f"{e.message}; the servers stay as they are")
            return
        self._told &= {message for message in self._told if message.startswith(tuple(wanted))}
        wanted.update(self._given)
        await asyncio.gather(*(self._meet(address) for address in sorted(wanted - self.wires.keys())))
        if wanted & self.wires.keys():
            for address in sorted(self.wires.keys() - wanted):
                log.warning("judge replica %s has gone: it gets no more calls", address)
                del self.wires[address]
                await self._pool.drop(address)

    async def _meet(self, address: str) -> None:
        """Takes a new server in, if it answers as it should."""
        wire = wire_to(address, self._settings)
        fault: str | None = "nobody has asked it"
        try:
            fault = await self._fault_of(wire)
        finally:
            if fault is not None:
                await wire.aclose()
        if fault is not None:
            self._tell(address, fault)
            return
        log.warning("judge replica %s has come", address)
        self._take_in(wire)
        self._pool.returned()

    async def _fault_of(self, wire: Wire) -> str | None:
        """Why a server is no replica of this judge, at least not now; None if it is one."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                server = await described(wire, self._settings)
        except TransientFault as e:
            return f"is left out until it answers ({e})"
        except TimeoutError:
            return "is left out until it answers (it takes the call and says nothing)"
        except InvalidConfiguration as e:
            return f"is left out ({e.message})"
        differs = [
            f"{what} {is_!r} instead of {was!r}"
            for what, was, is_ in zip(_TOLD, _said(self._server), _said(server), strict=True)
            if was != is_
        ]
        return f"is left out: it is not the same judge ({', '.join(differs)})" if differs else None

    def _take_in(self, wire: Wire) -> None:
        self.wires[wire.address] = wire
        self._pool.add(wire.address, self._replica_of(wire))

    def _tell(self, address: str, message: str) -> None:
        """Warns once, until the server is gone from the files or the message is another."""
        told = f"{address} {message}"
        if told not in self._told:
            self._told.add(told)
            log.warning("%s", f"judge replica {told}" if address else message)


_TOLD: Final = ("kind", "root", "version", "model listed")


def _said(server: Server) -> tuple[str, str, str, bool]:
    return server.kind, server.root, server.version, server.lists_model
