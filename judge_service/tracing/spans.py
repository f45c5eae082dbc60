"""Traces by OpenTelemetry: the only file that knows it, imported by name when traces are configured, and only then.

No text, no key and no id made of either is ever told: exceptions by their type alone, requests by their route.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Literal

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from judge_service import __version__

Attributes = Mapping[str, str | int]
LAST_SECONDS: Final = 5.0
_KINDS: Final = {
    "internal": trace.SpanKind.INTERNAL,
    "server": trace.SpanKind.SERVER,
    "client": trace.SpanKind.CLIENT,
}


class Span:
    """One piece of work, as it is told."""

    def __init__(self, told: trace.Span) -> None:
        self._told = told
        self._has_failed = False

    def rename(self, name: str) -> None:
        """Says what it turned out to be."""
        self._told.update_name(name)

    def tell(self, attributes: Attributes) -> None:
        """Adds what has become known."""
        self._told.set_attributes(dict(attributes))

    def failed(self, why: str) -> None:
        """Says that it failed, and by which kind of failure; the first reason given stands."""
        if not self._has_failed:
            self._has_failed = True
            self._told.set_attribute("error.type", why)
            self._told.set_status(trace.StatusCode.ERROR)


class Tracing:
    """Spans on their way to a collector, over OTLP by HTTP.

    It has a provider of its own, so that two services in one process do not meet in a global. Sampling, batches,
    headers and certificates are said by OpenTelemetry's own variables.

    Args:
        endpoint: where spans are posted.
        name: what the service is called; empty for what OpenTelemetry's variables say.
    """

    def __init__(self, endpoint: str, name: str = "") -> None:
        named = name or OTELResourceDetector().detect().attributes.get(SERVICE_NAME, "judge-service")
        resource = Resource.create({SERVICE_NAME: named, SERVICE_VERSION: __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
        self._tracer = self._provider.get_tracer("judge_service", __version__)
        # Not OpenTelemetry's choice of formats: baggage may carry anything, and is neither taken nor handed on.
        self._format = TraceContextTextMapPropagator()

    @contextmanager
    def span(
        self,
        name: str,
        attributes: Attributes,
        kind: Literal["internal", "server", "client"] = "internal",
        caller: Mapping[str, str] | None = None,
    ) -> Iterator[Span]:
        """A span around the work done within, beneath the one that is open around it.

        Args:
            caller: the headers of a request that came in: its trace is continued, or one begun if it has none.
        """
        above = None if caller is None else self._format.extract(caller, Context())
        with self._tracer.start_as_current_span(
            name, above, _KINDS[kind], attributes, record_exception=False, set_status_on_exception=False
        ) as told:
            span = Span(told)
            try:
                yield span
            except BaseException as e:
                span.failed(type(e).__name__)
                raise

    def current(self) -> Span:
        """The innermost span that is open here."""
        return Span(trace.get_current_span())

    def headers(self) -> dict[str, str]:
        """What a request that goes out says of the span it belongs to (W3C Trace Context)."""
        carrier: dict[str, str] = {}
        self._format.inject(carrier)
        return carrier

    async def aclose(self) -> None:
        """Sends what is left; a collector that is away holds nobody up for more than a few seconds."""
        sending = threading.Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        await asyncio.to_thread(sending.join, LAST_SECONDS)
