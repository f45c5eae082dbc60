"""Whoever judges for a command: a service opened in this process, or one that runs elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from judge_service.batch.begun import Begun
from judge_service.cli.flags import WhichJudge
from judge_service.domain.options import Task, options_from
from judge_service.errors import InvalidOption
from judge_service.remote import RemoteSitting
from judge_service.settings import read_settings, secret
from judge_service.sitting import Sitting
from judge_service.traced_sitting import TracedRemoteSitting
from judge_service.tracing import open_tracing
from judge_service.wiring import open_service

if TYPE_CHECKING:
    from judge_service.tracing.spans import Tracing


@asynccontextmanager
async def opened_judging(
    task: Task,
    told: Mapping[str, Any],
    which: WhichJudge,
    config: Path | None,
    wait: float,
    server: str,
    begun: Begun | None = None,
) -> AsyncIterator[Sitting | RemoteSitting]:
    """A sitting, closed at the end.

    Args:
        begun: the cards of the run that is gone on with, which it goes on by.

    Raises:
        InvalidOption, UnknownName: the options are wrong.
        JudgeDown: the judge, or the service, did not answer in time.
    """
    told = told if begun is None else {"card": begun.card, **told}
    options = options_from(told, task)
    if not server:
        # Texts that are neither read from nor kept in a cache depend on nothing a probe could tell.
        probe = options.method != "cot" or options.cache != "bypass"
        async with open_service(which.settings(config), wait, probe) as service:
            service.cards.know(begun.known if begun is not None else ())
            sitting = service.sitting(task, options)
            with _run(task, service.tracing):
                yield sitting
        return
    if which.offline or which.urls:
        raise InvalidOption("--server has its own judges: give no --offline or --judge-url with it", "server")
    if not server.startswith(("http://", "https://")):
        raise InvalidOption(f"--server is an address such as http://127.0.0.1:8080; got {server!r}", "server")
    key = secret(which.key_env)
    connections = which.concurrency or 64
    async with AsyncExitStack() as stack:
        tracing = open_tracing((which.resolved or read_settings(file=config)).traces)
        if tracing is None:
            remote = RemoteSitting(server, task, told, key, connections)
        else:
            stack.push_async_callback(tracing.aclose)
            remote = TracedRemoteSitting(tracing, server, task, told, key, connections)
        stack.push_async_callback(remote.aclose)
        await remote.reached(wait)
        with _run(task, tracing):
            yield remote


def _run(task: Task, tracing: Tracing | None) -> AbstractContextManager[object]:
    """A span around all cases of a command, where traces are configured."""
    return nullcontext() if tracing is None else tracing.span(f"run {task}", {"judge.run.task": task})
