"""The client for programs that run an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from judge_service.domain.judgments import Judgment
from judge_service.domain.options import Task
from judge_service.integrations.client.asking import Placed
from judge_service.integrations.client.calls import (
    Ranked,
    deciding,
    fetching,
    judging,
    listing,
    reranking,
    rewarding,
    split,
)
from judge_service.integrations.client.progress import Progress
from judge_service.integrations.client.running import Event, Run
from judge_service.integrations.client.sending import Sender
from judge_service.integrations.client.setup import Setup, checked
from judge_service.integrations.client.wire import told_json


class AsyncJudgeClient:
    """Asks a judge-service. Safe to share among tasks, event loops and threads, and to use after a fork: every loop has
    connections of its own. Pickled, it carries its settings along and no connection.

    Args:
        base_url: where the service answers; None: JUDGE_SERVER_URL, else http://127.0.0.1:8080.
        api_key: None: JUDGE_API_KEY, else none is sent.
        timeout: seconds that a request may take, all its attempts together. The service is told what is left of it, and
            works no longer. The option of that name takes its place for one call.
        retries: faults in a row that a request bears: refusals for want of room, broken connections, damaged answers.
        concurrency: requests at a time, of one list.
        per_request: cases to one request, of a list.
        http: makes the httpx client to send with; None: our own.

    Raises:
        InvalidConfiguration: the address is none, or a number is out of range.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        timeout: float = 120.0,
        retries: int = 5,
        concurrency: int = 8,
        per_request: int = 64,
        http: Callable[[], httpx.AsyncClient] | None = None,
    ) -> None:
        self.setup = checked(base_url, api_key, timeout, retries, (concurrency, per_request), http)
        self.sender = Sender(self.setup)

    async def compare(self, prompt: Any, candidates: Sequence[Any], **told: Any) -> Judgment:
        """Which of two candidates is better.

        Args:
            told: fields of the case (`reference`, `context`, `domain`, `id`, `metadata`) and options of the judgment.

        Raises:
            JudgeError: nothing could be judged, or the request is wrong.
        """
        return await self.sender.called(judging("compare", {"prompt": prompt, "candidates": candidates}, told))

    async def score(self, prompt: Any, candidates: Any, **told: Any) -> Judgment:
        """How good each candidate is; text is one response.

        Args:
            told: as in `compare`.

        Raises:
            JudgeError: as in `compare`.
        """
        return await self.sender.called(judging("score", {"prompt": prompt, **one_or_more(candidates)}, told))

    async def rank(self, prompt: Any, candidates: Sequence[Any], **told: Any) -> Judgment:
        """The order of all candidates.

        Args:
            told: as in `compare`.

        Raises:
            JudgeError: as in `compare`.
        """
        return await self.sender.called(judging("rank", {"prompt": prompt, "candidates": candidates}, told))

    async def judge(
        self,
        task: Task,
        cases: Sequence[Mapping[str, Any]],
        *,
        progress: Callable[[Progress], None] | None = None,
        **options: Any,
    ) -> list[Judgment]:
        """The judgments on many cases, in their order. One that cannot be judged has an unscored judgment at its place,
        which says why; so have those that the service gave no answer on in time.

        Raises:
            JudgeError: the request is wrong, whatever the case: an unknown option, a wrong key, …
        """
        judgments: dict[int, Judgment] = {}
        async for place, judgment in self.stream(task, cases, progress=progress, **options):
            judgments[place] = judgment
        return [judgments[place] for place in range(len(cases))]

    async def stream(
        self,
        task: Task,
        cases: Iterable[Mapping[str, Any]],
        *,
        progress: Callable[[Progress], None] | None = None,
        **options: Any,
    ) -> AsyncIterator[Placed]:
        """Each case's place in the list and its judgment, as soon as it is there. At most `concurrency * per_request`
        cases are read ahead of what was taken, so that the list may be endless.

        Raises:
            JudgeError: as in `judge`.
        """
        run, seconds = self.run(task, cases, progress, options)
        events: asyncio.Queue[Event] = asyncio.Queue()
        tasks: list[asyncio.Task[None]] = []
        try:
            while True:
                tasks = [task_ for task_ in tasks if not task_.done()]
                tasks += [
                    asyncio.create_task(self.sender.asked(a, seconds, events.put_nowait)) for a in run.next_requests()
                ]
                if run.is_over:
                    return
                placed = run.came(await events.get())
                if placed is not None:
                    yield placed
        finally:
            for task_ in tasks:
                task_.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def decide(
        self, state: Any, questions: Mapping[str, Any], *, instructions: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Answers to questions about a state, by their names, in the shape of /v1/systemone.

        Raises:
            JudgeError: as in `compare`.
        """
        return await self.sender.called(deciding(state, questions, instructions, options))

    async def rewards(self, prompt: Any, responses: Sequence[Any], **options: Any) -> list[float | None]:
        """A reward for each response of a group, which are judged together; None where there is none.

        Raises:
            JudgeError: as in `compare`.
        """
        return await self.sender.called(rewarding(prompt, responses, options))

    async def rerank(
        self, query: Any, documents: Sequence[Any], *, top_n: int | None = None, **options: Any
    ) -> list[Ranked]:
        """The documents' places, best first.

        Raises:
            JudgeError: as in `compare`.
        """
        return await self.sender.called(reranking(query, documents, top_n, options))

    async def rubrics(self) -> list[dict[str, Any]]:
        """The rubrics that the service has."""
        return await self.sender.called(listing("/v1/rubrics"))

    async def judges(self) -> list[dict[str, Any]]:
        """The cards of all judges; the first is the default."""
        return await self.sender.called(listing("/v1/judges"))

    async def judge_card(self, name: str) -> dict[str, Any]:
        """One judge's card: its model, epoch, bias, …"""
        return await self.sender.called(fetching("/v1/judges/", name))

    async def health(self) -> dict[str, Any]:
        """Whether the service is alive."""
        return await self.sender.called(fetching("/health"))

    def run(
        self,
        task: Task,
        cases: Iterable[Mapping[str, Any]],
        progress: Callable[[Progress], None] | None,
        options: Mapping[str, Any],
    ) -> tuple[Run, float | None]:
        """What is to be asked of a list, and the seconds for each request of it."""
        wire, seconds = split(options)
        shape = (self.setup.concurrency, self.setup.per_request)
        return Run(task, cases, told_json(wire), shape, progress, time.monotonic), seconds

    async def aclose(self) -> None:
        """Closes the connections of the running loop; the client can be used again."""
        await self.sender.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __getstate__(self) -> Setup:
        return self.setup

    def __setstate__(self, setup: Setup) -> None:
        self.setup, self.sender = setup, Sender(setup)


def one_or_more(candidates: Any) -> dict[str, Any]:
    """What is to be scored: one response, or a list of candidates."""
    return {"response": candidates} if isinstance(candidates, str) else {"candidates": candidates}
