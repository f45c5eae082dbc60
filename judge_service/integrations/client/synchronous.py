"""The client for programs without an event loop: the asynchronous one, run in a thread."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from judge_service.domain.judgments import Judgment
from judge_service.domain.options import Task
from judge_service.integrations.client.asking import Placed
from judge_service.integrations.client.asynchronous import AsyncJudgeClient
from judge_service.integrations.client.calls import Ranked
from judge_service.integrations.client.portal import Portal
from judge_service.integrations.client.progress import Progress
from judge_service.integrations.client.running import Event

T = TypeVar("T")


class JudgeClient:
    """Asks a judge-service; made as AsyncJudgeClient is, and with the same calls.

    Safe to share among threads, to use where an event loop runs (Jupyter), after a fork, and to pickle.

    Attributes:
        asynchronous: the client that does the work, in this one's thread.
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
        self.asynchronous = AsyncJudgeClient(
            base_url,
            api_key,
            timeout=timeout,
            retries=retries,
            concurrency=concurrency,
            per_request=per_request,
            http=http,
        )
        self._portals: dict[int, Portal] = {}
        self._locks: dict[int, threading.Lock] = {}

    def compare(self, prompt: Any, candidates: Sequence[Any], **told: Any) -> Judgment:
        """Which of two candidates is better; see AsyncJudgeClient.compare."""
        return self.run(self.asynchronous.compare(prompt, candidates, **told))

    def score(self, prompt: Any, candidates: Any, **told: Any) -> Judgment:
        """How good each candidate is; text is one response."""
        return self.run(self.asynchronous.score(prompt, candidates, **told))

    def rank(self, prompt: Any, candidates: Sequence[Any], **told: Any) -> Judgment:
        """The order of all candidates."""
        return self.run(self.asynchronous.rank(prompt, candidates, **told))

    def judge(
        self,
        task: Task,
        cases: Sequence[Mapping[str, Any]],
        *,
        progress: Callable[[Progress], None] | None = None,
        **options: Any,
    ) -> list[Judgment]:
        """The judgments on many cases, in their order; see AsyncJudgeClient.judge."""
        judgments = dict(self.stream(task, cases, progress=progress, **options))
        return [judgments[place] for place in range(len(cases))]

    def stream(
        self,
        task: Task,
        cases: Iterable[Mapping[str, Any]],
        *,
        progress: Callable[[Progress], None] | None = None,
        **options: Any,
    ) -> Iterator[Placed]:
        """Each case's place in the list and its judgment, as soon as it is there; see AsyncJudgeClient.stream. The list
        is read, and progress told, in the caller's thread.
        """
        portal = self._portal()
        run, seconds = self.asynchronous.run(task, cases, progress, options)
        events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        asked: list[Future[None]] = []
        try:
            while True:
                asked = [future for future in asked if not future.done()]
                asked += [
                    portal.start(self.asynchronous.sender.asked(a, seconds, events.put)) for a in run.next_requests()
                ]
                if run.is_over:
                    return
                placed = run.came(events.get())
                if placed is not None:
                    yield placed
        finally:
            for future in asked:
                future.cancel()

    def decide(
        self, state: Any, questions: Mapping[str, Any], *, instructions: str | None = None, **options: Any
    ) -> dict[str, Any]:
        """Answers to questions about a state, by their names; see AsyncJudgeClient.decide."""
        return self.run(self.asynchronous.decide(state, questions, instructions=instructions, **options))

    def rewards(self, prompt: Any, responses: Sequence[Any], **options: Any) -> list[float | None]:
        """A reward for each response of a group; None where there is none."""
        return self.run(self.asynchronous.rewards(prompt, responses, **options))

    def rerank(self, query: Any, documents: Sequence[Any], *, top_n: int | None = None, **options: Any) -> list[Ranked]:
        """The documents' places, best first."""
        return self.run(self.asynchronous.rerank(query, documents, top_n=top_n, **options))

    def rubrics(self) -> list[dict[str, Any]]:
        """The rubrics that the service has."""
        return self.run(self.asynchronous.rubrics())

    def judges(self) -> list[dict[str, Any]]:
        """The cards of all judges; the first is the default."""
        return self.run(self.asynchronous.judges())

    def judge_card(self, name: str) -> dict[str, Any]:
        """One judge's card."""
        return self.run(self.asynchronous.judge_card(name))

    def health(self) -> dict[str, Any]:
        """Whether the service is alive."""
        return self.run(self.asynchronous.health())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What work with `asynchronous` returns, which is done in this client's thread."""
        return self._portal().call(work)

    def _portal(self) -> Portal:
        """This process's own: threads do not come along through a fork, and a lock might come along locked."""
        process = os.getpid()
        with self._locks.setdefault(process, threading.Lock()):
            if process not in self._portals:
                self._portals[process] = Portal()
            return self._portals[process]

    def close(self) -> None:
        """Closes the connections and ends the thread; the client can be used again."""
        process = os.getpid()
        with self._locks.setdefault(process, threading.Lock()):
            portal = self._portals.pop(process, None)
            if portal is not None:
                portal.call(self.asynchronous.aclose())
                portal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> AsyncJudgeClient:
        return self.asynchronous

    def __setstate__(self, client: AsyncJudgeClient) -> None:
        self.asynchronous = client
        self._portals, self._locks = {}, {}
