"""A line of a batch is answered as its endpoint answers everybody, but behind everybody else."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

from judge_service.api.judging import Caller, answered
from judge_service.api.problems import Problem, error_body, problem_of
from judge_service.api.requests import judging_request
from judge_service.api.state import State
from judge_service.domain.options import Task
from judge_service.errors import JudgeServiceError
from judge_service.jobs.judging import Answered, Pace

log: Final = logging.getLogger(__name__)
_TIMEOUT: Final = 600.0
"""Seconds for a case whose request says nothing: it gives way, and so may take longer than one somebody waits for."""


def pace_of(state: State) -> Pace:
    """How many lines are under way, and how long they may take once the server ends."""
    return Pace(state.places.of_batches, state.settings.server.grace_seconds)


class LineAnswers:
    """Answers the bodies of a batch's lines."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def __call__(self, task: Task, body: bytes, tenant: str) -> Answered:
        """The status and the body a caller of the endpoint would have got."""
        try:
            return await self._judged(task, body, tenant)
        except Problem as e:
            problem = e
        except JudgeServiceError as e:
            problem = problem_of(e)
        except Exception:
            log.exception("a line of a batch failed")
            problem = Problem(500, "the service failed; its log has the details")
        return Answered(problem.status, error_body(problem.status, problem.message, problem.param, problem.code))

    async def _judged(self, task: Task, body: bytes, tenant: str) -> Answered:
        state = self._state
        server = state.settings.server
        if len(body) > server.max_body_bytes:
            raise Problem(413, f"the body is larger than {server.max_body_bytes:,} bytes", code="body_too_large")
        asked = judging_request(body, task, server.max_cases)
        timeout = asked.options.timeout if "timeout" in asked.options.told else _TIMEOUT
        options = replace(asked.options, priority="batch", timeout=timeout)
        sitting = state.service.sitting(task, options)
        account = state.quotas.account(tenant)
        spending = None if account is None else await state.quotas.turn(account)
        shared = "" if server.share_cache else tenant
        caller = Caller(sitting, state, state.places.yielding, None, shared, spending)
        try:
            return Answered(200, await answered(asked, caller))
        finally:
            if spending is not None:
                spending.end()
