"""Single flight: questions that are the same at the same moment cause one call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from judge_service.backends.base import Backend, Terms, failed
from judge_service.domain.prompting import Completion, JudgePrompt
from judge_service.domain.verdicts import NO_USAGE

_NOT_SHARED: Final = frozenset(("timeout", "judge_unavailable"))


class Shared:
    """Lets whoever asks first ask for all, within this process.

    A failure that is the asker's own (its deadline, its luck with the network) is not handed on: whoever waited asks
    again. `bypass` and `refresh` want an answer of their own and share nothing.
    """

    def __init__(self, inner: Backend, identity: str) -> None:
        self._inner = inner
        self._identity = identity.encode()
        self._flying: dict[bytes, asyncio.Future[Completion]] = {}

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        """Asks what nobody is asking yet, and waits for the rest."""
        if terms.cache in ("bypass", "refresh"):
            return await self._inner.complete(prompts, terms)
        identity = self._identity + terms.tenant.encode()
        keys = [prompt.key(identity) for prompt in prompts]
        waited = {i: self._flying[key] for i, key in enumerate(keys) if key in self._flying}
        own = [i for i in range(len(keys)) if i not in waited]
        answers: dict[int, Completion] = {}
        if own:
            asked = await self._ask({keys[i]: prompts[i] for i in own}, terms)
            answers = {i: asked[keys[i]] for i in own}
        for i, flight in waited.items():
            answers[i] = await self._landed(flight, prompts[i], terms)
        return [answers[i] for i in range(len(keys))]

    async def _ask(self, prompts: dict[bytes, JudgePrompt], terms: Terms) -> dict[bytes, Completion]:
        loop = asyncio.get_running_loop()
        flights = {key: loop.create_future() for key in prompts}
        self._flying.update(flights)
        try:
            answers = dict(zip(prompts, await self._inner.complete(list(prompts.values()), terms), strict=True))
            for key, answer in answers.items():
                flights[key].set_result(answer)
            return answers
        finally:
            for key, flight in flights.items():
                del self._flying[key]
                flight.cancel()

    async def _landed(self, flight: asyncio.Future[Completion], prompt: JudgePrompt, terms: Terms) -> Completion:
        """Another's answer; or our own, if that one was cancelled or failed for reasons of its own."""
        try:
            await terms.waited(asyncio.wait((flight,)))
        except TimeoutError:
            return failed("timeout", "the case's deadline passed while another case was asking the same")
        if not flight.cancelled():
            answer = flight.result()
            if answer.failure is None or answer.failure.kind not in _NOT_SHARED:
                # The call is in the usage of the case that made it.
                return replace(answer, usage=NO_USAGE)
        return (await self.complete([prompt], terms))[0]

    async def aclose(self) -> None:
        """Closes what is inside."""
        await self._inner.aclose()
