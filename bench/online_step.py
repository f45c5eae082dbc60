"""A step of online training: 64 pairs in both orders, judged in one call, next to the judge's own time.

    python bench/online_step.py [--pairs 64] [--steps 20] [--milliseconds 50]

Three processes on loopback: the emulator, which answers each call after a fixed time; the service; and this one, which
asks through the Python client. Every step passes the cache by. The judge's own time is that of a bare client (aiohttp,
all bodies made beforehand, answers read and not parsed) that posts the very bodies that the service sends, all at once,
to the same emulator: what nobody can do without. The two take turns, so that the ratio holds when the machine's speed
drifts; and for comparison the openai client asks the same, as a trainer would that does without a service. Exits 1 if
the service adds more than 10 % (median over the steps).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import statistics
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
import openai
from aiohttp import web
from throughput import PROGRAM, WORDS, cpu_now, running

from judge_service.integrations.client import AsyncJudgeClient

MOST = 0.10
WARM = 3
WHICH = ("--model", "emulator", "--method", "direct", "--orders", "both", "--quiet")


def pairs(count: int, seed: int) -> list[dict[str, Any]]:
    """Prompts with two responses of 60 to 200 words, as a policy might write them."""
    drawn = random.Random(seed)

    def text() -> str:
        return " ".join(drawn.choices(WORDS, k=drawn.randint(60, 200)))

    def response() -> str:
        return f"{text()} (worth {drawn.uniform(2, 8):.2f})"

    return [{"prompt": f"Task {seed}-{i}: {text()}", "candidates": [response(), response()]} for i in range(count)]


async def bodies_of(cases: list[dict[str, Any]], folder: Path) -> list[bytes]:
    """The requests that the service sends to its judge for these cases: taken down by a judge that always says A."""
    taken: list[bytes] = []
    said = {"token": "A", "logprob": -0.1, "bytes": [65], "top_logprobs": [{"token": "A", "logprob": -0.1}]}
    choice = {"index": 0, "message": {"role": "assistant", "content": "A"}, "logprobs": {"content": [said]}}

    async def answer(request: web.Request) -> web.Response:
        taken.append(await request.read())
        return web.json_response({"choices": [{**choice, "finish_reason": "stop"}], "usage": {}})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    app.router.add_get("/v1/models", lambda _: web.json_response({"data": [{"id": "emulator"}]}))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    source = folder / "cases.jsonl"
    source.write_text("".join(json.dumps(case) + "\n" for case in cases))
    command = [PROGRAM, "compare", str(source), "-o", str(folder / "out.jsonl"), "--judge-url", url, *WHICH]
    process = await asyncio.create_subprocess_exec(*command, "--no-cache", env=os.environ)
    if await process.wait():
        raise SystemExit("the bodies could not be taken down")
    await runner.cleanup()
    marks = [case["prompt"].partition(":")[0] + ":" for case in cases]
    return [body for body in taken if any(mark.encode() in body for mark in marks)]


async def bare(session: aiohttp.ClientSession, url: str, bodies: list[bytes]) -> float:
    """Seconds until all bodies that were posted at once are answered."""

    async def one(body: bytes) -> None:
        async with session.post(url, data=body) as answer:
            await answer.read()
            assert answer.status == 200

    started = time.perf_counter()
    await asyncio.gather(*map(one, bodies))
    return time.perf_counter() - started


async def stock(client: openai.AsyncOpenAI, bodies: list[bytes]) -> float:
    """The same with the client that a trainer would ask a judge with by itself, its answers parsed."""
    asked = [json.loads(body) for body in bodies]
    started = time.perf_counter()
    await asyncio.gather(*(client.chat.completions.create(**fields) for fields in asked))
    return time.perf_counter() - started


async def stepped(client: AsyncJudgeClient, cases: list[dict[str, Any]]) -> float:
    """Seconds until all pairs are judged, in both orders."""
    started = time.perf_counter()
    judgments = await client.judge("compare", cases, method="direct", orders="both", cache="bypass")
    seconds = time.perf_counter() - started
    assert all(j.status == "judged" and len(j.votes) == 2 for j in judgments)
    return seconds


async def measured(given: argparse.Namespace, emulator: str, service: str) -> tuple[list[float], ...]:
    """Seconds of each step: through the service, of the judge by itself, and with the stock client."""
    headers = {"content-type": "application/json"}
    ours, own, stocks = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        steps = [pairs(given.pairs, seed) for seed in range(given.steps + WARM)]
        bodies = await bodies_of([case for step in steps for case in step], Path(folder))
    per_step = 2 * given.pairs
    assert len(bodies) == per_step * len(steps), (len(bodies), per_step * len(steps))
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
    async with (
        aiohttp.ClientSession(headers=headers, connector=connector) as session,
        AsyncJudgeClient(service, per_request=given.pairs) as client,
        openai.AsyncOpenAI(base_url=emulator, api_key="none", http_client=openai.DefaultAioHttpClient()) as other,
    ):
        for at, cases in enumerate(steps):
            some = bodies[at * per_step : (at + 1) * per_step]
            own.append(await bare(session, f"{emulator}/chat/completions", some))
            ours.append(await stepped(client, cases))
            stocks.append(await stock(other, some))
    return ours[WARM:], own[WARM:], stocks[WARM:]


def main() -> None:
    """Prints the figures."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--pairs", type=int, default=64)
    flags.add_argument("--steps", type=int, default=20)
    flags.add_argument("--milliseconds", type=float, default=50)
    flags.add_argument("--port", type=int, default=8985)
    given = flags.parse_args()
    emulator, service = f"http://127.0.0.1:{given.port}/v1", f"http://127.0.0.1:{given.port + 1}"
    emulate = [PROGRAM, "emulate", "--port", str(given.port), "--latency-ms", f"{given.milliseconds:g}"]
    serve = [PROGRAM, "serve", "--port", str(given.port + 1), "--judge-url", emulator, "--model", "emulator"]
    environment = {**os.environ, "JUDGE_CACHE__URL": "memory://"}
    with (
        running(emulate, f"{emulator}/models", environment),
        running(serve, f"{service}/health", environment) as server,
    ):
        before = cpu_now(server)
        ours, own, stocks = asyncio.run(measured(given, emulator, service))
        cpu = (cpu_now(server) - before) / (given.steps + WARM)
    beyond = statistics.median((a - b) / b for a, b in zip(ours, own, strict=True))
    print(
        f"Python {platform.python_version()}, judge-service {version('judge-service')}; {os.cpu_count()} cores,",
        end=" ",
    )
    print(f"{given.pairs} pairs in both orders, {given.milliseconds:g} ms a call, median of {given.steps} steps\n")
    print("| | median, ms | fastest, ms |\n|---|---|---|")
    for name, seconds in (("through the service", ours), ("the judge by itself", own), ("stock openai client", stocks)):
        print(f"| {name} | {statistics.median(seconds) * 1e3:.1f} | {min(seconds) * 1e3:.1f} |")
    print(f"\nbeyond the judge's own: {beyond:.1%} of it; CPU of the service: {cpu * 1e3:.1f} ms a step")
    if beyond > MOST:
        raise SystemExit(f"the service adds more than {MOST:.0%}")


if __name__ == "__main__":
    main()
