"""A backend that tries again what may pass: overload, resets, timeouts and damaged answers, with jitter."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from tenacity import AsyncRetrying, RetryCallState, RetryError, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from judge_service.backends.base import Backend, Terms, TransientFault, each, failed
from judge_service.domain.prompting import Completion, JudgePrompt

ATTEMPTS: Final = 7
_BACKOFF: Final = wait_random_exponential(multiplier=0.25, max=10.0)
LONGEST_RETRY_AFTER: Final = 120.0


class Retried:
    """Tries each call up to `attempts` times and never beyond its case's deadline; from here on nothing is raised.

    No attempt is waited for that could only begin too late. The deadline of one under way is its limiter's business,
    which knows when the call went out.
    """

    def __init__(self, inner: Backend, attempts: int = ATTEMPTS) -> None:
        self._inner = inner
        self._attempts = attempts

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        """Asks for all prompts at once, each by itself."""
        return await each(prompts, lambda prompt: self._one(prompt, terms))

    async def _one(self, prompt: JudgePrompt, terms: Terms) -> Completion:
        try:
            return await self._tried(prompt, terms)
        except TimeoutError:
            return failed("timeout", "the case's deadline passed before the judge answered")

    async def _tried(self, prompt: JudgePrompt, terms: Terms) -> Completion:
        """The first attempt costs nothing extra; retries are tenacity's."""
        try:
            return (await self._inner.complete([prompt], terms))[0]
        except TransientFault as fault:
            if fault.hopeless:
                return failed(fault.kind, str(fault))
            first = fault
        attempts = iter((first,))

        async def attempt() -> Completion:
            for fault in attempts:
                raise fault
            return (await self._inner.complete([prompt], terms))[0]

        async def sleep(seconds: float) -> None:
            until = terms.until
            if until is not None and asyncio.get_running_loop().time() + seconds >= until:
                # The attempt would come too late: there is nothing to wait for.
                raise TimeoutError
            await asyncio.sleep(seconds)

        retrying = AsyncRetrying(
            sleep=sleep, stop=stop_after_attempt(self._attempts), wait=_wait, retry=retry_if_exception(_may_pass)
        )
        try:
            return await retrying(attempt)
        except TransientFault as fault:
            return failed(fault.kind, str(fault))
        except RetryError as e:
            last = e.last_attempt.exception()
            kind = last.kind if isinstance(last, TransientFault) else first.kind
            return failed(kind, f"{last} (after {self._attempts} attempts)")

    async def aclose(self) -> None:
        """Closes what is inside."""
        await self._inner.aclose()


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, TransientFault) and not error.hopeless


def _wait(state: RetryCallState) -> float:
    """What the server asked for, or a random share of a doubling time."""
    fault = state.outcome.exception() if state.outcome else None
    backoff = float(_BACKOFF(state))
    if isinstance(fault, TransientFault) and fault.retry_after is not None:
        # Jitter on top: callers that were sent away together must not come back together.
        return min(fault.retry_after, LONGEST_RETRY_AFTER) + backoff / 4
    return backoff
