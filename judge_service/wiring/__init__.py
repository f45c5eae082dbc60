"""Settings become parts: the only place where parts are chosen, ordered and closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

from judge_service.backends.fronted import Fronted
from judge_service.cards.book import Cards
from judge_service.cohorts.gathering import Gathering, Limits
from judge_service.errors import InvalidConfiguration
from judge_service.jobs.office import Office
from judge_service.judge import Judge
from judge_service.library import open_library
from judge_service.sections import CacheSettings
from judge_service.service import JudgingService
from judge_service.settings import Settings
from judge_service.sitting import Sitting
from judge_service.traced_sitting import TracedSitting
from judge_service.tracing import open_tracing
from judge_service.wiring.judges import open_judge
from judge_service.wiring.stores import open_keeper, open_papers, open_seats, open_store

__all__ = ["open_cards", "open_gathering", "open_judge", "open_keeper", "open_office", "open_service", "open_store"]
_WATCH_SECONDS: Final = 1.0
_SHARE_EACH: Final = 10
"""So many looks at the judges go by between two writings of their cards."""


@asynccontextmanager
async def open_service(
    settings: Settings, wait: float = 10.0, probe: bool = True, front: bool = False, learn: bool = True
) -> AsyncIterator[JudgingService]:
    """The whole service under these settings; what it opened is closed at the end.

    Args:
        wait: seconds to wait for judges that do not answer yet.
        probe: whether judges are asked a few fixed questions, now and every ten minutes, to notice one that thinks or
            that has become another.
        learn: whether the judges' cards are kept for other runs.
        front: whether what the cache holds is kept in memory too, for a server that is asked the same again and again.

    Raises:
        InvalidConfiguration, InvalidLibrary: what was configured is wrong.
        JudgeDown: a judge did not answer in time.
    """
    library = open_library(settings.rubrics)
    if not settings.judges:
        raise InvalidConfiguration(
            "no judge is configured: give --judge-url and --model, or --offline to try things out"
        )
    async with AsyncExitStack() as stack:
        tracing = open_tracing(settings.traces)
        if tracing is not None:
            stack.push_async_callback(tracing.aclose)
        store = open_store(settings.cache)
        if store is not None:
            stack.push_async_callback(store.aclose)
        near = Fronted(store) if front and store is not None else store
        judges = {}
        for name, judge_settings in settings.judges.items():
            judges[name] = await open_judge(name, judge_settings, near, settings.cache.explanations, wait, tracing)
            stack.push_async_callback(judges[name].backend.aclose)
        if probe:
            await asyncio.gather(*(judge.watch() for judge in judges.values()))
        cards = Cards(store if learn else None)
        await cards.load(judge.identity.digest for judge in judges.values())
        stack.push_async_callback(cards.keep)
        watching = [_watched(list(judges.values()), cards, probe), *(judge.tend() for judge in judges.values())]
        for task in map(asyncio.create_task, watching):
            stack.callback(task.cancel)
        prepare = Sitting if tracing is None else partial(TracedSitting, tracing)
        yield JudgingService(judges, library, getattr(store, "faults", None), prepare, tracing, cards)


@asynccontextmanager
async def open_cards(settings: CacheSettings) -> AsyncIterator[Cards]:
    """The judges' cards, without a judge.

    Raises:
        InvalidConfiguration: what was configured is wrong.
    """
    store = open_store(settings)
    try:
        yield Cards(store)
    finally:
        if store is not None:
            await store.aclose()


@asynccontextmanager
async def open_office(settings: Settings, several: bool = False) -> AsyncIterator[Office | None]:
    """Where files and batches are kept, if anywhere; closed at the end.

    Args:
        several: whether other processes serve the same address.

    Raises:
        InvalidConfiguration: the place that was named is wrong.
    """
    papers = open_papers(settings.jobs, settings.cache, several)
    try:
        yield None if papers is None else Office(papers, settings.jobs)
    finally:
        if papers is not None:
            await papers.aclose()


@asynccontextmanager
async def open_gathering(settings: Settings, several: bool = False) -> AsyncIterator[Gathering | None]:
    """This process's part in cohorts; None where they cannot be kept. Closed at the end.

    Args:
        several: whether other processes serve the same address.

    Raises:
        InvalidConfiguration: the place that was named is wrong.
    """
    seats = open_seats(settings.cohorts, settings.cache, several)
    if seats is None:
        yield None
        return
    gathering = Gathering(seats, Limits(settings.cohorts.most_open, settings.cohorts.lease_seconds))
    try:
        yield gathering
    finally:
        await gathering.aclose()


async def _watched(judges: Sequence[Judge], cards: Cards, probe: bool) -> None:
    """Asks again now and then whether the judges are still who they were, and shares what was learnt of them."""
    while True:
        for _ in range(_SHARE_EACH):
            await asyncio.sleep(_WATCH_SECONDS)
            if probe:
                for judge in judges:
                    await judge.watch()
        await cards.keep()
        await cards.load(judge.identity.digest for judge in judges)
