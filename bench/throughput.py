"""Judge calls per CPU-second: ours, cold and warm, against the openai client; and cached compares over HTTP.

    python bench/throughput.py [--cases 4000] [--rounds 3]

One run on loopback against the emulator at 0 ms, in turn, so that ratios hold when the machine's speed drifts:
(a) AsyncOpenAI with its aiohttp transport and a semaphore of 256, the same number of calls;
(b) `judge-service compare`, both orders, cold, cache written; (c) the same again, its output gone and its cache kept;
(d) cached compares over HTTP, and (e) an empty FastAPI endpoint with the same bodies.
CPU is user + system of the measured process, net of the same program on four cases.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import aiohttp

PROGRAM = str(Path(sys.executable).with_name("judge-service"))
WORDS = (Path(__file__).parent.parent / "LICENSE").read_text().split()
BASELINE = """
import asyncio, json, sys
from openai import AsyncOpenAI, DefaultAioHttpClient
async def main():
    places = asyncio.Semaphore(256)
    cases = [json.loads(line) for line in open(sys.argv[2])]
    async with AsyncOpenAI(base_url=sys.argv[1], api_key="x", http_client=DefaultAioHttpClient()) as client:
        async def one(case, a, b):
            text = f"{case['prompt']}\\nA: {a}\\nB: {b}\\nAnswer with A or B."
            async with places:
                reply = await client.chat.completions.create(
                    model="emulator", messages=[{"role": "user", "content": text}],
                    max_tokens=1, logprobs=True, top_logprobs=5)
                reply.choices[0].logprobs.content[0].top_logprobs
        orders = ((c, *o) for c in cases for o in (c["candidates"], c["candidates"][::-1]))
        await asyncio.gather(*(one(*order) for order in orders))
asyncio.run(main())
"""
EMPTY = """
import sys, uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
class Body(BaseModel):
    prompt: str
    candidates: list[str]
app = FastAPI()
@app.post("/v1/compare")
async def compare(body: Body) -> dict[str, str]:
    return {"object": "judgment"}
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False)
"""


def cases(n: int, seed: int) -> Iterator[dict[str, object]]:
    """Pairs of 30 to 160 words whose texts carry their worth."""
    drawn = random.Random(seed)
    for i in range(n):
        texts = [" ".join(drawn.choices(WORDS, k=drawn.randint(30, 160))) for _ in range(3)]
        a, b = (f"{text} (worth {drawn.uniform(2, 8):.2f})" for text in texts[1:])
        yield {"id": f"c{seed}-{i}", "prompt": f"Task {i}: {texts[0]}", "candidates": [a, b]}


def written(path: Path, n: int, seed: int) -> Path:
    """A file of cases."""
    path.write_text("".join(json.dumps(case) + "\n" for case in cases(n, seed)))
    return path


def cpu_of(command: list[str], environment: dict[str, str]) -> float:
    """User and system seconds of a whole process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@contextmanager
def running(command: list[str], url: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A server, from its first answer to its end."""
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment)
    try:
        asyncio.run(answers(url))
        yield process
    finally:
        process.terminate()
        process.wait(30)


async def answers(url: str) -> None:
    """Waits until a server answers."""
    async with aiohttp.ClientSession() as session:
        for _ in range(300):
            try:
                async with session.get(url):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
    raise SystemExit(f"{url} does not answer")


def cpu_now(process: subprocess.Popen[bytes]) -> float:
    """User and system seconds a running process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def posted(url: str, bodies: list[bytes], callers: int) -> None:
    """Every body posted once, by so many callers at a time."""
    waiting = iter(bodies)
    async with aiohttp.ClientSession(headers={"content-type": "application/json"}) as session:

        async def caller() -> None:
            for body in waiting:
                async with session.post(url, data=body) as answer:
                    await answer.read()
                    if answer.status != 200:
                        raise SystemExit(f"{url} answered {answer.status}")

        await asyncio.gather(*(caller() for _ in range(callers)))


def http_rate(process: subprocess.Popen[bytes], url: str, bodies: list[bytes]) -> float:
    """Requests per CPU-second of the server, after one pass to warm it up."""
    asyncio.run(posted(url, bodies, 32))
    before = cpu_now(process)
    asyncio.run(posted(url, bodies, 32))
    return len(bodies) / (cpu_now(process) - before)


def one_round(folder: Path, n: int, url: str, ports: tuple[int, int]) -> dict[str, float]:
    """The five rates of one round, each net of its own start."""
    environment = {**os.environ, "JUDGE_CACHE__URL": f"sqlite:///{folder}/cache-{time.monotonic_ns()}.db"}
    few, many = written(folder / "few.jsonl", 4, 1), written(folder / "many.jsonl", n, 2)
    which = ["--judge-url", url, "--model", "emulator", "--method", "direct", "--orders", "both", "--quiet"]

    def ours(source: Path) -> float:
        (folder / "out.jsonl").unlink(missing_ok=True)
        return cpu_of([PROGRAM, "compare", str(source), "-o", str(folder / "out.jsonl"), *which], environment)

    def openai(source: Path) -> float:
        return cpu_of([sys.executable, "-c", BASELINE, url, str(source)], environment)

    baseline = openai(many) - openai(few)
    ours(few)
    start, cold, warm = ours(few), ours(many), ours(many)
    bodies = [json.dumps({k: c[k] for k in ("prompt", "candidates")}).encode() for c in cases(min(n, 2000), 2)]
    serve = [PROGRAM, "serve", "--port", str(ports[0]), "--judge-url", url, "--model", "emulator"]
    with running(serve, f"http://127.0.0.1:{ports[0]}/health", environment) as server:
        cached = http_rate(server, f"http://127.0.0.1:{ports[0]}/v1/compare", bodies)
    empty_url = f"http://127.0.0.1:{ports[1]}"
    with running([sys.executable, "-c", EMPTY, str(ports[1])], f"{empty_url}/docs", environment) as server:
        empty = http_rate(server, f"{empty_url}/v1/compare", bodies)
    calls = 2 * n
    return {
        "a": calls / baseline,
        "b": calls / max(0.01, cold - start),
        "c": calls / max(0.01, warm - start),
        "d": cached,
        "e": empty,
    }


def main() -> None:
    """Prints the table."""
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--cases", type=int, default=4000)
    told.add_argument("--rounds", type=int, default=3)
    told.add_argument("--port", type=int, default=8970)
    given = told.parse_args()
    url = f"http://127.0.0.1:{given.port}/v1"
    emulate = [PROGRAM, "emulate", "--port", str(given.port)]
    with tempfile.TemporaryDirectory() as folder, running(emulate, f"{url}/models", dict(os.environ)):
        ports = (given.port + 1, given.port + 2)
        rounds = [one_round(Path(folder), given.cases, url, ports) for _ in range(given.rounds)]
    middle = {name: statistics.median(r[name] for r in rounds) for name in "abcde"}
    packages = ", ".join(f"{name} {version(name)}" for name in ("judge-service", "openai", "aiohttp", "fastapi"))
    print(f"Python {platform.python_version()}, {packages}; {given.cases} cases, median of {given.rounds} rounds\n")
    print("| | per CPU-second | against |\n|---|---|---|")
    print(f"| (a) AsyncOpenAI over aiohttp, calls | {middle['a']:,.0f} | |")
    for name, what in (("b", "judge-service compare, cold, calls"), ("c", "the same again, warm, calls")):
        ratio = statistics.median(r[name] / r["a"] for r in rounds)
        print(f"| ({name}) {what} | {middle[name]:,.0f} | {ratio:.1f} x a |")
    ratio = statistics.median(r["d"] / r["e"] for r in rounds)
    print(f"| (d) cached compares over HTTP, requests | {middle['d']:,.0f} | {ratio:.2f} x e |")
    print(f"| (e) an empty FastAPI endpoint, requests | {middle['e']:,.0f} | |")


if __name__ == "__main__":
    main()
