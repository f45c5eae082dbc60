"""Wall time of a batch against a judge that takes its time, next to the least it could take.

    python bench/latency.py [--cases 4000] [--rounds 3] [--milliseconds 200] [--concurrency 256]

The emulator answers every call after a fixed time. With so many calls in flight, n calls take at least
`ceil(n / concurrency)` times as long as one. Wall is that of `judge-service compare`, both orders, cold, its cache
written, net of its start: of the same program on four cases, less the one answer these wait for.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import platform
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
from throughput import PROGRAM, running, written


@dataclass(frozen=True)
class Round:
    """One run: seconds on the clock and of CPU net of the start, and what the emulator counted."""

    wall: float
    cpu: float
    calls: int
    in_flight: int


def seconds_of(command: list[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Seconds on the clock and of CPU of a whole process."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


async def told(url: str, path: str) -> Any:
    """What the emulator says: its counts, or that it has forgotten them."""
    async with aiohttp.ClientSession() as session:
        method = "GET" if path == "/stats" else "POST"
        async with session.request(method, url.removesuffix("/v1") + path) as answer:
            return await answer.json()


def one_round(folder: Path, given: argparse.Namespace, url: str) -> Round:
    """Four cases, then all of them, each into a cache and an output of their own."""
    which = ["--judge-url", url, "--model", "emulator", "--method", "direct", "--orders", "both", "--quiet"]

    def ours(source: Path) -> tuple[float, float]:
        name = f"{folder}/{time.monotonic_ns()}"
        environment = {**os.environ, "JUDGE_CACHE__URL": f"sqlite:///{name}.db"}
        asked = [PROGRAM, "compare", str(source), "-o", f"{name}.jsonl", "--concurrency", str(given.concurrency)]
        return seconds_of([*asked, *which], environment)

    few, many = written(folder / "few.jsonl", 4, 1), written(folder / "many.jsonl", given.cases, 2)
    start, start_cpu = ours(few)
    asyncio.run(told(url, "/reset"))
    wall, cpu = ours(many)
    counts = asyncio.run(told(url, "/stats"))
    return Round(wall - start + given.milliseconds / 1000, cpu - start_cpu, counts["calls"], counts["in_flight_max"])


def main() -> None:
    """Prints the table."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--cases", type=int, default=4000)
    flags.add_argument("--rounds", type=int, default=3)
    flags.add_argument("--milliseconds", type=float, default=200)
    flags.add_argument("--concurrency", type=int, default=256)
    flags.add_argument("--port", type=int, default=8975)
    given = flags.parse_args()
    url = f"http://127.0.0.1:{given.port}/v1"
    emulate = [PROGRAM, "emulate", "--port", str(given.port), "--latency-ms", f"{given.milliseconds:g}"]
    with tempfile.TemporaryDirectory() as folder, running(emulate, f"{url}/models", dict(os.environ)):
        rounds = [one_round(Path(folder), given, url) for _ in range(given.rounds)]
    middle = sorted(rounds, key=lambda r: r.wall)[len(rounds) // 2]
    ideal = math.ceil(2 * given.cases / given.concurrency) * given.milliseconds / 1000
    print(
        f"Python {platform.python_version()}, judge-service {version('judge-service')}; {os.cpu_count()} cores,",
        end=" ",
    )
    print(f"{2 * given.cases} calls of {given.milliseconds:g} ms, {given.concurrency} at a time, ", end="")
    print(f"median of {given.rounds} rounds\n")
    print(
        "| wall, s | ideal, s | ratio | lowest and highest ratio | CPU, s | most in flight |\n|---|---|---|---|---|---|"
    )
    ratios = sorted(r.wall / ideal for r in rounds)
    print(f"| {middle.wall:.2f} | {ideal:.2f} | {statistics.median(ratios):.2f} ", end="")
    print(f"| {ratios[0]:.2f}–{ratios[-1]:.2f} | {middle.cpu:.2f} | {max(r.in_flight for r in rounds)} |")


if __name__ == "__main__":
    main()
