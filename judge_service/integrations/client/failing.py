"""What can go wrong between a client and the service, as errors by who has to act, and which of it may pass.

JudgeError
├── BadRequest       400, 405, 413, 422: the request has to be changed; `param` names the field
├── Unauthorized     401, 403: the key is missing or wrong, or the address may not call
├── NotFound         404: no such rubric, judge or endpoint
├── Conflict         409: the judge is no longer the one that was pinned
├── TooManyRequests  429: queue or quota full, and still so after all tries
├── Unavailable      503: no judge answers the service, or the service is going down
├── TimedOut         504, or the client's own deadline
├── ServiceFault     any other status: the service failed
├── Unreachable      nothing answered, or the connection broke
└── BrokenAnswer     what answered is no judge-service, or its answer was damaged
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from judge_service.errors import JudgeServiceError

GIVEN_UP: Final = ("judge_unavailable", "timeout")
"""Codes of answers after which the service has tried all it can: asking again would only try the same again."""
_MAY_PASS: Final = (408, 425, 429, 500, 502, 503, 504)


class JudgeError(JudgeServiceError):
    """A request came to nothing.

    Attributes:
        status: of the HTTP answer; None where none came.
        code: the service's short name for what is wrong, such as `queue_full`.
        param: the field at fault.
        request_id: the service's log knows the request by it.
        retry_after: seconds after which the service asks to be asked again.
        may_pass: whether the same request may be answered later.
    """

    def __init__(
        self,
        message: str,
        status: int | None = None,
        code: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        may_pass: bool = False,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param, self.request_id = status, code, param, request_id
        self.retry_after, self.may_pass = retry_after, may_pass

    def __str__(self) -> str:
        told = [f"{name} {value}" for name, value in (("HTTP", self.status), ("request", self.request_id)) if value]
        return self.message + (f" ({', '.join(told)})" if told else "")

    def __reduce__(self) -> tuple[Any, ...]:
        told = (self.status, self.code, self.param, self.request_id, self.retry_after, self.may_pass)
        return type(self), (self.message, *told)


class BadRequest(JudgeError):
    """The request has to be changed."""


class Unauthorized(JudgeError):
    """The key is missing or wrong, or this address may not call."""


class NotFound(JudgeError):
    """There is no such rubric, judge or endpoint."""


class Conflict(JudgeError):
    """The judge is no longer the one that was pinned."""


class TooManyRequests(JudgeError):
    """Queue or quota are full."""


class Unavailable(JudgeError):
    """No judge answers the service, or the service is going down."""


class TimedOut(JudgeError):
    """The deadline passed."""


class ServiceFault(JudgeError):
    """The service failed."""


class Unreachable(JudgeError):
    """Nothing answered, or the connection broke."""


class BrokenAnswer(JudgeError):
    """What came is not what a judge-service answers."""


_KINDS: Final[Mapping[int, type[JudgeError]]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    405: BadRequest,
    409: Conflict,
    413: BadRequest,
    422: BadRequest,
    429: TooManyRequests,
    503: Unavailable,
    504: TimedOut,
}


def error_from(status: int, headers: Mapping[str, str], body: bytes) -> JudgeError:
    """The error that an HTTP answer tells.

    Args:
        headers: by names in lower case.
    """
    told = _told(body)
    message, code, param = told.get("message"), told.get("code"), told.get("param")
    return _KINDS.get(status, ServiceFault)(
        message if isinstance(message, str) and message else f"the service answered {status}",
        status,
        code if isinstance(code, str) else None,
        param if isinstance(param, str) else None,
        headers.get("x-request-id"),
        retry_after(headers),
        _may_pass(status, code, headers.get("x-should-retry")),
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer asks to wait: `retry-after-ms` or `retry-after` in seconds; a date is not heeded."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        if 0.0 <= seconds < float("inf"):
            return seconds
    return None


def unreachable(error: Exception) -> Unreachable:
    """The error that a broken connection is."""
    return Unreachable(f"the service does not answer: {str(error) or type(error).__name__}", may_pass=True)


def damaged(what: str) -> BrokenAnswer:
    """The error that an unreadable answer is; another may be whole."""
    return BrokenAnswer(f"what answers is no judge-service, or its answer was damaged: {what}", may_pass=True)


def _may_pass(status: int, code: object, should_retry: str | None) -> bool:
    """What the service says of it; else by the status, unless the service has itself tried all it can."""
    if should_retry in ("true", "false"):
        return should_retry == "true"
    return status in _MAY_PASS and not (status in (503, 504) and code in GIVEN_UP)


def _told(body: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
