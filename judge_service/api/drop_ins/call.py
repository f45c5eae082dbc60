"""What the drop-in endpoints share: other services' requests, judged as ours are, and answered in their own shapes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from judge_service.api.answers import json_response
from judge_service.api.drop_ins.told_options import told_for
from judge_service.api.judging import Caller, admitted
from judge_service.api.problems import RETRY_SECONDS, Problem
from judge_service.api.queue import while_wanted
from judge_service.api.requests import object_in, read_body
from judge_service.api.state import State
from judge_service.domain.judgments import Judgment
from judge_service.domain.options import Options, Task
from judge_service.domain.verdicts import Failure
from judge_service.errors import InvalidCase

IGNORED: Final = "x-judge-ignored"
_MOST_NAMED: Final = 32
_LONGEST_NAME: Final = 64
FOR_GOOD: Final = frozenset(("unreadable", "low_label_mass", "refused", "truncated", "dropped"))
"""What the judge has answered it would answer again."""
_CALLERS: Final = frozenset(("invalid", "too_long"))


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a drop-in endpoint, let in.

    Attributes:
        endpoint: the name its defaults stand under: `[endpoints.NAME]` in the configuration.
        body: the JSON object that was sent.
        options: how to judge.
        query: what the endpoint takes besides options, as text; the configuration's where the query does not say.
        on_failure: the number an unscored case is answered with; None: an error.
        caller: the way to judgments of the task the endpoint judges by.
    """

    endpoint: str
    body: dict[str, Any]
    options: Options
    query: Mapping[str, str]
    on_failure: float | None
    caller: Caller

    def caller_for(self, task: Task, options: Options) -> Caller:
        """The way to judgments of another task, or under other options: part of the same request.

        Raises:
            InvalidOption: the options do not go with the rubric or the judge.
        """
        caller = self.caller
        return replace(caller, sitting=caller.state.service.sitting(task, caller.with_priority(options)))

    def answer(self, content: Any, known: Collection[str], judgments: Sequence[Judgment] = ()) -> Response:
        """The answer as JSON.

        Args:
            known: the fields of the body that the endpoint reads, `model` besides; others are named as ignored.
            judgments: what it rests on: their statuses and the judges' epochs are told in headers.
        """
        headers = ignored(self.body, known) | _told_of(judgments)
        return json_response(content, headers=headers)


@contextmanager
def under_their_names(names: Mapping[str, str]) -> Iterator[None]:
    """Tells of a case's fields, such as `candidates[2]`, by the names they have in the caller's body.

    Args:
        names: theirs, by ours.
    """
    try:
        yield
    except InvalidCase as e:
        ours = next((name for name in names if (e.param or "").startswith(name)), None)
        if ours is None:
            raise
        param = names[ours] + (e.param or "").removeprefix(ours)
        message = e.message.removeprefix(ours)
        raise InvalidCase(e.message if message == e.message else names[ours] + message, param) from None


async def called(request: Request, endpoint: str, task: Task, beside: Collection[str] = ()) -> Call:
    """Reads a request, checks it, and lets it in.

    Args:
        endpoint: the name of its section in the configuration.
        beside: names of query parameters that it takes besides options and `on_failure`.

    Raises:
        InvalidRequest, UnknownName, Problem: naming the field or the parameter.
    """
    state: State = request.app.state.judging
    body = object_in(await read_body(request, state.settings.server.max_body_bytes))
    configured = state.settings.endpoints.get(endpoint, {})
    told = told_for(state.service, task, configured, body.get("model"), request.query_params, beside)
    return Call(endpoint, body, told.options, told.beside, told.on_failure, admitted(request, task, told.options))


def judged(
    name: str, task: Task, answer: Callable[[Call], Awaitable[Response]], beside: Collection[str] = ()
) -> Callable[[Request], Awaitable[Response]]:
    """The function of a route whose answer is worked on for as long as its caller waits for it."""

    async def answered(request: Request) -> Response:
        call = await called(request, name, task, beside)
        return await while_wanted(request, answer(call))

    return answered


def unscored(judgment: Judgment) -> Problem:
    """What a caller is told whose case has no verdict, where its shape cannot say so."""
    failure = _failure_of(judgment)
    if failure.kind in _CALLERS:
        return Problem(400, failure.message, failure.param, failure.kind)
    if failure.kind == "timeout":
        return Problem(504, failure.message, failure.param, failure.kind, RETRY_SECONDS)
    code = judgment.status if judgment.status in ("partial", "dropped") else failure.kind
    problem = Problem(503, f"the case is {judgment.status}: {failure.message}", failure.param, code, RETRY_SECONDS)
    return problem.for_good() if {code, failure.kind} & FOR_GOOD else problem


def _failure_of(judgment: Judgment) -> Failure:
    """Why there is no verdict: the judgment's own reason, or that of the first vote that failed."""
    if judgment.failure is not None:
        return judgment.failure
    if judgment.status == "dropped":
        return Failure("unreadable", f"dropped by {judgment.dropped_by}")
    failures = (vote.failure for vote in judgment.votes if vote.failure is not None)
    return next(failures, Failure("judge_error", "votes that it needs are missing"))


def ignored(body: Mapping[str, Any], known: Collection[str]) -> dict[str, str]:
    """The header that names the fields of a body that nobody read; none if all were read."""
    names = sorted(name for name in body if name not in known and name != "model")
    told = [quote(name[:_LONGEST_NAME], safe="") or '""' for name in names[:_MOST_NAMED]]
    if len(names) > _MOST_NAMED:
        told.append(f"and {len(names) - _MOST_NAMED} more")
    return {IGNORED: ", ".join(told)} if told else {}


def _told_of(judgments: Sequence[Judgment]) -> dict[str, str]:
    """Headers on judgments: their statuses, the epochs of their judges, and how many were not judged."""
    if not judgments:
        return {}
    statuses = dict.fromkeys(sorted(judgment.status for judgment in judgments))
    judges = [judge for j in judgments if j.provenance is not None for judge in j.provenance.judges]
    epochs = dict.fromkeys(str(judge.epoch) for judge in judges)
    missing = sum(judgment.status != "judged" for judgment in judgments)
    told = {"x-judge-status": ", ".join(statuses), "x-judge-epoch": ", ".join(epochs)}
    return told | ({"x-judge-unscored": str(missing)} if missing else {})
