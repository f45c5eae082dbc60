"""A collector of traces on a real socket: it reads OTLP's protobuf, and keeps every byte that came."""

import asyncio
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1 import trace_pb2

KINDS = {
    trace_pb2.Span.SPAN_KIND_INTERNAL: "internal",
    trace_pb2.Span.SPAN_KIND_SERVER: "server",
    trace_pb2.Span.SPAN_KIND_CLIENT: "client",
}


@dataclass(frozen=True)
class Told:
    """One span as the collector got it; ids are in hexadecimal digits."""

    trace: str
    id: str
    parent: str
    name: str
    kind: str
    has_failed: bool
    attributes: dict[str, Any]


class Collector:
    """Takes spans on a free port of the loopback.

    Attributes:
        spans: all that came, in the order in which they ended.
        services: the names under which they came.
        content: the bodies of all requests, one after the other.
    """

    def __init__(self) -> None:
        self.spans: list[Told] = []
        self.services: set[str] = set()
        self.content = b""
        self._came = asyncio.Condition()

    async def start(self) -> "Collector":
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        content = await request.read()
        told = ExportTraceServiceRequest.FromString(content)
        async with self._came:
            self.content += content
            for resource in told.resource_spans:
                self.services.add(_read(resource.resource.attributes)["service.name"])
                self.spans += [_span(span) for scope in resource.scope_spans for span in scope.spans]
            self._came.notify_all()
        return web.Response(body=ExportTraceServiceResponse().SerializeToString())

    async def has(self, count: int, kind: str) -> None:
        """Returns when so many spans of a kind have come."""
        async with self._came, asyncio.timeout(60):
            await self._came.wait_for(lambda: len(self.of(kind)) >= count)

    def of(self, kind: str) -> list[Told]:
        """The spans of a kind."""
        return [span for span in self.spans if span.kind == kind]

    def under(self, parent: Told) -> list[Told]:
        """The spans right beneath another."""
        return [span for span in self.spans if span.parent == parent.id]


def _span(span: trace_pb2.Span) -> Told:
    return Told(
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        name=span.name,
        kind=KINDS[span.kind],
        has_failed=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        attributes=_read(span.attributes),
    )


def _read(attributes: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in attributes}
