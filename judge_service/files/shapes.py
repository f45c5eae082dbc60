"""What JSON values of one place look like, over all rows: what a column must take so that none of them is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

_EXACT: Final = 1 << 53
_LONGEST: Final = 1 << 63
_MOST_FIELDS: Final = 200
"""An object with more names than that, over all rows, is a table of its own by these names."""

WHOLE, LONG, NUMBER, TRUTH = "whole", "long", "number", "truth"
TEXT, LIST, OBJECT, OTHER = "text", "list", "object", "other"
_KINDS: Final[Mapping[type, str]] = {bool: TRUTH, float: NUMBER, str: TEXT, list: LIST, dict: OBJECT}
_SINGLE: Final[Mapping[frozenset[str], str]] = {
    frozenset((WHOLE,)): WHOLE,
    frozenset((LONG,)): WHOLE,
    frozenset((WHOLE, LONG)): WHOLE,
    frozenset((NUMBER,)): NUMBER,
    frozenset((WHOLE, NUMBER)): NUMBER,
    frozenset((TRUTH,)): TRUTH,
    frozenset((TEXT,)): TEXT,
    frozenset((LIST,)): LIST,
    frozenset((OBJECT,)): OBJECT,
    frozenset(): TEXT,
}


@dataclass(slots=True)
class Shape:
    """The values seen at one place.

    Attributes:
        seen: which kinds there are among them; null is none.
        within: of lists, what stands in them.
        fields: of objects, by name, in the order in which names come.
    """

    seen: set[str] = field(default_factory=set)
    within: Shape | None = None
    fields: dict[str, Shape] = field(default_factory=dict)

    def see(self, value: Any) -> None:
        """Takes one more value in."""
        if value is None:
            return
        kind = _whole(value) if type(value) is int else _KINDS[type(value)]
        self.seen.add(kind)
        if kind == LIST:
            self.within = self.within or Shape()
            for part in value:
                self.within.see(part)
        elif kind == OBJECT and OTHER not in self.seen:
            self._see_fields(value)

    def _see_fields(self, value: Mapping[str, Any]) -> None:
        for name, part in value.items():
            self.fields.setdefault(name, Shape()).see(part)
        if len(self.fields) > _MOST_FIELDS:
            self.seen.add(OTHER)
            self.fields.clear()

    @property
    def kind(self) -> str:
        """What a column must be to hold all of them exactly.

        WHOLE numbers of 64 bits, NUMBER, TEXT, TRUTH, a LIST or an OBJECT of such; OTHER where only JSON text does.
        """
        kind = _SINGLE.get(frozenset(self.seen), OTHER)
        return OTHER if kind == OBJECT and not self.fields else kind

    def fitting(self) -> Callable[[Any], Any] | None:
        """Makes of a value what a column of this shape holds; None where that is the value as it is."""
        kind = self.kind
        if kind == OTHER:
            return lambda value: orjson.dumps(value).decode()
        if kind == LIST:
            inner = None if self.within is None else self.within.fitting()
            return None if inner is None else lambda values: [None if v is None else inner(v) for v in values]
        if kind == OBJECT:
            parts = fittings(self.fields)
            return (lambda value: fitted(value, parts)) if parts else None
        return None


def _whole(value: int) -> str:
    if -_EXACT <= value <= _EXACT:
        return WHOLE
    return LONG if -_LONGEST <= value < _LONGEST else OTHER


def fittings(shapes: Mapping[str, Shape]) -> dict[str, Callable[[Any], Any]]:
    """Of the fields that have to be made to fit, how that is done."""
    return {name: fit for name, shape in shapes.items() if (fit := shape.fitting()) is not None}


def fitted(value: Mapping[str, Any], parts: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """An object whose fields fit."""
    changed = {name: fit(value[name]) for name, fit in parts.items() if value.get(name) is not None}
    return {**value, **changed}
