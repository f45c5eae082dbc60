"""A backend that tries again what may pass: overload, resets, timeouts and damaged answers, with jitter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tenacity import AsyncRetrying, RetryCallState, RetryError, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from judge_service.backends.base import Backend, Terms, TransientFault, failed
from judge_service.domain.prompting import Completion, JudgePrompt

ATTEMPTS: Final = 7
_BACKOFF: Final = wait_random_exponential(multiplier=0.25, max=10.0)
LONGEST_RETRY_AFTER: Final = 120.0


class Retried:
    """Tries a call up to `attempts` times; the case's deadline bounds the whole from outside."""

    def __init__(self, inner: Backend, attempts: int = ATTEMPTS) -> None:
        self._inner = inner
        self._attempts = attempts

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        """The first attempt costs nothing extra; what went wrong for good is a failure."""
        try:
            return await self._inner.complete(prompts, terms)
        except TransientFault as first:
            return await self._again(prompts, terms, first)

    async def _again(self, prompts: Sequence[JudgePrompt], terms: Terms, first: TransientFault) -> list[Completion]:
        faults = [first]

        async def attempt() -> list[Completion]:
            if len(faults) == 1:
                faults.append(first)
                raise first
            return await self._inner.complete(prompts, terms)

        retrying = AsyncRetrying(
            stop=stop_after_attempt(self._attempts), wait=_wait, retry=retry_if_exception_type(TransientFault)
        )
        try:
            return await retrying(attempt)
        except RetryError as e:
            last = e.last_attempt.exception()
            fault = last if isinstance(last, TransientFault) else first
            message = f"{fault} (after {self._attempts} attempts)"
            return [failed(fault.kind, message) for _ in prompts]

    async def aclose(self) -> None:
        """Closes what is inside."""
        await self._inner.aclose()


def _wait(state: RetryCallState) -> float:
    """What the server asked for, or a random share of a doubling time."""
    fault = state.outcome.exception() if state.outcome else None
    backoff = float(_BACKOFF(state))
    if isinstance(fault, TransientFault) and fault.retry_after is not None:
        # Jitter on top: callers that were sent away together must not come back together.
        return min(fault.retry_after, LONGEST_RETRY_AFTER) + backoff / 4
    return backoff
