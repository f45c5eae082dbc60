"""serve: the HTTP API."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from judge_service.cli.flags import Config, JudgeUrl, KeyEnv, Model, Offline, WaitJudge, WhichJudge
from judge_service.loops import run
from judge_service.settings import Settings

Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)]
Workers = Annotated[int, typer.Option(help="Server processes.", min=1)]
TrustCidr = Annotated[list[str], typer.Option(help="A network that may call, such as 10.0.0.0/8.")]
InFlight = Annotated[int | None, typer.Option("--concurrency", help="Judge calls in flight per replica.")]
LogRequests = Annotated[bool, typer.Option("--log-requests", help="A JSON line for each request, without texts.")]


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8080,
    workers: Workers = 1,
    trust_cidr: TrustCidr = [],  # noqa: B006
    judge_url: JudgeUrl = [],  # noqa: B006
    model: Model = "",
    judge_key_env: KeyEnv = "",
    offline: Offline = False,
    config: Config = None,
    wait_judge: WaitJudge = 10.0,
    concurrency: InFlight = None,
    log_requests: LogRequests = False,
) -> None:
    """Serve the HTTP API until stopped; what is in flight is finished first."""
    settings = WhichJudge(judge_url, model, judge_key_env, offline, concurrency).settings(config)
    Listener(host, port, workers, tuple(trust_cidr), log_requests).serve(settings, wait_judge)


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the API is to listen, and with how many processes."""

    host: str
    port: int
    workers: int
    trusted: tuple[str, ...]
    log_requests: bool

    def check(self, settings: Settings) -> None:
        """Listens for a moment.

        Raises:
            InvalidConfiguration: the address may not, or cannot, be listened on.
        """
        server = _api("server")
        server.listening(self._serving(0.0), settings).close()

    def serve(self, settings: Settings, wait: float) -> None:
        """Serves until a signal comes.

        Raises:
            InvalidConfiguration: the address may not, or cannot, be listened on.
            JudgeDown: a judge did not answer within so many seconds.
        """
        serving = self._serving(wait)
        if self.workers > 1:
            _api("workers").serve_with(self.workers, settings, serving)
            return
        server = _api("server")
        with server.listening(serving, settings) as on:
            run(server.serve_on(on, settings, serving))

    def _serving(self, wait: float) -> Any:
        several = self.workers > 1
        return _api("server").Serving(self.host, self.port, self.trusted, wait, self.log_requests, several)


def _api(module: str) -> Any:
    # Imported by name and only when needed: the other commands start in half the time without FastAPI.
    return importlib.import_module(f"judge_service.api.{module}")
