"""What every request gets: an id, its time on the clock, and a line in the metrics."""

from __future__ import annotations

import logging
import re
import time
from itertools import count
from typing import Final
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from judge_service.api.metrics import Metrics

log: Final = logging.getLogger(__name__)
_SANE_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class Envelope:
    """Outermost of all: even a refused request has an id."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        ours = uuid4().hex[:16].encode()
        self._names = (b"req_%s%016x" % (ours, number) for number in count(1))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Adds `x-request-id` (the caller's own if it sent a sane one) and `openai-processing-ms` to the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = _callers_id(scope) or next(self._names)
        started = time.perf_counter()
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                spent = b"%d" % ((time.perf_counter() - started) * 1000)
                message["headers"] = [*message["headers"], (b"x-request-id", name), (b"openai-processing-ms", spent)]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            seconds = time.perf_counter() - started
            self._metrics.request(route, status, seconds)
            if log.isEnabledFor(logging.INFO):
                # The route, and not the path: a path may carry a key.
                told = {
                    "id": name.decode(),
                    "method": scope["method"],
                    "route": route,
                    "status": status,
                    "seconds": seconds,
                }
                log.info("request", extra={"request": told})


def _callers_id(scope: Scope) -> bytes | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SANE_ID.fullmatch(value):
            return bytes(value)
    return None
