"""A backend that remembers. A hit renders nothing, waits for no limiter and never touches the judge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from judge_service.backends.base import Backend, Terms, failed
from judge_service.backends.entries import VERSION, DigestText, Entries
from judge_service.backends.stores import Store
from judge_service.domain.prompting import Completion, JudgePrompt

if TYPE_CHECKING:
    from judge_service.backends.claims import Claims

_ROUNDS: Final = 3
_NEWEST: Final = 0.05


class Cached:
    """Looks every prompt up under its own key and the judge's identity; failures are never remembered.

    Args:
        identity: of the judge as it is now; another identity is another namespace.
        explanations: whether texts are kept. Without them, what is kept of a text is the verdict in it.
        claims: who asks what, among the processes that share the store; None if each asks for itself.
        digest_text: the verdict in a text, None if it is unreadable.
    """

    def __init__(
        self,
        inner: Backend,
        store: Store,
        identity: Callable[[], str],
        explanations: bool = True,
        claims: Claims | None = None,
        digest_text: DigestText | None = None,
    ) -> None:
        self._inner = inner
        self._store = store
        self._identity = identity
        self._entries = Entries(explanations, digest_text)
        self._claims = claims
        self._looking_up = 0
        self._missed_share = 1.0

    @property
    def coming(self) -> float:
        """How many of the questions that are being looked up the judge will be asked, if the past is any guide."""
        return self._looking_up * self._missed_share

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        """Answers from the store where it can, and from the judge where it must."""
        if terms.cache == "bypass":
            return await self._inner.complete(prompts, terms)
        # A tenant's entries are a namespace of their own.
        identity = f"{self._identity()}\x00{VERSION}\x00{terms.tenant}".encode()
        keys = [prompt.key(identity) for prompt in prompts]
        found: list[Completion | None] = [None] * len(keys)
        if terms.cache != "refresh":
            self._looking_up += len(keys)
            try:
                found = await self._found(keys)
            finally:
                self._looking_up -= len(keys)
            self._missed_share += (found.count(None) / len(keys) - self._missed_share) * _NEWEST
        missing = [i for i, completion in enumerate(found) if completion is None]
        if missing:
            # Each by itself: an answer is kept as soon as it is there, whatever becomes of the others.
            asked = [self._missed(keys[i], prompts[i], terms) for i in missing]
            answers = [await asked[0]] if len(asked) == 1 else await asyncio.gather(*asked)
            for i, answer in zip(missing, answers, strict=True):
                found[i] = answer
        return [completion for completion in found if completion is not None]

    async def _found(self, keys: Sequence[bytes]) -> list[Completion | None]:
        return [self._entries.read(value) for value in await self._store.get_many(keys)]

    async def _missed(self, key: bytes, prompt: JudgePrompt, terms: Terms) -> Completion:
        if terms.cache == "only":
            return failed("judge_unavailable", "not in the cache, and cache is 'only'")
        if self._claims is None or terms.cache == "refresh":
            return (await self._asked(key, prompt, terms))[0]
        return await self._in_turn(self._claims, key, prompt, terms)

    async def _asked(self, key: bytes, prompt: JudgePrompt, terms: Terms) -> tuple[Completion, bool]:
        """The judge's answer, and whether it is one to be kept."""
        (completion,) = await self._inner.complete((prompt,), terms)
        entry = self._entries.written(prompt, completion)
        if entry is not None:
            await self._store.put_many({key: entry})
        return completion, entry is not None

    async def _in_turn(self, claims: Claims, key: bytes, prompt: JudgePrompt, terms: Terms) -> Completion:
        """The answer of whoever claimed the question first; of our own asking, if that was us or came to nothing."""
        for _ in range(_ROUNDS):
            if await claims.acquire((key,)):
                return await self._claimed(claims, key, prompt, terms)
            came = await claims.wait(key, terms.deadline)
            if came == "late":
                return failed("timeout", "the case's deadline passed while another process was asking the same")
            completion = self._entries.read(came) if isinstance(came, bytes) else None
            if completion is not None:
                return completion
            if came != "gone":
                break
        return (await self._asked(key, prompt, terms))[0]

    async def _claimed(self, claims: Claims, key: bytes, prompt: JudgePrompt, terms: Terms) -> Completion:
        has_failed = False
        try:
            # Whoever held the claim before may have answered since we looked.
            (completion,) = await self._found((key,))
            if completion is None:
                completion, is_kept = await self._asked(key, prompt, terms)
                has_failed = not is_kept
            return completion
        finally:
            await claims.release((key,), has_failed)

    async def aclose(self) -> None:
        """Closes the judge; the store is shared and closed by whoever opened it."""
        await self._inner.aclose()
