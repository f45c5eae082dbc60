"""One table of a file, read field by field."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from judge_service.errors import InvalidLibrary


def table_in(path: Path) -> dict[str, Any]:
    """What a TOML file holds.

    Raises:
        InvalidLibrary: it cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise InvalidLibrary(f"{path.name}: {e}") from None


@dataclass(frozen=True, slots=True)
class Fields:
    """One table of a file, read field by field; whatever is wrong is said with file and field."""

    given: Mapping[str, Any]
    where: str
    at: str = ""

    def wrong(self, name: str, wanted: str) -> InvalidLibrary:
        return InvalidLibrary(f"{self.where}: {self.at}{name}: {wanted}")

    def known(self, names: frozenset[str]) -> None:
        for name in self.given:
            if name not in names:
                raise self.wrong(str(name), f"no such field; there are {', '.join(sorted(names))}")

    def text(self, name: str, default: str | None = None) -> str:
        value = self.given.get(name, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise self.wrong(name, "a text is needed")
        return value

    def one_of(self, name: str, allowed: Sequence[str], default: str) -> Any:
        value = self.given.get(name, default)
        if value not in allowed:
            raise self.wrong(name, f"one of {', '.join(allowed)}")
        return value

    def boolean(self, name: str) -> bool:
        value = self.given.get(name, False)
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def number(self, name: str, default: float) -> float:
        value = self.given.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
            raise self.wrong(name, "a number, 0 or more")
        return float(value)

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number within a range."""
        value = self.given.get(name, default)
        if type(value) is not int or not low <= value <= high:
            raise self.wrong(name, f"a whole number from {low} to {high}")
        return value

    def names(self, name: str, allowed: Sequence[str], default: Sequence[str]) -> tuple[str, ...]:
        value = self.given.get(name, list(default))
        if not isinstance(value, list) or any(v not in allowed for v in value):
            raise self.wrong(name, f"a list of {', '.join(allowed)}")
        return tuple(value)

    def scale(self) -> tuple[int, int]:
        value = self.given.get("scale", [1, 5])
        whole = isinstance(value, list) and len(value) == 2 and all(type(v) is int for v in value)
        if not whole or not 0 <= value[0] < value[1] <= 100:
            raise self.wrong("scale", "two whole numbers, lowest and highest, from 0 to 100")
        return value[0], value[1]

    def table(self, name: str, allowed: Mapping[str, str] | None) -> dict[str, str]:
        value = self.given.get(name, {})
        if not isinstance(value, Mapping) or any(not isinstance(v, str) for v in value.values()):
            raise self.wrong(name, "a table of texts")
        for key in value:
            if allowed is not None and key not in allowed:
                raise self.wrong(f"{name}.{key}", f"one of {', '.join(allowed)}")
        return {str(key): text for key, text in value.items()}

    def rows(self, name: str) -> list[Fields]:
        value = self.given.get(name)
        if not isinstance(value, list) or not value or any(not isinstance(v, Mapping) for v in value):
            raise self.wrong(name, f"one [[{name}]] or more are needed")
        return [replace(self, given=row, at=f"{name}[{i}].") for i, row in enumerate(value)]
