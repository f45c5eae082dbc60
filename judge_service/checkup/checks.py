"""What a check-up finds: one line to each check, with what was seen and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

Level = Literal["pass", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the page.

    Attributes:
        seen: what was found, in words.
        to_do: what to do about it; empty if nothing.
        judge: the judge that it is about; empty for what all judges share.
        replica: the address that it is about; empty for a judge as a whole.
    """

    name: str
    level: Level
    seen: str
    to_do: str = ""
    judge: str = ""
    replica: str = ""


def passed(name: str, seen: str) -> Check:
    """All is well."""
    return Check(name, "pass", seen)


def warned(name: str, seen: str, to_do: str) -> Check:
    """It can be judged with, and one should know this."""
    return Check(name, "warn", seen, to_do)


def failed(name: str, seen: str, to_do: str) -> Check:
    """It is not to be judged with until this is mended."""
    return Check(name, "fail", seen, to_do)


def unchecked(name: str, why: str, to_do: str = "mend that first") -> Check:
    """Nothing is known, because something else stood in the way."""
    return Check(name, "warn", f"not checked: {why}", to_do)


def about(checks: Iterable[Check], judge: str, replica: str = "") -> list[Check]:
    """The same lines with what they are about."""
    return [replace(check, judge=judge, replica=replica) for check in checks]
