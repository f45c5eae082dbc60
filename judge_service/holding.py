"""How a deliberation is held: its rounds are carried to the judges' backends and their completions back."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping, Sequence
from typing import TypeVar, cast

from judge_service.backends.base import Held, Terms
from judge_service.domain.judgments import JudgeIdentity
from judge_service.domain.options import Options
from judge_service.domain.prompting import Completion, JudgePrompt
from judge_service.domain.verdicts import NO_USAGE, Usage
from judge_service.errors import JudgeChanged
from judge_service.judge import Judge
from judge_service.recording import added

T = TypeVar("T")


def terms_of(options: Options, affinity: int, deadline: float | None, tenant: str) -> Terms:
    """The terms under which one case's prompts are answered.

    Args:
        affinity: what the case's calls share.
        deadline: the event loop's time by which to answer. If None, judging may take `options.timeout`, and the time
            that the case waits for a place at a judge does not count.
    """
    held = None
    if deadline is None:
        deadline, held = asyncio.get_running_loop().time() + options.timeout, Held()
    return Terms(deadline, options.cache, affinity, options.priority, tenant, held)


def check_pinned(options: Options, identities: Sequence[JudgeIdentity]) -> None:
    """Refuses to go on with another judge than the one that was pinned.

    Raises:
        JudgeChanged: the caller pinned a judge, and it is none of these.
    """
    pinned = options.judge_digest
    if pinned is not None and pinned not in [identity.digest for identity in identities]:
        digests = ", ".join(f"{i.name} is {i.digest} (epoch {i.epoch})" for i in identities)
        raise JudgeChanged(f"the judge is not {pinned}: {digests}")


async def hold(
    deliberation: Generator[list[JudgePrompt], list[Completion], T], judges: Mapping[str, Judge], terms: Terms
) -> tuple[T, Usage]:
    """Drives a deliberation to its end: what it returns, and what it cost."""
    usage = NO_USAGE
    try:
        prompts = next(deliberation)
        while True:
            completions = await _completed(prompts, judges, terms)
            usage = added(usage, completions)
            prompts = deliberation.send(completions)
    except StopIteration as end:
        return cast(T, end.value), usage


async def _completed(prompts: list[JudgePrompt], judges: Mapping[str, Judge], terms: Terms) -> list[Completion]:
    """Each judge's prompts to its own backend, all at once."""
    name = prompts[0].judge
    if all(prompt.judge == name for prompt in prompts):
        return await judges[name].backend.complete(prompts, terms)
    names = list(dict.fromkeys(prompt.judge for prompt in prompts))
    shares = [[p for p in prompts if p.judge == name] for name in names]
    answers = await asyncio.gather(
        *(judges[n].backend.complete(share, terms) for n, share in zip(names, shares, strict=True))
    )
    queues = {name: iter(share) for name, share in zip(names, answers, strict=True)}
    return [next(queues[prompt.judge]) for prompt in prompts]
