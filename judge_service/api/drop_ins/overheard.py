"""What an answer that is passed on tells of its tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

_EVENT: Final = b"data:"
_LONGEST: Final = 2**20


class Overheard:
    """Listens to a body as it passes: to the last event that tells of usage, or to the whole of an answer in JSON."""

    def __init__(self, is_stream: bool) -> None:
        self.is_stream = is_stream
        self._heard: list[bytes] = []
        self._line = b""
        self._usage: Mapping[str, Any] = {}

    def hear(self, piece: bytes) -> None:
        """Takes the next bytes."""
        if not self.is_stream:
            self._heard.append(piece)
            return
        *lines, rest = (self._line + piece).split(b"\n")
        # An event longer than any that tells of usage is not kept to be looked at.
        self._line = rest if len(rest) <= _LONGEST else b""
        for line in lines:
            if line.startswith(_EVENT) and b'"usage"' in line:
                self._usage = _usage_in(line.removeprefix(_EVENT)) or self._usage

    def tokens(self) -> tuple[int, int]:
        """Tokens of the prompt and of the answer; 0 where they are not told."""
        usage = self._usage if self.is_stream else _usage_in(b"".join(self._heard))
        return _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")


def _usage_in(text: bytes) -> Mapping[str, Any]:
    try:
        told = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    usage = told.get("usage") if isinstance(told, dict) else None
    return usage if isinstance(usage, dict) else {}


def _count(usage: Mapping[str, Any], name: str) -> int:
    count = usage.get(name)
    return count if isinstance(count, int) and count > 0 else 0
