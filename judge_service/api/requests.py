"""A request body becomes options and cases: a wrong envelope fails the request, one bad case of many does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.requests import ClientDisconnect, Request

from judge_service.api.problems import Problem
from judge_service.domain.cases import Case
from judge_service.domain.options import Options, Task, options_from
from judge_service.domain.parsing import CASE_FIELDS, case_from
from judge_service.domain.surrogates import NO_TEXT, parsed_with_surrogates, surrogate_in
from judge_service.errors import InvalidCase, InvalidOption

_SHALLOW: Final = 200
_LEVELS_AROUND: Final = 8


@dataclass(frozen=True, slots=True)
class BadCase:
    """A case of many that cannot be judged as given."""

    id: str
    error: InvalidCase


@dataclass(frozen=True, slots=True)
class JudgingRequest:
    """What a caller asks.

    Attributes:
        inline: whether the case stood in the body itself, so that one judgment is the answer.
    """

    options: Options
    cases: tuple[Case | BadCase, ...]
    inline: bool


async def read_body(request: Request, most: int) -> bytes:
    """The whole body.

    Raises:
        Problem: it is larger than allowed (413).
    """
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > most:
        raise _too_large(most)
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(most: int) -> Problem:
    return Problem(413, f"the body is larger than {most:,} bytes", code="body_too_large")


def judging_request(body: bytes, task: Task, most_cases: int) -> JudgingRequest:
    """The request in a body.

    Raises:
        InvalidRequest: naming the field.
    """
    told = object_in(body)
    if "cases" not in told:
        given = {name: value for name, value in told.items() if name in CASE_FIELDS}
        options = options_from({name: v for name, v in told.items() if name not in CASE_FIELDS}, task)
        return JudgingRequest(options, (case_from(given, task),), inline=True)
    for name in CASE_FIELDS:
        if name in told:
            raise InvalidOption(f"give cases, or one case in the body itself; '{name}' stands beside cases", name)
    listed = told.pop("cases")
    options = options_from(told, task)
    if not isinstance(listed, list) or not listed:
        raise InvalidOption("cases is a list of one case or more", "cases")
    if len(listed) > most_cases:
        raise Problem(413, f"at most {most_cases:,} cases fit into one request", "cases", "too_many_cases")
    seen: dict[str, str] = {}
    return JudgingRequest(options, tuple(_case(c, i, task, seen) for i, c in enumerate(listed)), inline=False)


def object_in(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is.

    Raises:
        InvalidOption: it is none, is nested too deeply, or a text in it holds a lone surrogate.
    """
    try:
        told = parsed(body)
    except orjson.JSONDecodeError as e:
        told = _with_surrogates(body, e)
    except RecursionError:
        raise InvalidOption("the body is nested too deeply") from None
    if not isinstance(told, dict):
        raise InvalidOption("the body is a JSON object")
    return told


def parsed(text: bytes) -> Any:
    """The value of a JSON text that can be written again, within an answer: orjson writes less deep than it reads.

    Raises:
        JSONDecodeError: it is no JSON.
        RecursionError: it is nested too deeply.
    """
    value = told = orjson.loads(text)
    if text.count(b"[") + text.count(b"{") > _SHALLOW:
        for _ in range(_LEVELS_AROUND):
            told = [told]
        try:
            orjson.dumps(told)
        except orjson.JSONEncodeError:
            raise RecursionError("it is nested too deeply") from None
    return value


def _with_surrogates(body: bytes, error: orjson.JSONDecodeError) -> Any:
    """The value of a body that is no JSON for its lone surrogates alone; cases among many that hold one are set aside.

    Raises:
        InvalidOption: it is no JSON at all, or a surrogate stands outside the cases.
    """
    try:
        told = parsed_with_surrogates(body)
        if isinstance(told, dict) and isinstance(told.get("cases"), list):
            told["cases"] = [_set_aside(case, f"cases[{i}]") for i, case in enumerate(told["cases"])]
        at = surrogate_in(told)
    except ValueError:
        raise InvalidOption(f"the body is not valid JSON: {error}") from None
    except RecursionError:
        raise InvalidOption("the body is nested too deeply") from None
    if at is not None:
        raise InvalidOption(f"{at or 'the body'} {NO_TEXT}", at or None)
    return told


def _set_aside(case: Any, at: str) -> Any:
    """The case, or what is wrong with it."""
    wrong = surrogate_in(case, at)
    return case if wrong is None else InvalidCase(f"{wrong} {NO_TEXT}", wrong)


def _case(given: Any, place: int, task: Task, seen: dict[str, str]) -> Case | BadCase:
    """One case of many; the same id twice is fine for the same case and refused for another."""
    at = f"cases[{place}]"
    if isinstance(given, InvalidCase):
        return BadCase(at, given)
    try:
        case = case_from(given, task, f"{at}.")
    except InvalidCase as e:
        name = given.get("id") if isinstance(given, Mapping) else None
        return BadCase(name if isinstance(name, str) else at, e)
    if seen.setdefault(case.id, case.digest) != case.digest:
        return BadCase(case.id, InvalidCase(f"the id '{case.id}' stands twice, with other content", f"{at}.id"))
    return case
