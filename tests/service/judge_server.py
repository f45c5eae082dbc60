"""A judge server on a real socket that says what a test tells it to say."""

import asyncio
import json
import math
import re
import struct
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

from aiohttp import web

Asked = Mapping[str, Any]
_WORTH = re.compile(r"\(worth (-?\d+(?:\.\d+)?)\)")
_SCALE = re.compile(r"(\d+) to (\d+)\D*$")


@dataclass(frozen=True)
class Answer:
    """What goes back for one request.

    Attributes:
        how: whole, cut (the body ends in the middle), or reset (the connection breaks before anything was sent).
        waits: the answer is held until this is set.
    """

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    how: str = "whole"
    waits: asyncio.Event | None = None

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


Rule = Callable[[Asked], Answer]


def said(text: str | None, finish: str = "stop", waits: asyncio.Event | None = None, **message: Any) -> Answer:
    """An answer in words."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
    return Answer(_body(choice), waits=waits)


def tokens(probabilities: Mapping[str, float], waits: asyncio.Event | None = None) -> Answer:
    """One token, with the log-probabilities of its alternatives."""
    listed = sorted(probabilities.items(), key=lambda pair: -pair[1])
    top = [{"token": token, "logprob": math.log(p), "bytes": list(token.encode())} for token, p in listed]
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": listed[0][0]},
        "logprobs": {"content": [{**top[0], "top_logprobs": top}]},
    }
    return Answer(_body(choice), waits=waits)


def error(status: int, message: str = "planted", **headers: str) -> Answer:
    """An error in OpenAI's shape."""
    told = {"error": {"message": message, "type": "planted", "param": None, "code": None}}
    return Answer(told, status, {name.replace("_", "-"): value for name, value in headers.items()})


def _body(choice: Mapping[str, Any]) -> dict[str, Any]:
    usage = {"prompt_tokens": 90, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 64}}
    return {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage}


CUT = Answer(_body({"index": 0, "finish_reason": "stop", "message": {"content": "A"}}), how="cut")
RESET = Answer(b"", how="reset")


def text_of(turn: Mapping[str, Any]) -> str:
    """The text of a chat message; where it came in parts, those that are text."""
    content = turn["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def by_worth(asked: Asked) -> Answer:
    """A judge to whom a candidate is worth what its text says, `(worth 6.5)`, in logits; the first-shown gains 0.5."""
    text = text_of(asked["messages"][-1])
    worths = [float(worth) for worth in _WORTH.findall(text)]
    if not asked.get("logprobs"):
        return said(json.dumps({"explanation": "Read with care.", **_in_words(text, worths)}))
    if len(worths) == 1:
        low, high = map(int, _SCALE.findall(text)[-1])
        return tokens(_softmax({str(k): -((k - worths[0]) ** 2) for k in range(low, high + 1)}))
    worths[:1] = [worth + 0.5 for worth in worths[:1]]
    return tokens(_softmax(dict(zip("ABCDEFGHIJ", worths or [0.5, 0.0], strict=False))))


def _in_words(text: str, worths: list[float]) -> dict[str, Any]:
    if len(worths) == 1:
        criterion = re.findall(r'"scores": ?\{"([^"]+)"', text)
        return {"scores": {criterion[-1] if criterion else "overall": round(worths[0])}}
    order = sorted(range(len(worths)), key=lambda place: -worths[place])
    named = ["ABCDEFGHIJ"[place] for place in order]
    return {"ranking": named} if len(named) > 2 else {"verdict": named[0] if named else "A"}


def _softmax(logits: Mapping[str, float]) -> dict[str, float]:
    most = max(logits.values())
    weights = {label: math.exp(max(-20.0, z - most)) for label, z in logits.items()}
    total = sum(weights.values())
    return {label: weight / total for label, weight in weights.items()}


class JudgeServer:
    """Listens on a free port of the loopback. What it was asked is kept, and every connection is counted.

    Attributes:
        next: answers for the next questions, before the rule's.
        rule: answers all other questions.
        refuses: request fields that are answered 400 when they are sent, by the message.
        models: what GET /models says.
        asked: the bodies of all questions about responses or options; those about the judge itself are only counted.
    """

    def __init__(self, rule: Rule = by_worth) -> None:
        self.rule = rule
        self.next: deque[Answer] = deque()
        self.refuses: dict[str, Callable[[Any], bool]] = {}
        self.models = Answer({"object": "list", "data": [{"id": "m", "object": "model", "owned_by": "test"}]})
        self.asked: list[dict[str, Any]] = []
        self.probes = 0
        self.headers: list[Mapping[str, str]] = []
        self.connections: set[Any] = set()
        self.came = asyncio.Condition()
        self.described = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def calls(self) -> int:
        """How many questions came."""
        return len(self.asked)

    def prompts(self) -> list[str]:
        """The users' parts of all questions."""
        return [text_of(asked["messages"][-1]) for asked in self.asked]

    async def asked_for(self, calls: int) -> None:
        """Returns when so many questions have come."""
        async with self.came:
            await self.came.wait_for(lambda: len(self.asked) >= calls)

    async def start(self) -> "JudgeServer":
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/v1"
        self.port = port
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _models(self, request: web.Request) -> web.StreamResponse:
        self.described.set()
        return await _sent(request, self.models)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        if not any(sign in text_of(turn) for turn in asked["messages"] for sign in ("[Response", "[Option")):
            self.probes += 1
            return await _sent(request, self._refusal(asked) or by_worth(asked))
        self.connections.add(request.transport.get_extra_info("peername"))
        self.headers.append(dict(request.headers))
        async with self.came:
            self.asked.append(asked)
            self.came.notify_all()
        return await _sent(request, self._refusal(asked) or self._answer(asked))

    def _answer(self, asked: Asked) -> Answer:
        return self.next.popleft() if self.next else self.rule(asked)

    def _refusal(self, asked: Asked) -> Answer | None:
        return next((error(400, message) for message, is_refused in self.refuses.items() if is_refused(asked)), None)


async def _sent(request: web.Request, answer: Answer) -> web.StreamResponse:
    if answer.waits is not None:
        await answer.waits.wait()
    content = answer.content()
    if answer.how == "whole":
        return web.Response(
            body=content, status=answer.status, headers=dict(answer.headers), content_type="application/json"
        )
    if answer.how == "cut":
        response = web.StreamResponse(headers={"content-length": str(len(content)), "content-type": "application/json"})
        await response.prepare(request)
        await response.write(content[: len(content) // 2])
    request.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
    return web.Response()
