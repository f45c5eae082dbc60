"""POST /v1/compare, /v1/score and /v1/rank."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from judge_service.api.access import TENANT
from judge_service.api.admission import patience
from judge_service.api.answers import json_response
from judge_service.api.lines import lines
from judge_service.api.openapi import NDJSON
from judge_service.api.problems import RETRY_SECONDS, Problem, answer_to
from judge_service.api.queue import Lane, Turn, while_wanted
from judge_service.api.quotas import SPENDING, Spending
from judge_service.api.requests import BadCase, JudgingRequest, judging_request, read_body
from judge_service.api.state import State
from judge_service.domain.cases import Case
from judge_service.domain.judgments import Judgment
from judge_service.domain.options import Options, Task
from judge_service.domain.records import record_of
from judge_service.domain.verdicts import NO_USAGE, Usage
from judge_service.errors import InvalidCase
from judge_service.sitting import Sitting


async def compare(request: Request) -> Response:
    """Which of two candidates is better: one case inline, or many under `cases`."""
    return await _judge(request, "compare")


async def score(request: Request) -> Response:
    """How good each candidate is, criterion by criterion: one case inline, or many under `cases`."""
    return await _judge(request, "score")


async def rank(request: Request) -> Response:
    """The order of all candidates: one case inline, or many under `cases`."""
    return await _judge(request, "rank")


# What the OpenAPI page says of these routes stands in schemas.py.
ROUTES: Final = [Route(f"/v1/{call.__name__}", call, methods=["POST"]) for call in (compare, score, rank)]


class Straight:
    """Takes the requests of judging routes straight to their functions; all others go through FastAPI.

    FastAPI's way from a request to its function, layer by layer, costs as much as half of a cached comparison.
    """

    def __init__(self, app: FastAPI, routes: Sequence[Route]) -> None:
        self._app = app
        self._routes = {route.path: route for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers; whatever is raised on the way is an answer too."""
        route = self._routes.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        # For the functions, and for the metrics and the log, which know requests by their route.
        scope["app"], scope["route"] = self._app, route
        try:
            response = await route.endpoint(Request(scope, receive, send))
        except Exception as e:  # noqa: BLE001 - it is logged, and the caller is told what may be told
            response = answer_to(e, scope)
        await response(scope, receive, send)


async def _judge(request: Request, task: Task) -> Response:
    state: State = request.app.state.judging
    body = await read_body(request, state.settings.server.max_body_bytes)
    asked = judging_request(body, task, state.settings.server.max_cases)
    streams = not asked.inline and NDJSON in request.headers.get("accept", "")
    caller = admitted(request, task, asked.options, len(asked.cases), streams)
    if streams:
        return StreamingResponse(lines(caller.judgment_at, asked.cases), media_type=NDJSON)
    return json_response(await while_wanted(request, answered(asked, caller)))


def admitted(request: Request, task: Task, options: Options, cases: int = 1, streams: bool = False) -> Caller:
    """Lets a request in.

    Args:
        cases: how many there are in it.
        streams: whether it is answered bit by bit, so that what the caller says of a single read is no deadline.

    Raises:
        UnknownName, InvalidOption: what it asks under cannot be.
        Problem: 429, the queue is full, or too long for the request's deadline, or the key's quota is used up.
    """
    state: State = request.app.state.judging
    spending: Spending | None = request.scope.get(SPENDING)
    if spending is not None:
        options = spending.account.with_priority(options)
    sitting = state.service.sitting(task, options)
    left = options.timeout if streams else min(options.timeout, patience(request.headers))
    lane = state.places.lane(options.priority == "batch")
    state.check_line(lane, sitting.line(), _kind(sitting), cases, left)
    if spending is not None:
        spending.expect(cases - 1)
    deadline = asyncio.get_running_loop().time() + left
    tenant = "" if state.settings.server.share_cache else request.scope.get(TENANT, "")
    return Caller(sitting, state, lane, deadline, tenant, spending)


def _kind(sitting: Sitting) -> tuple[str, str]:
    return sitting.task, sitting.provenance.method


async def answered(asked: JudgingRequest, caller: Caller) -> dict[str, Any]:
    """The body of the answer: one judgment, or a list of them.

    Raises:
        InvalidCase, JudgeChanged: the inline case, or the judge, is wrong.
        Problem: 503 or 504 if nothing could be judged.
    """
    if asked.inline:
        return record_of(await _one(asked, caller))
    judgments = await _all(asked, caller)
    check_any_came(judgments)
    return {"object": "list", "data": [record_of(j) for j in judgments], "usage": usage_of(judgments)}


@dataclass(frozen=True, slots=True)
class Caller:
    """One request's way to judgments.

    Attributes:
        lane: where each case waits for its turn.
        deadline: the event loop's time by which the whole request is answered; what is not finished then is `timeout`.
            None for one that has time: each case has its options' timeout from its turn on.
        spending: what judge calls and tokens are charged to; None where nobody counts them.
    """

    sitting: Sitting
    state: State
    lane: Lane
    deadline: float | None
    tenant: str
    spending: Spending | None = None

    def with_priority(self, options: Options) -> Options:
        """The options with the priority of the caller's key, where they name none."""
        return options if self.spending is None else self.spending.account.with_priority(options)

    async def judgment(self, case: Case) -> Judgment:
        """Waits for a place, and judges; a case whose time is over before it has one costs nothing."""
        try:
            turn = await self.lane.enter(self.deadline)
        except TimeoutError:
            judgment = self.sitting.late(case)
        else:
            judgment = await self._judged(case, turn)
        self.state.metrics.judgment(judgment)
        return judgment

    async def _judged(self, case: Case, turn: Turn) -> Judgment:
        if turn.waited:
            self.state.metrics.waited(turn.waited)
        try:
            judgment = await self.sitting.judge(case, self.deadline, self.tenant)
        finally:
            self.lane.leave(turn)
        if self.spending is not None:
            self.spending.used(judgment.usage)
        if judgment.usage.judge_calls and not self.sitting.line()[0]:
            seconds = asyncio.get_running_loop().time() - turn.since
            self.state.stays.learn(_kind(self.sitting), seconds)
        return judgment

    async def judgment_at(self, place: int, case: Case | BadCase) -> Judgment:
        """The judgment at a place of the list; whatever is wrong with the case is told in it."""
        if isinstance(case, BadCase):
            return self._invalid(case.error, case.id)
        try:
            return await self.judgment(case)
        except InvalidCase as e:
            error = InvalidCase(e.message, f"cases[{place}].{e.param}" if e.param else f"cases[{place}]")
            return self._invalid(error, case.id, case.metadata)

    def _invalid(self, error: InvalidCase, case_id: str, metadata: Mapping[str, Any] | None = None) -> Judgment:
        judgment = self.sitting.invalid(error, case_id, metadata)
        self.state.metrics.judgment(judgment)
        return judgment


async def _one(asked: JudgingRequest, caller: Caller) -> Judgment:
    (case,) = asked.cases
    assert isinstance(case, Case)
    judgment = await caller.judgment(case)
    check_any_came([judgment])
    return judgment


async def _all(asked: JudgingRequest, caller: Caller) -> list[Judgment]:
    return list(await asyncio.gather(*(caller.judgment_at(i, case) for i, case in enumerate(asked.cases))))


def check_any_came(judgments: Sequence[Judgment]) -> None:
    """An answer in which no case was judged for want of a judge or of time is an error of the request.

    Raises:
        Problem: 503 if the judge was down for every case, 504 if the deadline passed with nothing finished.
    """
    kinds = {judgment.failure.kind if judgment.failure else None for judgment in judgments}
    if kinds == {"judge_unavailable"}:
        failure = judgments[0].failure
        raise Problem(503, failure.message if failure else "", code="judge_unavailable", retry=RETRY_SECONDS)
    if kinds == {"timeout"}:
        raise Problem(504, "the deadline passed with nothing finished", "timeout", "timeout")


def usage_of(judgments: Sequence[Judgment]) -> Usage:
    """What they cost together."""
    total = NO_USAGE
    for judgment in judgments:
        total += judgment.usage
    return total
