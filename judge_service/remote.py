"""A sitting held by a service elsewhere: the same calls, answered over its HTTP API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

import orjson
from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from judge_service.backends.base import TransientFault
from judge_service.backends.wires import DirectWire, Reply
from judge_service.domain.cases import Case
from judge_service.domain.digests import digest
from judge_service.domain.options import Task
from judge_service.domain.records import case_record, judgment_from
from judge_service.domain.verdicts import NO_USAGE, Failure, Judgment
from judge_service.errors import InvalidCase, InvalidOption, JudgeDown
from judge_service.judge import KIND_OF

ATTEMPTS: Final = 6


class RemoteSitting:
    """Sends each case, with the options it was made with, to one service.

    Args:
        told: the options as the caller gave them; the service checks them.
    """

    def __init__(self, server: str, task: Task, told: Mapping[str, Any], key: str | None, connections: int) -> None:
        self.task = task
        self._told = dict(told)
        self._wire = DirectWire(server, key, connections)

    async def judge(self, case: Case) -> Judgment:
        """The service's judgment.

        Raises:
            InvalidCase, InvalidOption: the service refused the case or the options.
            JudgeDown: the service does not answer.
        """
        body = {**self._told, **case_record(case), "metadata": dict(case.metadata)}
        retrying = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.25, max=10.0),
            retry=retry_if_exception_type(TransientFault),
        )
        try:
            reply: Reply = await retrying(self._post, orjson.dumps(body), case)
        except RetryError as e:
            raise JudgeDown(f"the service does not answer: {e.last_attempt.exception()}") from None
        return judgment_from(orjson.loads(reply.body))

    async def _post(self, body: bytes, case: Case) -> Reply:
        reply = await self._wire.post(f"/v1/{self.task}", body, case.lot)
        if reply.status == 200:
            return reply
        if reply.status == 429 or reply.status >= 500:
            raise TransientFault(
                "judge_unavailable", f"{self._wire.address} answered {reply.status}", reply.retry_after
            )
        message, param = _error(reply)
        if param and param.startswith(("prompt", "candidates", "reference", "context", "response", "id")):
            raise InvalidCase(message, param)
        raise InvalidOption(message, param)

    def invalid(self, error: InvalidCase, case_id: str) -> Judgment:
        """The judgment at the place of a row that was never sent."""
        return Judgment(
            id="jdg_" + uuid4().hex[:24],
            kind=KIND_OF[self.task],
            status="unscored",
            created="",
            case_id=case_id,
            case_digest=digest(None),
            run_digest="",
            candidates=(),
            models={},
            verdict=None,
            votes=(),
            provenance=None,
            usage=NO_USAGE,
            failure=Failure("invalid", error.message, error.param),
        )

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._wire.aclose()


def _error(reply: Reply) -> tuple[str, str | None]:
    try:
        error = orjson.loads(reply.body)["error"]
        return str(error["message"]), error.get("param")
    except (ValueError, KeyError, TypeError):
        return f"the service answered {reply.status}", None
