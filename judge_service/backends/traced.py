"""Calls of judges in traces: a span around each that goes out, and the trace's id in its request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from judge_service.backends.base import Backend, Terms, TransientFault, each
from judge_service.backends.wires import Begun, Reply, Wire
from judge_service.domain.prompting import Completion, JudgePrompt

if TYPE_CHECKING:
    from judge_service.tracing.spans import Span, Tracing

_attempts: Final[ContextVar[Iterator[int]]] = ContextVar("attempts")


class Numbered:
    """Stands around the retries, and numbers the calls that each question takes."""

    def __init__(self, inner: Backend) -> None:
        self._inner = inner

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        """Asks for all prompts at once, each by itself."""
        return await each(prompts, lambda prompt: self._one(prompt, terms))

    async def _one(self, prompt: JudgePrompt, terms: Terms) -> Completion:
        token = _attempts.set(count(1))
        try:
            return (await self._inner.complete([prompt], terms))[0]
        finally:
            _attempts.reset(token)

    async def aclose(self) -> None:
        """Closes what is inside."""
        await self._inner.aclose()


class Traced:
    """Stands around one replica, inside its limiter: a span is as long as the call, without the wait for a place."""

    def __init__(self, inner: Backend, tracing: Tracing, address: str, model: str) -> None:
        self._inner = inner
        self._tracing = tracing
        self._name = f"chat {model}"
        self._attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": model, **server_of(address)}

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        """Asks, and tells how it went.

        Raises:
            TransientFault: the call failed in a way that may pass.
        """
        attributes = {**self._attributes, "judge.call.attempt": next(_attempts.get(count(1)))}
        with self._tracing.span(self._name, attributes, "client") as span:
            try:
                completions = await self._inner.complete(prompts, terms)
            except TransientFault as fault:
                span.failed(fault.kind)
                raise
            _tell(span, completions)
            return completions

    async def aclose(self) -> None:
        """Closes what is inside."""
        await self._inner.aclose()


class TracedWire:
    """Says in every request which span it belongs to, and in the span what status came back."""

    def __init__(self, inner: Wire, tracing: Tracing) -> None:
        self._inner = inner
        self._tracing = tracing
        self.address = inner.address

    async def post(self, path: str, body: bytes, affinity: int, headers: Mapping[str, str] | None = None) -> Reply:
        """Sends a JSON body, and the trace along with it."""
        reply = await self._inner.post(path, body, affinity, {**(headers or {}), **self._tracing.headers()})
        self._tracing.current().tell({"http.response.status_code": reply.status})
        return reply

    async def get(self, path: str) -> Reply:
        """Fetches a path: no judge is asked, and nothing is told."""
        return await self._inner.get(path)

    def begun(
        self, path: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Begun]:
        """Sends a JSON body, and the trace along with it."""
        return self._inner.begun(path, body, {**(headers or {}), **self._tracing.headers()})

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._inner.aclose()


def server_of(address: str) -> dict[str, str | int]:
    """Host and port of an address, without the name and password it may hold."""
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"server.address": parts.hostname or "", "server.port": port}


def _tell(span: Span, completions: Sequence[Completion]) -> None:
    span.tell(
        {
            "gen_ai.usage.input_tokens": sum([c.usage.prompt_tokens for c in completions]),
            "gen_ai.usage.output_tokens": sum([c.usage.completion_tokens for c in completions]),
        }
    )
    for completion in completions:
        if completion.failure is not None:
            span.failed(completion.failure.kind)
