"""Requests in traces: a span for each, in the caller's trace if it named one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from judge_service.tracing.spans import Span, Tracing

_OF_THE_TRACE: Final = (b"traceparent", b"tracestate")


class TracedRequests:
    """Stands around all else, where traces are configured: a request that is refused has a span as well."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tells of each request its route, its status and its id."""
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, self._ending(send))
        else:
            await self._app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        caller = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _OF_THE_TRACE}
        with self._tracing.span(method, {"http.request.method": method}, "server", caller) as span:

            async def send_and_tell(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _tell(span, message)
                await send(message)

            try:
                await self._app(scope, receive, send_and_tell)
            finally:
                # The route, and not the path: a path may carry a key.
                route = getattr(scope.get("route"), "path", None)
                if route is not None:
                    span.rename(f"{method} {route}")
                    span.tell({"http.route": route})

    def _ending(self, send: Send) -> Send:
        """Sends what is left before the server ends: the signal that ended it lets nothing be closed afterwards."""

        async def send_at_last(message: Message) -> None:
            if message["type"] == "lifespan.shutdown.complete":
                await self._tracing.aclose()
            await send(message)

        return send_at_last


def _tell(span: Span, start: Message) -> None:
    status = start["status"]
    span.tell({"http.response.status_code": status})
    for name, value in start["headers"]:
        if name == b"x-request-id":
            span.tell({"judge.request.id": value.decode()})
    if status >= 500:
        span.failed(str(status))
