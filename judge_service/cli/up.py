"""up: vLLM and the service over it, started and ended as one."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Final

import typer

from judge_service.cli.flags import Config, WhichJudge
from judge_service.cli.serving import Host, InFlight, Listener, LogRequests, Port, TrustCidr, Workers
from judge_service.errors import InvalidConfiguration, JudgeDown
from judge_service.hosting.finding import is_for_cpu, python_with_vllm
from judge_service.hosting.launching import launch
from judge_service.hosting.process import VllmServer
from judge_service.settings import hold_secret, read_settings

KEY: Final = "VLLM_API_KEY"
LOST: Final = 3
_WAIT_JUDGE_SECONDS: Final = 30.0


def up(
    model: Annotated[str, typer.Option("--model", help="The model vLLM serves: a name on the hub, or a folder.")],
    more: Annotated[list[str], typer.Argument(metavar="[-- VLLM FLAGS]", help="More flags for vLLM; they win.")] = [],  # noqa: B006
    host: Host = "127.0.0.1",
    port: Port = 8080,
    workers: Workers = 1,
    trust_cidr: TrustCidr = [],  # noqa: B006
    config: Config = None,
    concurrency: InFlight = None,
    log_requests: LogRequests = False,
    wait: Annotated[float, typer.Option(help="Seconds that vLLM may take to get ready.")] = 900.0,
    engine_python: Annotated[
        str, typer.Option(help="The Python that has vLLM, if not this one; or JUDGE_VLLM_PYTHON.")
    ] = "",
    engine_log: Annotated[Path | None, typer.Option(help="A file for all that vLLM prints.")] = None,
) -> None:
    """Start vLLM with a model, wait for it, and serve the HTTP API over it; both end together.

    vLLM listens on loopback with a key drawn for this start (or the one in VLLM_API_KEY). If it ends by itself, so does
    the service, with exit code 3: starting both again is for whoever started this.
    """
    settings = read_settings(file=config)
    listener = Listener(host, port, workers, tuple(trust_cidr), log_requests)
    # Before minutes go into loading a model for an address that cannot be had.
    listener.check(settings)
    python = python_with_vllm(engine_python or settings.vllm_python)
    launched = launch(python, model, more, is_for_cpu(python))
    key = hold_secret(KEY, launched.key)
    _tell(f"starting {model} with {launched.command[0]}")
    with _log_in(engine_log) as log, VllmServer(launched, key, _tell, _end, log) as vllm:
        signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(LOST if vllm.is_lost else 0))
        try:
            name = vllm.ready(wait)
        except JudgeDown:
            print(vllm.last_lines, file=sys.stderr)
            raise
        judge = WhichJudge((vllm.url,), name, KEY, False, concurrency)
        listener.serve(judge.settings(config), _WAIT_JUDGE_SECONDS)
    if vllm.is_lost:
        raise typer.Exit(LOST)


def _end(last_lines: str) -> None:
    """Goes the way that a signal goes: what is in flight is finished first."""
    print(last_lines, file=sys.stderr)
    _tell("ended by itself, its last lines stand above; the service ends too")
    os.kill(os.getpid(), signal.SIGTERM)


def _tell(line: str) -> None:
    print(f"vLLM: {line}", file=sys.stderr, flush=True)


@contextmanager
def _log_in(file: Path | None) -> Iterator[IO[bytes] | None]:
    if file is None:
        yield None
        return
    try:
        opened = file.open("ab", buffering=0)
    except OSError as e:
        raise InvalidConfiguration(f"--engine-log {file}: {e.strerror or e}") from None
    with opened:
        yield opened
