"""The lines of a batch: what a request line says, what is wrong with it, and what its answer looks like."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import orjson

from judge_service.domain.options import TASKS, Task
from judge_service.domain.surrogates import is_text, parsed_with_surrogates

ENDPOINTS: Final[dict[str, Task]] = {f"/v1/{task}": task for task in TASKS}
MOST_ERRORS: Final = 100
"""A file with more wrong lines is told the first of them."""
_LONGEST_ID: Final = 512
_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class LineRequest:
    """One request of a batch.

    Attributes:
        body: JSON, as the endpoint's own callers send it.
    """

    custom_id: str
    url: str
    body: bytes


class BadLine(Exception):
    """A line that is no request of its batch.

    Attributes:
        code: as OpenAI names it.
        param: the field at fault; None for the whole line.
    """

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.param = code, message, param

    def told(self, line: int) -> dict[str, Any]:
        """The entry in the batch's `errors`."""
        return {"code": self.code, "line": line, "message": self.message, "param": self.param}


def request_in(line: bytes, endpoint: str) -> LineRequest:
    """The request on a line.

    Raises:
        BadLine: it is none of that endpoint.
    """
    told, dumps = _parsed(line)
    if not isinstance(told, dict):
        raise BadLine("invalid_json_line", "this line is no JSON object")
    for name in ("custom_id", "method", "url", "body"):
        if name not in told:
            raise BadLine("missing_required_parameter", f"'{name}' is missing", name)
    custom_id = told["custom_id"]
    if not isinstance(custom_id, str) or not 0 < len(custom_id) <= _LONGEST_ID or not is_text(custom_id):
        raise BadLine("invalid_custom_id", f"custom_id is a text of 1 to {_LONGEST_ID} characters", "custom_id")
    if told["method"] != "POST":
        raise BadLine("invalid_method", "method is POST", "method")
    if told["url"] != endpoint:
        raise BadLine("url_mismatch", f"the url is not the batch's endpoint, {endpoint}", "url")
    if not isinstance(told["body"], dict):
        raise BadLine("invalid_body", "body is a JSON object", "body")
    return LineRequest(custom_id, endpoint, dumps(told["body"]))


def _parsed(line: bytes) -> tuple[Any, Any]:
    """The value on a line, and what writes its parts again without changing them."""
    try:
        return orjson.loads(line), orjson.dumps
    except orjson.JSONDecodeError as e:
        try:
            # Lone surrogates concern one request, which is told of them as its own callers are.
            return parsed_with_surrogates(line), _dumped_with_surrogates
        except ValueError:
            raise BadLine("invalid_json_line", f"this line is no valid JSON: {e}") from None


def _dumped_with_surrogates(value: Any) -> bytes:
    return json.dumps(value).encode()


class Cutter:
    """Cuts a stream of bytes into lines with their numbers, from 1; empty lines count and are left out."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._number = 0

    def cut(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        """The lines that end in the next chunk."""
        first, *others = chunk.split(b"\n")
        self._rest.append(first)
        for other in others:
            yield from self._whole()
            self._rest.append(other)

    def end(self) -> Iterator[tuple[int, bytes]]:
        """The last line, if it has no end."""
        return self._whole()

    def _whole(self) -> Iterator[tuple[int, bytes]]:
        line = b"".join(self._rest)
        self._rest.clear()
        self._number += 1
        if self._number == 1:
            line = line.removeprefix(_MARK)
        line = line.strip()
        if line:
            yield self._number, line


class Validation:
    """What is wrong with a whole file, line after line.

    Attributes:
        total: how many requests there are.
        errors: what is wrong, at most `MOST_ERRORS` of them.
    """

    def __init__(self, endpoint: str, most: int) -> None:
        self.total = 0
        self.errors: list[dict[str, Any]] = []
        self._endpoint = endpoint
        self._most = most
        self._seen: set[bytes] = set()

    def take(self, number: int, line: bytes) -> None:
        """Looks at the next line."""
        self.total += 1
        try:
            self._check_room()
            self._check_new(request_in(line, self._endpoint).custom_id)
        except BadLine as e:
            self._note(e.told(number))

    def end(self) -> None:
        """All lines have been seen."""
        if not self.total:
            self._note({"code": "empty_file", "line": None, "message": "the file holds no request", "param": None})

    def _check_room(self) -> None:
        if self.total == self._most + 1:
            raise BadLine("too_many_tasks", f"a batch has {self._most:,} requests at the most")

    def _check_new(self, custom_id: str) -> None:
        mark = blake2b(custom_id.encode(), digest_size=16).digest()
        if mark in self._seen:
            raise BadLine("duplicate_custom_id", f"the custom_id '{custom_id}' stands twice", "custom_id")
        self._seen.add(mark)

    def _note(self, error: dict[str, Any]) -> None:
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(error)


def answer_line(batch: str, number: int, custom_id: str, status: int, body: Any) -> bytes:
    """The output line of a request that was answered, whatever the answer."""
    name = _line_digest(batch, number)
    response = {"status_code": status, "request_id": f"req_{name}", "body": body}
    return _line({"id": f"batch_req_{name}", "custom_id": custom_id, "response": response, "error": None})


def unanswered_line(batch: str, number: int, line: bytes, code: str, message: str) -> bytes:
    """The error line of a request that was not answered."""
    told, _ = _parsed(line)
    name = f"batch_req_{_line_digest(batch, number)}"
    error = {"code": code, "message": message}
    return _line({"id": name, "custom_id": told["custom_id"], "response": None, "error": error})


def _line(told: dict[str, Any]) -> bytes:
    return orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)


def _line_digest(batch: str, number: int) -> str:
    """The same for the same line, so that judging it again after a crash makes the same id."""
    return blake2b(f"{batch}\x1f{number}".encode(), digest_size=12).hexdigest()
