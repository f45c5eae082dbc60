"""A sitting held by a service elsewhere: the same calls, answered over its HTTP API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import orjson
from tenacity import AsyncRetrying, RetryCallState, RetryError, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from judge_service.backends.base import TransientFault
from judge_service.backends.wires import DirectWire, Reply, Wire
from judge_service.domain.cases import Case
from judge_service.domain.digests import digest
from judge_service.domain.judgments import Judgment, without_judge
from judge_service.domain.options import Task
from judge_service.domain.records import case_record, judgment_from
from judge_service.domain.verdicts import Failure, FailureKind
from judge_service.errors import InvalidCase, InvalidOption, JudgeDown

ATTEMPTS: Final = 6
_BACKOFF: Final = wait_random_exponential(multiplier=0.25, max=10.0)
_PROBE_SECONDS: Final = 2.0
_POLL_SECONDS: Final = 0.25
_MOST_AT_ONCE: Final = 512
_FINAL: Final = ("judge_unavailable", "timeout")
"""Codes of answers after which the service has tried all it can: asking again would only try the same again."""
_CASE_PARAMS: Final = ("prompt", "candidates", "reference", "context", "response", "id")


class RemoteSitting:
    """Sends each case, with the options it was made with, to one service.

    Args:
        told: the options as the caller gave them; the service checks them.
    """

    def __init__(self, server: str, task: Task, told: Mapping[str, Any], key: str | None, connections: int) -> None:
        self.task = task
        self._told = dict(told)
        self._most = min(2 * connections, _MOST_AT_ONCE)
        self._wire: Wire = DirectWire(server, key, connections)

    async def reached(self, wait: float) -> None:
        """Returns when the service answers.

        Raises:
            JudgeDown: it did not within so many seconds.
        """
        give_up = time.monotonic() + wait
        while True:
            try:
                async with asyncio.timeout(max(_PROBE_SECONDS, give_up - time.monotonic())):
                    await self._wire.get("/health")
                    return
            except (TransientFault, TimeoutError) as e:
                if time.monotonic() + _POLL_SECONDS > give_up:
                    raise JudgeDown(f"the service does not answer ({str(e) or self._wire.address})") from None
            await asyncio.sleep(_POLL_SECONDS)

    async def judge(self, case: Case) -> Judgment:
        """The service's judgment; an unscored one that says why, if none came.

        Raises:
            InvalidCase, InvalidOption: the service refused the case or the options.
            JudgeDown: what answers is no judge-service.
        """
        body = orjson.dumps({**self._told, **case_record(case), "metadata": dict(case.metadata)})
        retrying = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS), wait=_wait, retry=retry_if_exception_type(TransientFault)
        )
        try:
            reply: Reply = await retrying(self._post, body, case)
        except RetryError as e:
            return self._unscored(case, Failure("judge_unavailable", str(e.last_attempt.exception())))
        if reply.status != 200:
            kind: FailureKind = "timeout" if reply.status == 504 else "judge_unavailable"
            return self._unscored(case, Failure(kind, _error(reply)[0]))
        try:
            return judgment_from(orjson.loads(reply.body))
        except (ValueError, KeyError, TypeError):
            raise JudgeDown(f"what answers at {self._wire.address} is no judge-service") from None

    async def _post(self, body: bytes, case: Case) -> Reply:
        reply = await self._wire.post(f"/v1/{self.task}", body, case.lot)
        if reply.status == 200 or (reply.status in (503, 504) and _code(reply) in _FINAL):
            return reply
        if reply.status == 429 or reply.status >= 500:
            message = f"{self._wire.address} answered {reply.status}"
            raise TransientFault("judge_unavailable", message, reply.retry_after)
        message, param = _error(reply)
        if reply.status == 413 or (param and param.startswith(_CASE_PARAMS)):
            raise InvalidCase(message, param)
        raise InvalidOption(message, param)

    def has_room(self, cases: int) -> bool:
        """Whether another case may begin while so many are under way.

        Their number is fixed, since the service has a queue of its own: one is made ready while another is on its way.
        """
        return cases < self._most

    def invalid(self, error: InvalidCase, case_id: str) -> Judgment:
        """The judgment at the place of a row that was never sent."""
        return without_judge(self.task, case_id, digest(None), Failure("invalid", error.message, error.param))

    def _unscored(self, case: Case, failure: Failure) -> Judgment:
        """The judgment on a case that the service gave none on."""
        return replace(
            without_judge(self.task, case.id, case.digest, failure, case.metadata),
            candidates=tuple([c.id for c in case.candidates]),
            models={c.id: c.model for c in case.candidates},
        )

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._wire.aclose()


def _wait(state: RetryCallState) -> float:
    """What the service asked for, and a random share of a doubling time."""
    fault = state.outcome.exception() if state.outcome else None
    asked = fault.retry_after if isinstance(fault, TransientFault) else None
    return (asked or 0.0) + float(_BACKOFF(state))


def _code(reply: Reply) -> str | None:
    try:
        code = orjson.loads(reply.body)["error"]["code"]
    except (ValueError, KeyError, TypeError):
        return None
    return code if isinstance(code, str) else None


def _error(reply: Reply) -> tuple[str, str | None]:
    try:
        error = orjson.loads(reply.body)["error"]
        return str(error["message"]), error.get("param")
    except (ValueError, KeyError, TypeError):
        return f"the service answered {reply.status}", None
