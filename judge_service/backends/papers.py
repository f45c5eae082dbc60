"""What is kept for callers, and is no cache: papers with facts on them, and trays of numbered parts beneath.

An uploaded file is a paper whose content lies in parts; a batch is one whose answers do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Protocol

Kind = Literal["file", "batch"]
CONTENT: Final = "content"
OUTPUT: Final = "output"
ERRORS: Final = "errors"
TRAYS: Final = (CONTENT, OUTPUT, ERRORS)
Facts = dict[str, Any]


class NotHeld(Exception):
    """The paper is another's now, or is gone: who meant to write on it has to leave it."""


class Papers(Protocol):
    """Keeps papers until they are removed. Nothing is dropped for want of room, and what fails is told.

    A fact is JSON and is written once: whoever comes second changes nothing. Whoever names a `holder` writes only while
    that holder's lease is the paper's last one. Every method raises `StoreDown` if the store fails.
    """

    async def add(self, kind: Kind, name: str, facts: Facts, is_open: bool = False) -> None:
        """Makes a paper; `facts["tenant"]` says whose it is.

        Args:
            is_open: whether there is work to do on it.
        """
        ...

    async def facts(self, names: Sequence[str]) -> list[Facts | None]:
        """What stands on each paper; None where there is none."""
        ...

    async def names(self, kind: Kind, tenant: str | None = None) -> list[str]:
        """The papers of one tenant, or of all, in the order in which they were made."""
        ...

    async def settle(self, name: str, facts: Facts, holder: str = "") -> None:
        """Adds facts, all at once.

        Raises:
            NotHeld: the paper is gone, or no longer the holder's.
        """
        ...

    async def put(self, name: str, parts: Mapping[tuple[str, int], bytes], holder: str = "") -> None:
        """Puts parts into trays, by tray and number, all at once.

        Raises:
            NotHeld: the paper is gone, or no longer the holder's.
        """
        ...

    async def parts(self, name: str, tray: str, numbers: Sequence[int]) -> list[bytes | None]:
        """Parts of one tray."""
        ...

    async def numbers(self, name: str, tray: str) -> list[int]:
        """The numbers of all parts in a tray, in any order."""
        ...

    async def counts(self, name: str) -> dict[str, int]:
        """How many parts lie in each tray that is not empty."""
        ...

    async def unfinished(self) -> list[str]:
        """The papers that are open, in the order in which they were made."""
        ...

    async def finish(self, name: str, holder: str) -> None:
        """There is nothing more to do on a paper: its trays are emptied.

        Raises:
            NotHeld: the paper is gone, or no longer the holder's.
        """
        ...

    async def remove(self, name: str) -> None:
        """Removes a paper and all that lies beneath it."""
        ...

    async def lease(self, name: str, holder: str, seconds: float) -> bool:
        """Takes a paper, or keeps it, for so long; False if it is another's."""
        ...

    async def release(self, name: str, holder: str) -> None:
        """Gives a paper back before its time."""
        ...

    async def aclose(self) -> None:
        """Closes the store."""
        ...
