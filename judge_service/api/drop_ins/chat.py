"""POST /v1/chat/completions: chats of others with a judge's model, passed on as they are.

For tools that bring a judging prompt of their own: they need one address and one key, wait in the judge's own line, and
do not overrun its servers. Nothing is read into what is said; tokens are counted where the answer tells them.
"""

from __future__ import annotations

import asyncio
from hashlib import blake2b
from typing import Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from judge_service.api.admission import patience
from judge_service.api.drop_ins.drop_in import DropIn
from judge_service.api.drop_ins.overheard import Overheard
from judge_service.api.drop_ins.told_options import judge_called
from judge_service.api.metrics import Metrics
from judge_service.api.problems import RETRY_SECONDS, Problem, answer_to, error_body
from judge_service.api.queue import while_wanted
from judge_service.api.quotas import SPENDING, Spending
from judge_service.api.requests import object_in, read_body
from judge_service.api.state import State
from judge_service.backends.base import Terms
from judge_service.backends.passing import BrokenOff, Passing
from judge_service.backends.wires import Begun
from judge_service.domain.verdicts import Usage
from judge_service.errors import InvalidOption, UnknownName
from judge_service.judge import Judge
from judge_service.service import JudgingService

_PATH: Final = "/chat/completions"
_SECONDS: Final = 600.0
"""How long OpenAI's client waits for an answer."""
_HEADERS: Final = ("content-type", "cache-control", "retry-after", "retry-after-ms", "x-should-retry")
_EVENTS: Final = "text/event-stream"


async def chat(request: Request) -> Response:
    """The answer of the judge's server, as it comes."""
    state: State = request.app.state.judging
    for name in request.query_params:
        raise InvalidOption(f"a chat is passed on as it is, and takes no parameter '{name}'", name)
    body = object_in(await read_body(request, state.settings.server.max_body_bytes))
    judge, passing = _passing(state.service, body.get("model"))
    seconds = _SECONDS if body.get("stream") else min(_SECONDS, patience(request.headers))
    gives_way = _gives_way(request)
    state.check_line(state.places.lane(gives_way), judge.line(gives_way), ("chat", judge.name), 1, seconds)
    return _PassedOn(request, passing, orjson.dumps({**body, "model": passing.model}), seconds)


def _passing(service: JudgingService, model: Any) -> tuple[Judge, Passing]:
    """The judge that a model names, the default one where none is named, and the way to its servers.

    Raises:
        InvalidOption: nobody can chat with it.
        UnknownName: there is none.
    """
    if model is not None and not isinstance(model, str):
        raise InvalidOption("model is a string: a judge, or its model's id", "model")
    name = next(iter(service.judges)) if model is None else judge_called(service, model)
    if name is None:
        raise UnknownName(f"there is no judge '{model:.200}'; there are {', '.join(service.judges)}", "model")
    judge = service.judges[name]
    if judge.passing is None:
        raise InvalidOption(
            f"judge '{name}' is of the kind '{judge.identity.kind}', with which nobody can chat", "model"
        )
    return judge, judge.passing


def _gives_way(request: Request) -> bool:
    """Whether its key's requests go behind others'."""
    spending: Spending | None = request.scope.get(SPENDING)
    return spending is not None and spending.account.is_batch


class _PassedOn(Response):
    """An answer that another server is still to give: it is asked when this one is sent."""

    def __init__(self, request: Request, passing: Passing, body: bytes, seconds: float) -> None:
        super().__init__()
        self._request = request
        self._passing = passing
        self._asked = body
        self._seconds = seconds
        self._overheard: Overheard | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Asks, and passes on what comes; a caller that hangs up ends it."""
        try:
            await while_wanted(self._request, self._carried(send))
        except Exception as e:
            if self._overheard is None:
                await answer_to(_late() if isinstance(e, TimeoutError) else e, scope)(scope, receive, send)
            elif isinstance(e, BrokenOff | TimeoutError):
                await self._break_off(e, send)
            elif not isinstance(e, Problem):
                raise

    async def _carried(self, send: Send) -> None:
        state: State = self._request.app.state.judging
        deadline = asyncio.get_running_loop().time() + self._seconds
        affinity = int.from_bytes(blake2b(self._asked, digest_size=8).digest(), "big")

        async def deliver(begun: Begun) -> None:
            if begun.status == 401:
                raise Problem(503, "the judge's server does not take the judge's key", code="judge_key_refused")
            await self._delivered(begun, send)

        gives_way = _gives_way(self._request)
        terms = Terms(deadline, affinity=affinity, priority="batch" if gives_way else "online")
        try:
            async with asyncio.timeout_at(deadline), state.places.lane(gives_way).place(deadline):
                await self._passing.carry(_PATH, self._asked, terms, deliver)
        finally:
            self._count(state.metrics)

    def _count(self, metrics: Metrics) -> None:
        """Tells the metrics and the caller's account of it: what broke off, or was left early, was asked as well."""
        if self._overheard is None:
            return
        prompt, completion = self._overheard.tokens()
        metrics.call(prompt, completion)
        spending: Spending | None = self._request.scope.get(SPENDING)
        if spending is not None:
            spending.used(Usage(1, prompt_tokens=prompt, completion_tokens=completion))

    async def _delivered(self, begun: Begun, send: Send) -> None:
        kind = begun.headers.get("content-type", "")
        headers = [(name.encode(), begun.headers[name].encode("latin-1")) for name in _HEADERS if name in begun.headers]
        self._overheard = Overheard(is_stream=kind.startswith(_EVENTS))
        await send({"type": "http.response.start", "status": begun.status, "headers": headers})
        while piece := await begun.piece():
            self._overheard.hear(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _break_off(self, error: Exception, send: Send) -> None:
        """Says so within a stream of events, as OpenAI's clients read it; else the connection is broken off as well."""
        if self._overheard is None or not self._overheard.is_stream:
            raise error
        why = str(error) or "it took too long"
        told = orjson.dumps(error_body(503, f"the judge's answer broke off: {why}", code="judge_unavailable"))
        await send({"type": "http.response.body", "body": b"\n\ndata: " + told + b"\n\n"})


def _late() -> Problem:
    return Problem(504, "the judge did not answer in time", code="timeout", retry=RETRY_SECONDS)


class ChatRequest(BaseModel):
    """What OpenAI's chat completions take; the judge's server reads it."""

    model_config = ConfigDict(extra="allow")

    model: str | None = Field(None, description="A judge, or its model's id; the default judge")
    messages: list[dict[str, JsonValue]]
    stream: bool | None = None


class ChatAnswer(BaseModel):
    """What the judge's server answered."""

    model_config = ConfigDict(extra="allow")


DROP_IN: Final = DropIn(
    name="chat",
    task=None,
    paths=("/v1/chat/completions",),
    answers=chat,
    summary="A chat with a judge's model, passed on as it is",
    body=ChatRequest,
    result=ChatAnswer,
    examples={"a question": {"messages": [{"role": "user", "content": "Name a prime number."}], "max_tokens": 16}},
    passes_on=True,
)
