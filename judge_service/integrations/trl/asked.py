"""What reward functions share: options that are fixed from the start, calls that end in time, and when to give up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from judge_service.domain.judgments import Judgment
from judge_service.domain.options import Task, options_from
from judge_service.errors import InvalidConfiguration
from judge_service.integrations.client import AsyncJudgeClient, JudgeError, Unavailable
from judge_service.integrations.trl.overseen import Call
from judge_service.integrations.trl.rows import Case
from judge_service.integrations.trl.scored import Scored, why_not
from judge_service.integrations.worth import STEADY

DEFAULTS: Final[Mapping[str, Any]] = {**STEADY, "seed": 0}
GRACE: Final = 6.0
"""Seconds beyond the deadline that the service was told: the client itself waits five."""
_LOG: Final = logging.getLogger(__name__)


class Asked:
    """One way of asking the service, and what came of it so far.

    Args:
        give_up: after so many calls in a row without one reward, an error is raised.

    Attributes:
        calls: of the reward function that are over.
        timeout: seconds that a call takes at the most, but for GRACE.
        last: why something was not judged, when it last happened.

    Raises:
        InvalidOption: there is no such option, or not with such a value.
    """

    def __init__(
        self, client: AsyncJudgeClient, task: Task, options: Mapping[str, Any], timeout: float, give_up: int
    ) -> None:
        self.task = task
        self.options = {**DEFAULTS, **options}
        options_from(self.options, task)
        self.timeout = timeout
        self.calls = 0
        self._client = client
        self._give_up = give_up
        self._in_vain = 0
        self.last = "nothing was asked"

    async def judgments(
        self, call: Call, cases: Sequence[Case], more: Mapping[str, Any] | None = None
    ) -> list[Judgment | None]:
        """The judgments on all cases, in their order; None where none came in time.

        Args:
            call: to which cases and judgments are added.
            more: options that stand where the caller named none.

        Raises:
            JudgeError: at the first call, the service refuses what is asked.
        """
        found: list[Judgment | None] = [None] * len(cases)
        told = {**(more or {}), **self.options}
        try:
            async with asyncio.timeout(self.timeout + GRACE):
                async for place, judgment in self._client.stream(self.task, cases, **told):
                    found[place] = judgment
        except TimeoutError:
            self.last = f"not all came within {self.timeout:g} s"
        except JudgeError as error:
            if self.calls == 0:
                raise
            self.last = str(error)
        call.cases += cases
        call.judgments += found
        self._note(found)
        return found

    def _note(self, found: Sequence[Judgment | None]) -> None:
        """Remembers, and says once a call, why something was not judged."""
        failed = [judgment for judgment in found if judgment is not None and judgment.status != "judged"]
        for judgment in failed[:1]:
            message = judgment.failure.message if judgment.failure else judgment.status
            self.last = f"{why_not(judgment)}: {message}"
        missing = found.count(None) + len(failed)
        if missing:
            _LOG.warning("%d of %d cases were not judged (%s)", missing, len(found), self.last)

    def ended(self, scored: Sequence[Scored]) -> None:
        """A call is over.

        Raises:
            Unavailable: no judge can be reached from the start, or there was no reward for too many calls.
        """
        self._in_vain = 0 if any(one.value is not None for one in scored) else self._in_vain + 1
        first, self.calls = self.calls == 0, self.calls + 1
        if first and all(one.why == "judge_unavailable" for one in scored):
            raise Unavailable(f"no judge answers: {self.last}")
        if self._in_vain >= self._give_up:
            raise Unavailable(f"no reward in {self._in_vain} calls in a row: {self.last}")


def one_of(name: str, value: Any, *allowed: str) -> Any:
    """The value, if it is one of these words.

    Raises:
        InvalidConfiguration: it is none of them.
    """
    if value not in allowed:
        raise InvalidConfiguration(f"{name} is one of {', '.join(allowed)}; got {value!r}")
    return value
