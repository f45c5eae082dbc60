"""How a request reaches a hosted provider: through OpenAI's own client, for what it knows of providers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Final

import httpx2
import openai
import orjson

from judge_service.backends.base import TransientFault
from judge_service.backends.wires import Begun, Reply, seconds

_NO_KEY: Final = "none"


class OpenAIWire:
    """One AsyncOpenAI client. Its own retries are off: they would multiply with ours."""

    def __init__(self, address: str, key: str | None, connections: int) -> None:
        self.address = address.rstrip("/")
        self._http: httpx2.AsyncClient = openai.DefaultAioHttpClient(
            timeout=None, limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
        )
        self._client = openai.AsyncOpenAI(
            base_url=self.address, api_key=key or _NO_KEY, max_retries=0, timeout=None, http_client=self._http
        )
        self._headers = {"content-type": "application/json", "authorization": f"Bearer {key or _NO_KEY}"}

    async def post(self, path: str, body: bytes, affinity: int, headers: Mapping[str, str] | None = None) -> Reply:
        """Sends a JSON body; an error status is a reply too."""
        try:
            response = await self._client.post(
                path, cast_to=httpx2.Response, body=orjson.loads(body), options={"headers": headers or {}}
            )
        except openai.APIStatusError as e:
            response = e.response
        except openai.APIConnectionError as e:
            raise TransientFault("judge_unavailable", f"{self.address}: {e.__cause__ or e}") from None
        return Reply(response.status_code, response.content, seconds(response.headers.get("retry-after")))

    async def get(self, path: str) -> Reply:
        """Fetches a path."""
        try:
            response = await self._client.get(path, cast_to=httpx2.Response)
        except openai.APIStatusError as e:
            response = e.response
        except openai.APIConnectionError as e:
            raise TransientFault("judge_unavailable", f"{self.address}: {e.__cause__ or e}") from None
        return Reply(response.status_code, response.content, seconds(response.headers.get("retry-after")))

    @asynccontextmanager
    async def begun(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> AsyncIterator[Begun]:
        """Sends a JSON body, and has the answer as it comes, over the same connections."""
        told = {**self._headers, **(headers or {})}
        request = self._http.build_request("POST", self.address + path, content=body, headers=told)
        try:
            response = await self._http.send(request, stream=True)
        except httpx2.HTTPError as e:
            raise TransientFault("judge_unavailable", f"{self.address}: {str(e) or type(e).__name__}") from None
        pieces = response.aiter_bytes()

        async def piece() -> bytes:
            try:
                return await anext(pieces, b"")
            except httpx2.HTTPError as e:
                raise TransientFault("judge_unavailable", f"{self.address}: {str(e) or type(e).__name__}") from None

        async with aclosing(response), aclosing(pieces):
            yield Begun(response.status_code, {name.lower(): value for name, value in response.headers.items()}, piece)

    async def aclose(self) -> None:
        """Closes the client."""
        await self._client.close()
