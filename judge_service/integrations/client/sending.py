"""Requests are sent and answers received; what they mean, and whether to try again, the files beside know."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

import httpx

from judge_service.integrations.client.asking import NDJSON, Asking
from judge_service.integrations.client.calls import Call
from judge_service.integrations.client.failing import JudgeError, TimedOut, damaged, error_from, unreachable
from judge_service.integrations.client.patience import GRACE, Patience
from judge_service.integrations.client.running import Ended, Event
from judge_service.integrations.client.setup import Setup
from judge_service.integrations.client.wire import Lines

T = TypeVar("T")
Put = Callable[[Event], None]
_JSON: Final = {"content-type": "application/json"}
_LINES: Final = {**_JSON, "accept": NDJSON}


class Sender:
    """Sends under one setup, from any event loop: each has connections of its own."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._opened: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[int, httpx.AsyncClient]] = WeakKeyDictionary()

    async def asked(self, asking: Asking, seconds: float | None, put: Put) -> None:
        """Asks until every case has its judgment; puts each as it comes, and at last that it is the end."""
        try:
            for placed in asking.packed():
                put(placed)
            await self._completed(asking, self._patience(seconds), put)
        except Exception as e:  # noqa: BLE001 - it is raised where the list is being read
            put(Ended(e))
        else:
            put(Ended())

    async def _completed(self, asking: Asking, patience: Patience, put: Put) -> None:
        while asking.open:
            try:
                await self._lines(asking, patience, put)
            except JudgeError as error:
                if error.status == 413 and len(asking.open) > 1:
                    for half in asking.halves():
                        await self._completed(half, patience, put)
                    return
                try:
                    wait = patience.wait_after(error, time.monotonic())
                except JudgeError as last:
                    for placed in asking.failed(last):
                        put(placed)
                    return
                await asyncio.sleep(wait)

    async def _lines(self, asking: Asking, patience: Patience, put: Put) -> None:
        """One attempt: the judgments that came before anything went wrong are put, and not asked for again."""
        lines = Lines()
        body = asking.body(patience.told_seconds(time.monotonic()))
        async with self._answer(patience, "POST", f"/v1/{asking.task}", content=body, headers=_LINES) as response:
            async for chunk in response.aiter_bytes():
                for line in lines.took(chunk):
                    put(asking.took(line))
                    patience.went_well()
            asking.ended()

    async def called(self, call: Call[T]) -> T:
        """What a call's answer holds.

        Raises:
            JudgeError: none came, or it tells one.
        """
        patience = self._patience(call.timeout)
        while True:
            try:
                return await self._once(call, patience)
            except JudgeError as error:
                wait = patience.wait_after(error, time.monotonic())
            await asyncio.sleep(wait)

    async def _once(self, call: Call[T], patience: Patience) -> T:
        params, content = call.shape(patience.told_seconds(time.monotonic()))
        async with self._answer(
            patience, call.method, call.path, params=params, content=content, headers=_JSON
        ) as response:
            body = await response.aread()
        try:
            return call.read(json.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise damaged(f"{body[:80]!r}") from None

    @asynccontextmanager
    async def _answer(self, patience: Patience, method: str, path: str, **told: Any) -> AsyncIterator[httpx.Response]:
        """An answer of status 200, whose body is not read yet.

        Raises:
            JudgeError: there is none, or the body breaks while it is read.
        """
        try:
            async with (
                asyncio.timeout(patience.left(time.monotonic()) + GRACE),
                self._http().stream(method, path, **told) as response,
            ):
                if response.status_code != 200:
                    raise error_from(response.status_code, response.headers, await response.aread())
                yield response
        except TimeoutError:
            raise TimedOut("the deadline passed before the service answered", code="timeout") from None
        except httpx.DecodingError as e:
            raise damaged(str(e)) from None
        except httpx.RequestError as e:
            raise unreachable(e) from e

    def _patience(self, seconds: float | None) -> Patience:
        return Patience(time.monotonic() + (seconds or self._setup.timeout), self._setup.retries)

    def _http(self) -> httpx.AsyncClient:
        """The running loop's own client; a process that was forked off has loops, and so clients, of its own."""
        loop, process = asyncio.get_running_loop(), os.getpid()
        made_by, client = self._opened.get(loop, (0, None))
        if client is None or made_by != process:
            client = self._setup.opened()
            self._opened[loop] = (process, client)
        return client

    async def aclose(self) -> None:
        """Closes the connections of the running loop."""
        made_by, client = self._opened.pop(asyncio.get_running_loop(), (0, None))
        if client is not None and made_by == os.getpid():
            await client.aclose()
