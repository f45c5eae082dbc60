"""How a request reaches a judge server: straight over one aiohttp pool."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import aiohttp

from judge_service.backends.base import TransientFault

CONNECT_SECONDS: Final = 10.0
KEPT_SECONDS: Final = 4.0
"""vLLM closes a connection that was idle for five seconds: ours are given up before, lest a call meets a closed one."""
_LARGE_BYTES: Final = 2**20


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer, whatever its status.

    Attributes:
        retry_after: seconds it asked to wait, if it did.
    """

    status: int
    body: bytes
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """An answer that has begun, whatever its status.

    Attributes:
        headers: by their names in small letters.
        piece: the next bytes of the body as they come, none at its end; raises TransientFault where it breaks off.
    """

    status: int
    headers: Mapping[str, str]
    piece: Callable[[], Awaitable[bytes]]


class Wire(Protocol):
    """Carries requests to one server over connections that are kept open."""

    address: str

    async def post(self, path: str, body: bytes, affinity: int, headers: Mapping[str, str] | None = None) -> Reply:
        """Sends a JSON body, and headers that only this request has.

        Raises:
            TransientFault: no whole answer came.
        """
        ...

    async def get(self, path: str) -> Reply:
        """Fetches a path.

        Raises:
            TransientFault: no whole answer came.
        """
        ...

    def begun(
        self, path: str, body: bytes, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Begun]:
        """Sends a JSON body; the answer is there as soon as it begins, and is given up where it is left early.

        Raises:
            TransientFault: none came.
        """
        ...

    async def aclose(self) -> None:
        """Closes the connections."""
        ...


class DirectWire:
    """One aiohttp session, made when it is first used and kept for the life of the process."""

    def __init__(self, address: str, key: str | None, connections: int) -> None:
        self.address = address.rstrip("/")
        self._headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections, ttl_dns_cache=300, keepalive_timeout=KEPT_SECONDS
                ),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                headers=self._headers,
                auto_decompress=True,
            )
        return self._session

    async def post(self, path: str, body: bytes, affinity: int, headers: Mapping[str, str] | None = None) -> Reply:
        """Sends a JSON body and reads the whole answer."""
        return await self._exchange("POST", path, body, headers)

    async def get(self, path: str) -> Reply:
        """Fetches a path."""
        return await self._exchange("GET", path, None)

    @asynccontextmanager
    async def begun(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> AsyncIterator[Begun]:
        """Sends a JSON body, and has the answer as it comes."""
        try:
            response = await self._opened().post(self.address + path, data=_sendable(body), headers=headers)
        except (aiohttp.ClientError, OSError) as e:
            raise TransientFault("judge_unavailable", f"{self.address}: {_told(e)}") from None

        async def piece() -> bytes:
            try:
                return await response.content.readany()
            except (aiohttp.ClientError, OSError) as e:
                raise TransientFault("judge_unavailable", f"{self.address}: {_told(e)}") from None

        async with response:
            yield Begun(response.status, {name.lower(): value for name, value in response.headers.items()}, piece)

    async def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        url = self.address + path
        try:
            async with self._opened().request(method, url, data=_sendable(body), headers=headers) as response:
                return Reply(response.status, await response.read(), seconds(response.headers.get("retry-after")))
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as e:
            raise TransientFault("judge_unavailable", f"{self.address}: {_told(e)}") from None

    async def aclose(self) -> None:
        """Closes the session."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _sendable(body: bytes | None) -> bytes | io.BytesIO | None:
    """A large body goes out in pieces, since aiohttp would hold up the event loop with it, and warns of that."""
    return io.BytesIO(body) if body is not None and len(body) >= _LARGE_BYTES else body


def seconds(retry_after: str | None) -> float | None:
    """A Retry-After header in seconds; a date in it is taken as no wish."""
    try:
        return max(0.0, float(retry_after)) if retry_after else None
    except ValueError:
        return None


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__
