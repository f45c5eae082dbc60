"""serve: the HTTP API."""

from __future__ import annotations

import importlib
from typing import Annotated, Any

import typer

from judge_service.cli.flags import Config, JudgeUrl, KeyEnv, Model, Offline, WaitJudge, WhichJudge
from judge_service.loops import run


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = 8080,
    workers: Annotated[int, typer.Option(help="Server processes.", min=1)] = 1,
    trust_cidr: Annotated[list[str], typer.Option(help="A network that may call, such as 10.0.0.0/8.")] = [],  # noqa: B006
    judge_url: JudgeUrl = [],  # noqa: B006
    model: Model = "",
    judge_key_env: KeyEnv = "",
    offline: Offline = False,
    config: Config = None,
    wait_judge: WaitJudge = 10.0,
    concurrency: Annotated[int | None, typer.Option(help="Judge calls in flight per replica.")] = None,
    log_requests: Annotated[
        bool, typer.Option("--log-requests", help="A JSON line for each request, without texts.")
    ] = False,
) -> None:
    """Serve the HTTP API until stopped; what is in flight is finished first."""
    settings = WhichJudge(judge_url, model, judge_key_env, offline, concurrency).settings(config)
    # Imported by name and only here: the other commands start in half the time without FastAPI.
    server: Any = importlib.import_module("judge_service.api.server")
    serving = server.Serving(host, port, tuple(trust_cidr), wait_judge, log_requests, workers > 1)
    if workers > 1:
        importlib.import_module("judge_service.api.workers").serve_with(workers, settings, serving)
        return
    with server.listening(serving, settings) as on:
        run(server.serve_on(on, settings, serving))
