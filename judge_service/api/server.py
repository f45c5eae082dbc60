"""Runs the API in this process."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence

import uvicorn

from judge_service.api.access import check_binding, networks_of
from judge_service.api.app import create_app
from judge_service.errors import InvalidConfiguration
from judge_service.settings import Settings
from judge_service.wiring import open_service


async def serve_app(settings: Settings, host: str, port: int, trusted: Sequence[str], wait: float) -> None:
    """Serves until a signal comes; what is in flight is finished first, within the grace period.

    Raises:
        InvalidConfiguration: the address may not, or cannot, be listened on.
        JudgeServiceError: the judges could not be opened.
    """
    networks = networks_of(trusted)
    check_binding(host, settings.keys(), networks)
    listening = _listening(host, port)
    try:
        async with open_service(settings, wait) as service:
            config = uvicorn.Config(
                create_app(service, settings, networks),
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=int(settings.server.grace_seconds),
            )
            address = f"[{host}]" if ":" in host else host
            print(f"judge-service on http://{address}:{listening.getsockname()[1]} (docs at /docs)", file=sys.stderr)
            await uvicorn.Server(config).serve(sockets=[listening])
    finally:
        listening.close()


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048
        )
    except OSError as e:
        raise InvalidConfiguration(f"cannot listen on {host} port {port}: {e.strerror or e}") from None
