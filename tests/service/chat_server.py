"""A chat server on a real socket, which streams if it is asked to, and does otherwise what a test says."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

USAGE = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}
Manner = Callable[[web.Request, Mapping[str, Any]], Awaitable[web.StreamResponse]]


class ChatServer:
    """What it was asked is kept.

    Attributes:
        manner: answers; by default as OpenAI does.
        most: how many chats it worked on at a time, at the most.
        left: is set when a caller went before its answer was whole.
    """

    def __init__(self) -> None:
        self.manner: Manner = self.as_asked
        self.asked: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.url = ""
        self.most = 0
        self.begun = asyncio.Event()
        self.left = asyncio.Event()
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self._at_work = 0

    async def as_asked(self, request: web.Request, asked: Mapping[str, Any]) -> web.StreamResponse:
        """An answer of three words, whole or word by word; all but the first when it may go on."""
        if not asked.get("stream"):
            await self.goes_on.wait()
            return web.json_response(whole("one two three"))
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for word in ("one", " two", " three"):
            await response.write(event({"choices": [{"index": 0, "delta": {"content": word}}], "usage": None}))
            await self.goes_on.wait()
        if asked.get("stream_options"):
            await response.write(event({"choices": [], "usage": USAGE}))
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        self.asked.append(asked)
        self.headers.append(dict(request.headers))
        self._at_work += 1
        self.most = max(self.most, self._at_work)
        self.begun.set()
        try:
            return await self.manner(request, asked)
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise
        finally:
            self._at_work -= 1


async def _models(_: web.Request) -> web.StreamResponse:
    return web.json_response({"object": "list", "data": [{"id": "m", "object": "model", "owned_by": "test"}]})


def whole(text: str) -> dict[str, Any]:
    """A whole answer."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": USAGE}


def event(told: Mapping[str, Any]) -> bytes:
    """A piece of an answer."""
    return (
        b"data: " + json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 0, **told}).encode() + b"\n\n"
    )


@asynccontextmanager
async def chatting() -> AsyncIterator[ChatServer]:
    """A chat server, on a free port."""
    server = ChatServer()
    app = web.Application()
    app.router.add_get("/v1/models", _models)
    app.router.add_post("/v1/chat/completions", server._chat)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield server
    finally:
        server.goes_on.set()
        await runner.cleanup()
