"""Runs the API: in this process, or in several that listen on one address."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType

import uvicorn

from judge_service.api.access import Network, check_binding, networks_of
from judge_service.api.app import DROP_INS, create_app
from judge_service.api.drop_ins.drop_in import check_endpoints
from judge_service.api.logs import log_as_json
from judge_service.cohorts.gathering import Gathering
from judge_service.errors import InvalidConfiguration
from judge_service.jobs.office import Office
from judge_service.settings import Settings
from judge_service.wiring import check_shared, open_gathering, open_office, open_quotas, open_service


@dataclass(frozen=True, slots=True)
class Serving:
    """Where and how to serve.

    Attributes:
        trusted: networks that may call, in CIDR notation; all may if there are none.
        wait: seconds to wait for judges at the start.
        several: whether other processes serve the same address.
    """

    host: str
    port: int
    trusted: tuple[str, ...] = ()
    wait: float = 10.0
    log_requests: bool = False
    several: bool = False


def listening(serving: Serving, settings: Settings) -> socket.socket:
    """The socket to serve on.

    Raises:
        InvalidConfiguration: the address may not, or cannot, be listened on, or an endpoint cannot be as configured,
            or several workers would each grant the whole of every quota.
    """
    check_endpoints(settings.endpoints, DROP_INS)
    check_binding(serving.host, settings.all_keys(), networks_of(serving.trusted))
    if serving.several:
        check_shared(settings)
    family = socket.AF_INET6 if ":" in serving.host else socket.AF_INET
    try:
        return socket.create_server((serving.host, serving.port), family=family, backlog=2048)
    except OSError as e:
        where = f"{serving.host} port {serving.port}"
        raise InvalidConfiguration(f"cannot listen on {where}: {e.strerror or e}") from None


def announce(serving: Serving, on: socket.socket) -> None:
    """Says on standard error where the service answers."""
    host = f"[{serving.host}]" if ":" in serving.host else serving.host
    print(f"judge-service on http://{host}:{on.getsockname()[1]} (docs at /docs)", file=sys.stderr, flush=True)


async def serve_on(on: socket.socket, settings: Settings, serving: Serving) -> None:
    """Serves until a signal comes; what is in flight is finished first, within the grace period.

    Raises:
        JudgeServiceError: the judges could not be opened.
    """
    networks: Sequence[Network] = networks_of(serving.trusted)
    async with (
        open_gathering(settings, serving.several) as gathering,
        open_quotas(settings) as book,
        open_office(settings, serving.several) as office,
        open_service(settings, serving.wait, front=True) as service,
    ):
        if serving.log_requests:
            log_as_json(requests=True)
        app = create_app(service, settings, networks, serving.several, office, gathering, book)
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=int(settings.server.grace_seconds),
        )
        if not serving.several:
            announce(serving, on)
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            # Uvicorn raises a signal again once it has finished: it must not end us before what is open is closed.
            signal.signal(signal.SIGTERM, _finished)
        await _Server(config, office, gathering).serve(sockets=[on])


def _finished(_sig: int, _frame: FrameType | None) -> None:
    """What had to be finished is."""


class _Server(uvicorn.Server):
    """A server that begins nothing more, and lets nobody wait for others, from the moment it is told to end."""

    def __init__(self, config: uvicorn.Config, office: Office | None, gathering: Gathering | None) -> None:
        super().__init__(config)
        self._parts = [part for part in (office, gathering) if part is not None]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal has come."""
        super().handle_exit(sig, frame)
        for part in self._parts:
            part.end()
