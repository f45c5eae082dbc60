"""Assembles the HTTP API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from judge_service import __version__
from judge_service.api import batches, catalogue, files, judging, problems
from judge_service.api.access import Door, Network
from judge_service.api.accounts import accounts_of
from judge_service.api.batch_lines import LineAnswers, pace_of
from judge_service.api.drop_ins import (
    chat,
    decisions,
    genrm,
    graders,
    per_sample,
    rerank,
    rewards,
    systemone,
)
from judge_service.api.envelope import Envelope
from judge_service.api.metrics import Metrics
from judge_service.api.openapi import described
from judge_service.api.quotas import Metered, Quotas
from judge_service.api.state import State
from judge_service.api.traced import TracedRequests
from judge_service.backends.books import Book
from judge_service.backends.seats import MemorySeats
from judge_service.cohorts.gathering import Gathering, Limits
from judge_service.jobs.office import Office
from judge_service.jobs.work import Worker
from judge_service.service import JudgingService
from judge_service.settings import Settings

DESCRIPTION = """
A language model compares, scores and ranks responses under rubrics and constitutions. Pairs are shown in both orders,
so that the judge's lean to a position is measured and removed; whatever fails is told, and never turned into a score.
"""
DROP_INS: Final = (
    chat.DROP_IN,
    rerank.DROP_IN,
    rewards.DROP_IN,
    genrm.DROP_IN,
    decisions.DROP_IN,
    systemone.DROP_IN,
    *graders.DROP_INS,
    *per_sample.DROP_INS,
)
"""The endpoints in other services' shapes."""


def create_app(
    service: JudgingService,
    settings: Settings,
    networks: Sequence[Network] = (),
    several: bool = False,
    office: Office | None = None,
    gathering: Gathering | None = None,
    book: Book | None = None,
) -> ASGIApp:
    """The application around an open service.

    Args:
        networks: the networks that may call, if only some may.
        several: whether other processes serve the same address, and metrics are of all of them.
        office: where files and batches are kept, and worked on while the application runs.
        gathering: this process's part in cohorts; they are kept in its memory if none is given and it is alone.
        book: where it is kept what API keys have used; this process's memory if None.
    """
    metrics = Metrics(several)
    if gathering is None and not several:
        gathering = Gathering(MemorySeats(), Limits(settings.cohorts.most_open, settings.cohorts.lease_seconds))
    quotas = Quotas(accounts_of(settings), book, metrics, settings.quotas.when_away == "closed")
    app = FastAPI(
        title="judge-service",
        version=__version__,
        description=DESCRIPTION,
        lifespan=_working,
        # The framework's own would tell paths and the texts of exceptions; ours are in traced.py.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.judging = State(service, settings, metrics, int(time.time()), quotas, office, gathering)
    # First, since routes are tried in order; but for wrong methods they are answered before they come here.
    straight = [*judging.ROUTES, *(route for drop_in in DROP_INS for route in drop_in.routes())]
    app.router.routes[:0] = straight
    routes: list[BaseRoute] = [*straight]
    for router, tag in ((files.router, "batches"), (batches.router, "batches"), (catalogue.router, "catalogue")):
        app.include_router(router, tags=[tag])
        routes += router.routes
    problems.install(app, routes)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    # Around the whole application, and not among its middlewares: an answer of 500 has an id as well.
    inner: ASGIApp = judging.Straight(app, straight)
    if quotas.is_used:
        inner = Metered(inner, quotas)
    told = Envelope(Door(inner, settings.all_keys(), networks), metrics)
    return told if service.tracing is None else TracedRequests(told, service.tracing)


@asynccontextmanager
async def _working(app: FastAPI) -> AsyncIterator[None]:
    """Works on batches, and gathers callers, for as long as the server runs."""
    state: State = app.state.judging
    async with AsyncExitStack() as stack:
        if state.gathering is not None:
            stack.push_async_callback(state.gathering.aclose)
        if state.office is not None:
            work = asyncio.create_task(Worker(state.office, LineAnswers(state), pace_of(state)).run())
            stack.push_async_callback(lambda: work)
            stack.callback(state.office.end)
        yield


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        app.openapi_schema = described(schema, DROP_INS)
    return app.openapi_schema
