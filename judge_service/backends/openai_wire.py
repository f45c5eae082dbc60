"""How a request reaches a hosted provider: through OpenAI's own client, for what it knows of providers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import httpx2
import openai
import orjson

from judge_service.backends.base import TransientFault
from judge_service.backends.wires import Reply, seconds

_NO_KEY: Final = "none"


class OpenAIWire:
    """One AsyncOpenAI client. Its own retries are off: they would multiply with ours."""

    def __init__(self, address: str, key: str | None, connections: int) -> None:
        self.address = address.rstrip("/")
        self._client = openai.AsyncOpenAI(
            base_url=self.address,
            api_key=key or _NO_KEY,
            max_retries=0,
            timeout=None,
            http_client=openai.DefaultAioHttpClient(
                timeout=None, limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
            ),
        )

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

    async def aclose(self) -> None:
        """Closes the client."""
        await self._client.close()
