"""JSON with lone surrogates in it (`"\\ud800"`): that is no text, yet one such case must not cost the others theirs."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

NO_TEXT: Final = "holds a lone surrogate: that is no Unicode text"
_ESCAPE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def parsed_with_surrogates(body: bytes) -> Any:
    """The value of a JSON text that a strict parser refuses, if surrogates are all that is wrong with it.

    Raises:
        ValueError: it is no JSON, or it names no surrogate.
    """
    if not _ESCAPE.search(body):
        raise ValueError("it names no surrogate")
    try:
        return json.loads(body.decode(), parse_constant=_no_number, parse_float=_finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def surrogate_in(value: Any, at: str = "") -> str | None:
    """Where the first text with a lone surrogate stands within a JSON value, as a path; None if there is none."""
    if isinstance(value, str):
        return None if value.isascii() or is_text(value) else at
    if isinstance(value, Mapping):
        for name in value:
            if not is_text(name):
                return at
        return _first(surrogate_in(part, f"{at}.{name}" if at else name) for name, part in value.items())
    if isinstance(value, list):
        return _first(surrogate_in(part, f"{at}[{i}]") for i, part in enumerate(value))
    return None


def _first(places: Iterable[str | None]) -> str | None:
    return next((place for place in places if place is not None), None)


def is_text(value: str) -> bool:
    """Whether a string holds characters only, and no lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large a number")
    return value
