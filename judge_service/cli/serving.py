"""serve: the HTTP API."""

from __future__ import annotations

from typing import Annotated

import typer

from judge_service.cli.flags import Config, JudgeUrl, KeyEnv, Model, Offline, WaitJudge, WhichJudge
from judge_service.errors import InvalidOption
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
) -> None:
    """Serve the HTTP API until stopped; what is in flight is finished first."""
    if workers > 1:
        raise InvalidOption("several workers are not served yet: start one process per port", "workers")
    which = WhichJudge(judge_url, model, judge_key_env, offline, concurrency)
    settings = which.settings(config)
    # FastAPI is imported for this command alone: the others start in half the time without it.
    from judge_service.api.server import serve_app  # noqa: PLC0415

    run(serve_app(settings, host, port, trust_cidr, wait_judge))
