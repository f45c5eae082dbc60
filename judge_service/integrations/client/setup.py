"""How a client is set up: what is carried along when it is pickled, and checked when it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import httpx

from judge_service import __version__
from judge_service.environ import api_key, server_url
from judge_service.errors import InvalidConfiguration

_CONNECT_SECONDS: Final = 10.0
_CONNECTIONS: Final = 100


@dataclass(frozen=True, slots=True)
class Setup:
    """A client's settings.

    Attributes:
        http: makes the httpx client to send with, for proxies, certificates or a transport of one's own; address and
            key are added to it.
    """

    base_url: str
    api_key: str | None
    timeout: float
    retries: int
    concurrency: int
    per_request: int
    http: Callable[[], httpx.AsyncClient] | None

    def opened(self) -> httpx.AsyncClient:
        """A httpx client of one's own for one event loop."""
        most = max(_CONNECTIONS, self.concurrency)
        client = (
            self.http()
            if self.http
            else httpx.AsyncClient(
                limits=httpx.Limits(max_connections=most, max_keepalive_connections=most),
                # Answers take as long as judging does; the deadline is kept around the whole request.
                timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
            )
        )
        client.base_url = httpx.URL(self.base_url)
        client.headers["user-agent"] = f"judge-service-client/{__version__}"
        if self.api_key is not None:
            client.headers["authorization"] = f"Bearer {self.api_key}"
        return client


def checked(
    base_url: str | None,
    key: str | None,
    timeout: float,
    retries: int,
    shape: tuple[int, int],
    http: Callable[[], httpx.AsyncClient] | None,
) -> Setup:
    """The settings as they are told, and as the environment completes them.

    Args:
        shape: requests at a time, and cases to each.

    Raises:
        InvalidConfiguration: the address is none, or a number is out of range.
    """
    address = base_url or server_url()
    told = "base_url" if base_url else "JUDGE_SERVER_URL"
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as e:
        raise InvalidConfiguration(f"{told}: {address!r} is no address: {e}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise InvalidConfiguration(f"{told}: an address begins with http:// or https://; got {address!r}")
    numbers = (("timeout", timeout, 0.001), ("retries", retries, 0), ("concurrency", shape[0], 1))
    for name, value, least in (*numbers, ("per_request", shape[1], 1)):
        if not value >= least:
            raise InvalidConfiguration(f"{name} is {least} or more; got {value!r}")
    return Setup(address.rstrip("/").removesuffix("/v1"), key or api_key(), timeout, retries, *shape, http)
