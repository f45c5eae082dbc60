"""What the emulator tests share: questions with a planted truth, and ways to ask them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp
import openai

from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator

ASK = "Answer with one letter, A or B:"
COT = "First weigh both. Then end with [[A>>B]], [[A>B]], [[B>A]] or [[B>>A]]."


def question(first: float = 5, second: float = 4, closing: str = ASK) -> str:
    return f"Which is better?\nA: text (worth {first})\nB: text (worth {second})\n{closing}"


def messages(*args: Any, **kwargs: Any) -> list[dict[str, str]]:
    return [{"role": "system", "content": "You judge."}, {"role": "user", "content": question(*args, **kwargs)}]


@contextmanager
def beside(**settings: Any) -> Iterator[Emulator]:
    """An emulator in a thread of its own, beside commands that are called in this one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def done(what: Coroutine[Any, Any, object]) -> None:
        asyncio.run_coroutine_threadsafe(what, loop).result(10)

    emulator = Emulator(Behaviour().changed(settings))
    try:
        done(emulator.start())
        yield emulator
        done(emulator.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[tuple[Emulator, openai.AsyncOpenAI]]:
    async with (
        Emulator(Behaviour().changed(settings)) as emulator,
        openai.AsyncOpenAI(base_url=emulator.url, api_key="none", max_retries=0, timeout=10) as client,
    ):
        yield emulator, client


async def told(client: openai.AsyncOpenAI, text: list[dict[str, str]] | None = None, **fields: Any) -> Any:
    """The one choice of a chat completion."""
    completion = await client.chat.completions.create(model="any", messages=text or messages(), **fields)
    return completion.choices[0]


async def http(emulator: Emulator, method: str, path: str, body: Any = None) -> tuple[int, Any, Any]:
    """Status, JSON body and headers of a plain request."""
    async with aiohttp.ClientSession() as session:
        url = emulator.url.removesuffix("/v1") + path
        async with session.request(method, url, json=body) as response:
            text = await response.text()
            return response.status, json.loads(text) if text.startswith("{") else text, response.headers


async def raw(emulator: Emulator) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(emulator.url.split(":")[2].split("/")[0]))


def posted(body: Any) -> bytes:
    told_ = json.dumps(body).encode()
    return b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(told_), told_)
