"""The service as its parts are wired, opened in this process around a judge server."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import uvicorn
from judge_server import JudgeServer

from judge_service.api.app import create_app
from judge_service.domain.options import Task, options_from
from judge_service.domain.parsing import case_from
from judge_service.domain.records import record_of
from judge_service.service import JudgingService
from judge_service.settings import Settings
from judge_service.wiring import open_gathering, open_service

PAIR = {"prompt": "Name a prime number.", "candidates": ["7 (worth 3)", "8 (worth 1)"]}
ONE = {"prompt": "Name a prime number.", "response": "7 (worth 4)"}
LIST = {"prompt": "Name a prime number.", "candidates": ["8 (worth 1)", "7 (worth 3)", "turtles (worth 0)"]}
CASE_OF: Mapping[Task, Mapping[str, Any]] = {"compare": PAIR, "score": ONE, "rank": LIST}
RUBRIC = {"criteria": [{"name": "truth", "text": "Is it so?", "question": "How true is it?"}]}


def configured(server: JudgeServer | None, cache: str = "memory://", more: Any = None, **judge: Any) -> Settings:
    """Settings with the judge `default` at that server, or with the offline judge.

    Args:
        more: further sections of the configuration.
    """
    only = (
        {"offline": {"kind": "offline"}} if server is None else {"default": {"url": server.url, "model": "m"} | judge}
    )
    told = {"judges": only, "cache": {"url": cache}, **(more or {})}
    return Settings.model_validate(told)


@asynccontextmanager
async def opened(server: JudgeServer | None, **told: Any) -> AsyncIterator[JudgingService]:
    """The service under `configured` settings."""
    async with open_service(configured(server, **told), wait=5) as service:
        yield service


async def judged(service: JudgingService, case: Mapping[str, Any] = PAIR, task: Task = "compare", **told: Any) -> Any:
    """The judgment on a case as JSON, by a direct call."""
    sitting = service.sitting(task, options_from(told, task))
    return orjson.loads(orjson.dumps(record_of(await sitting.judge(case_from(case, task)))))


@asynccontextmanager
async def api(server: JudgeServer | None, **told: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the HTTP API, without a socket in between."""
    settings = configured(server, **told)
    async with open_service(settings, wait=5) as service:
        transport = httpx.ASGITransport(create_app(service, settings), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            yield client


@asynccontextmanager
async def served(server: JudgeServer | None, **told: Any) -> AsyncIterator[str]:
    """The address of the HTTP API on a socket of its own, in this process."""
    settings = configured(server, **told)
    with socket.create_server(("127.0.0.1", 0)) as on:
        async with open_gathering(settings) as gathering, open_service(settings, wait=5) as service:
            app = create_app(service, settings, gathering=gathering)
            running = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
            serving = asyncio.create_task(running.serve(sockets=[on]))
            yield f"http://127.0.0.1:{on.getsockname()[1]}"
            running.should_exit = True
            await serving


def sqlite(path: Path) -> str:
    """The URL of a cache in that file."""
    return f"sqlite:///{path}"
