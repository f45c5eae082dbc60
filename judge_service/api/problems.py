"""Every error's HTTP status and its body, in OpenAI's shape. The one place where the two are brought together."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from judge_service.api.answers import json_response
from judge_service.errors import InvalidRequest, JudgeChanged, JudgeDown, JudgeServiceError, StoreDown, UnknownName

log: Final = logging.getLogger(__name__)
RETRY_SECONDS: Final = 5
_TYPES: Final[Mapping[int, str]] = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    409: "conflict_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
    503: "service_unavailable_error",
    504: "timeout_error",
}


class Problem(Exception):
    """An HTTP error that has no error of the domain behind it."""

    def __init__(
        self, status: int, message: str, param: str | None = None, code: str | None = None, retry: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.headers = {} if retry is None else {"retry-after": str(retry)}

    def for_good(self) -> Problem:
        """Itself, telling OpenAI's client not to try again what no further try can change."""
        self.headers["x-should-retry"] = "false"
        return self

    def response(self) -> Response:
        """The answer to send."""
        return json_response(error_body(self.status, self.message, self.param, self.code), self.status, self.headers)


def error_body(status: int, message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """OpenAI's error object."""
    kind = _TYPES.get(status, "server_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def problem_of(error: JudgeServiceError) -> Problem:
    """The HTTP error an error of the service comes to."""
    if isinstance(error, InvalidRequest):
        return Problem(400, error.message, error.param, "invalid_value")
    if isinstance(error, UnknownName):
        return Problem(404, error.message, error.param, "not_found")
    if isinstance(error, JudgeChanged):
        return Problem(409, error.message, "judge_digest", "judge_changed")
    if isinstance(error, JudgeDown):
        return Problem(503, error.message, None, "judge_unavailable", RETRY_SECONDS)
    if isinstance(error, StoreDown):
        return Problem(503, error.message, None, "store_unavailable", RETRY_SECONDS)
    return Problem(500, error.message)


def answer_to(error: Exception, scope: Scope) -> Response:
    """What a caller is told of an error; one that nobody foresaw goes to the log."""
    if isinstance(error, Problem):
        return error.response()
    if isinstance(error, JudgeServiceError):
        return problem_of(error).response()
    if isinstance(error, ClientDisconnect):
        return Problem(499, "the caller has gone", code="caller_gone").response()
    log.error("%s %s failed", scope["method"], scope["path"], exc_info=error)
    return Problem(500, "the service failed; the log has the details under this request's id").response()


def _methods(routes: Sequence[BaseRoute], scope: Scope) -> str:
    matching = [route for route in routes if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE]
    return ", ".join(sorted({method for route in matching for method in route.methods or ()}))


def install(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Registers the handlers.

    Args:
        routes: all there are: of a path with several, the router tells the methods of the first only.
    """

    @app.exception_handler(Problem)
    @app.exception_handler(JudgeServiceError)
    @app.exception_handler(Exception)
    async def _any(request: Request, error: Exception) -> Response:
        return answer_to(error, request.scope)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        body = error_body(error.status_code, str(error.detail))
        headers = {name.lower(): value for name, value in (error.headers or {}).items()}
        if error.status_code == 405:
            headers["allow"] = _methods(routes, request.scope) or headers["allow"]
        return json_response(body, error.status_code, headers)

    @app.exception_handler(RequestValidationError)
    async def _validation(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        param = ".".join(str(part) for part in first["loc"][1:])
        return Problem(400, f"{param}: {first['msg']}", param, "invalid_value").response()
