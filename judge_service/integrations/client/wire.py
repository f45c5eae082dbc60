"""JSON as it goes over the connection: objects that grow by a field, values of a query, and lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from judge_service.errors import InvalidOption


def json_bytes(value: Any) -> bytes:
    """JSON in UTF-8; lone surrogates are escaped, so that the service can say which text holds them.

    Raises:
        TypeError, ValueError, RecursionError: no JSON can hold it.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


def told_json(value: Mapping[str, Any]) -> bytes:
    """A JSON object of what the caller told.

    Raises:
        InvalidOption: no JSON can hold it.
    """
    try:
        return json_bytes(value)
    except (TypeError, ValueError, RecursionError) as e:
        raise InvalidOption(f"the request is no JSON: {e}") from None


def with_field(told: bytes, name: str, value: bytes) -> bytes:
    """A JSON object with one more field."""
    comma = b"" if told == b"{}" else b","
    return b"%b%b%b:%b}" % (told[:-1], comma, json_bytes(name), value)


def in_query(value: Any) -> str:
    """An option's value in a query: words stand for themselves, all else is JSON."""
    return value if isinstance(value, str) else told_json({"": value})[4:-1].decode()


class Lines:
    """Bytes as they come from a connection, cut into lines: at the line feed only, for texts hold all other ends of
    lines.
    """

    def __init__(self) -> None:
        self._rest: list[bytes] = []

    def took(self, chunk: bytes) -> list[bytes]:
        """The lines that are whole now."""
        *whole, rest = chunk.split(b"\n")
        if whole:
            whole[0] = b"".join([*self._rest, whole[0]])
            self._rest = []
        self._rest.append(rest)
        return [line for line in whole if line]
