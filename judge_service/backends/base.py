"""What every backend is: one method that takes a round of prompts and brings a completion for each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, Protocol, TypeVar

from judge_service.domain.frozen import frozen
from judge_service.domain.prompting import Completion, JudgePrompt
from judge_service.domain.verdicts import Failure, FailureKind

T = TypeVar("T")


class Held:
    """How long a case was held here, in seconds: its calls waited for a place, or for another's answer."""

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        self.seconds = 0.0


@frozen
class Terms:
    """Under which terms a case's prompts are answered.

    Attributes:
        deadline: the event loop's time after which no answer is waited for.
        cache: use, refresh (ask anew and remember), bypass (neither look nor remember) or only (never ask).
        affinity: a case's calls share it, so that they meet the same replica and its prefix cache.
        tenant: whose cache entries are seen and made; empty for those that all share.
        held: given, the deadline is as much later as the case was held here; else it stands, whatever the wait.
    """

    deadline: float = float("inf")
    cache: Literal["use", "refresh", "bypass", "only"] = "use"
    affinity: int = 0
    priority: Literal["online", "batch"] = "online"
    tenant: str = ""
    held: Held | None = None

    @property
    def until(self) -> float | None:
        """The deadline as asyncio's timeouts take it: None where there is none."""
        if self.deadline == float("inf"):
            return None
        return self.deadline if self.held is None else self.deadline + self.held.seconds

    async def waited(self, what: Awaitable[T]) -> T:
        """Waits for what must come before the judge works on this case: until its deadline, or as a case that is held.

        Calls of one case that wait at the same time hold it as long as the longest.

        Raises:
            TimeoutError: the deadline passed.
        """
        if self.held is None:
            async with asyncio.timeout_at(self.until):
                return await what
        loop = asyncio.get_running_loop()
        since, before = loop.time(), self.held.seconds
        came = await what
        self.held.seconds = max(self.held.seconds, before + loop.time() - since)
        return came


class Backend(Protocol):
    """Answers prompts. A failure is a completion with `failure` set, never an exception."""

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        """One completion for each prompt, in their order."""
        ...

    async def aclose(self) -> None:
        """Give back what is held; no call may follow."""
        ...


class TransientFault(Exception):
    """A call failed in a way that may pass when tried again. It never leaves this room.

    Attributes:
        retry_after: seconds the server asked to wait, if it did.
        status: the HTTP status, or None if no whole answer came.
        hopeless: whether the judge has been gone for so long that waiting for it is no use.
    """

    hopeless = False

    def __init__(
        self, kind: FailureKind, message: str, retry_after: float | None = None, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.kind: FailureKind = kind
        self.retry_after = retry_after
        self.status = status


def failed(kind: FailureKind, message: str, raw: str | None = None) -> Completion:
    """A completion that says why there is none."""
    return Completion(failure=Failure(kind, message, raw=raw))


async def each(prompts: Sequence[JudgePrompt], ask: Callable[[JudgePrompt], Awaitable[Completion]]) -> list[Completion]:
    """Asks for every prompt at once; alone, it costs no task."""
    if len(prompts) == 1:
        return [await ask(prompts[0])]
    return list(await asyncio.gather(*map(ask, prompts)))
