"""A backend that remembers. A hit renders nothing, waits for no limiter and never touches the judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from judge_service.backends.base import Backend, Terms, failed
from judge_service.backends.stores import Store
from judge_service.domain.prompting import Completion, JudgePrompt
from judge_service.domain.verdicts import Usage

VERSION = 1
_HIT = Usage(cache_hits=1)


class Cached:
    """Looks every prompt up under its own key and the judge's identity; failures are never remembered.

    Args:
        identity: of the judge; another identity is another namespace.
        explanations: whether texts are kept. Without them only answers that have probabilities are kept, since a text
            answer is its text.
    """

    def __init__(self, inner: Backend, store: Store, identity: str, explanations: bool = True) -> None:
        self._inner = inner
        self._store = store
        self._identity = identity.encode() + b"\x00%d\x00" % VERSION
        self._explanations = explanations

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        """Answers from the store where it can, and from the judge where it must."""
        if terms.cache == "bypass":
            return await self._inner.complete(prompts, terms)
        keys = [prompt.key(self._identity) for prompt in prompts]
        found: list[Completion | None] = [None] * len(keys)
        if terms.cache != "refresh":
            found = [_decoded(value) for value in await self._store.get_many(keys)]
        missing = [i for i, completion in enumerate(found) if completion is None]
        if missing:
            answers = await self._asked([prompts[i] for i in missing], terms)
            for i, answer in zip(missing, answers, strict=True):
                found[i] = answer
            await self._keep({keys[i]: answer for i, answer in zip(missing, answers, strict=True)})
        return [completion for completion in found if completion is not None]

    async def _asked(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        if terms.cache == "only":
            return [failed("judge_unavailable", "not in the cache, and cache is 'only'") for _ in prompts]
        return await self._inner.complete(prompts, terms)

    async def _keep(self, answers: dict[bytes, Completion]) -> None:
        entries = {key: self._encoded(c) for key, c in answers.items() if self._is_kept(c)}
        if entries:
            await self._store.put_many(entries)

    def _is_kept(self, completion: Completion) -> bool:
        return completion.failure is None and (self._explanations or completion.probabilities is not None)

    def _encoded(self, completion: Completion) -> bytes:
        probabilities = None if completion.probabilities is None else dict(completion.probabilities)
        text = completion.text if self._explanations else ""
        return orjson.dumps([VERSION, probabilities, completion.label_mass, text])

    async def aclose(self) -> None:
        """Closes the judge; the store is shared and closed by whoever opened it."""
        await self._inner.aclose()


def _decoded(value: bytes | None) -> Completion | None:
    """The completion an entry holds; an entry of another version or a damaged one is a miss."""
    if value is None:
        return None
    try:
        entry: Any = orjson.loads(value)
        version, probabilities, label_mass, text = entry
    except (ValueError, TypeError):
        return None
    if version != VERSION or not isinstance(text, str):
        return None
    return Completion(text=text, probabilities=probabilities, label_mass=label_mass, usage=_HIT, cached=True)
