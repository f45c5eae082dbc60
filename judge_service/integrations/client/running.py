"""A list of cases as requests that go out one after the other, without I/O: what is next, and what has come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass
from itertools import islice
from typing import Any

from judge_service.domain.options import Task
from judge_service.integrations.client.asking import Asking, Placed
from judge_service.integrations.client.progress import Progress


@dataclass(frozen=True, slots=True)
class Ended:
    """A request has come to its end; or to an error, which the caller is told."""

    error: BaseException | None = None


Event = Placed | Ended


class Run:
    """Cuts a list into requests, and knows how far it has come.

    No more of the list is read than there are requests to be sent: `concurrency * per_request` cases are under way at
    the most.
    """

    def __init__(
        self,
        task: Task,
        cases: Iterable[Mapping[str, Any]],
        options: bytes,
        shape: tuple[int, int],
        told: Callable[[Progress], None] | None,
        clock: Callable[[], float],
    ) -> None:
        self._task, self._options, self._told, self._clock = task, options, told, clock
        self._cases = enumerate(cases)
        self._concurrency, self._per_request = shape
        self._requests = 0
        self._in_flight = 0
        self._started = clock()
        self._progress = Progress(total=len(cases) if isinstance(cases, Sized) else None)

    def next_requests(self) -> Iterator[Asking]:
        """The requests to send now; the list is read as they are taken."""
        while self._requests < self._concurrency:
            some = dict(islice(self._cases, self._per_request))
            if not some:
                return
            self._requests += 1
            self._in_flight += len(some)
            yield Asking(self._task, self._options, some)

    @property
    def is_over(self) -> bool:
        """Whether nothing is under way."""
        return self._requests == 0

    def came(self, event: Event) -> Placed | None:
        """What to hand on of an event.

        Raises:
            BaseException: what a request ended with.
        """
        if isinstance(event, Ended):
            self._requests -= 1
            if event.error is not None:
                raise event.error
            return None
        self._in_flight -= 1
        self._progress = self._progress.after(event[1], self._in_flight, self._clock() - self._started)
        if self._told is not None:
            self._told(self._progress)
        return event
