"""Three times as much as the judge can take: the admitted are answered as if there were no crowd, the rest at once.

    python bench/overload.py [--seconds 30] [--latency-ms 640] [--calls 256] [--max-wait 0.1]

An emulator answers `--calls` calls at once, each in `--latency-ms`, and holds further ones back. A server process asks
it, with `server.max_wait_seconds` as its only setting (and `--concurrency`, what the judge takes, where that is not the
256 that is taken for granted). Pairs in both orders, fresh ones, are posted at fixed times whether earlier ones are
answered or not: first at half of what the judge takes, then at three times that. Printed: latencies of both, how fast
refusals come, and the server's memory. The exit code is 1 if the 95th percentile of the admitted is more than 1.5 times
the unloaded one, a refusal lacks its Retry-After or takes long, a request is lost, or memory grows
by more than a tenth.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import orjson
from soak import started
from throughput import answers

CONCURRENCY = 256
SLOWER = 1.5
GROWTH = 1.1
AT_ONCE = 0.5
"""A refusal takes at most this share of an unloaded answer's time, at the 95th percentile."""


@dataclass
class Phase:
    """What became of the requests of one phase.

    Attributes:
        took: seconds of the admitted, and of the refused.
        memory: the server's resident memory in MiB, each second.
    """

    asked: int = 0
    took: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)
    late: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    @property
    def adds_up(self) -> bool:
        """Whether every request has had exactly one answer, and one of the two that it may have."""
        return self.asked == len(self.took) + len(self.refused) and not self.wrong


def body(number: int) -> bytes:
    """A pair that nobody has asked about before."""
    drawn = random.Random(number)
    a, b = drawn.sample([2.0, 4.0, 6.0, 8.0], 2)
    filler = " ".join(drawn.choices(["alpha", "beta", "gamma", "delta"], k=60))
    candidates = [f"{filler} (worth {a})", f"{filler} (worth {b})"]
    return orjson.dumps({"prompt": f"Task {number}: {filler}", "candidates": candidates, "method": "direct"})


async def ask(session: aiohttp.ClientSession, url: str, content: bytes, phase: Phase) -> None:
    """Posts one pair, and notes how it was answered."""
    began = time.perf_counter()
    try:
        async with session.post(url, data=content) as answer:
            told = orjson.loads(await answer.read())
    except (aiohttp.ClientError, TimeoutError) as e:
        phase.wrong[type(e).__name__] += 1
        return
    took = time.perf_counter() - began
    if answer.status == 200 and told["status"] == "judged":
        phase.took.append(took)
    elif answer.status == 429 and int(answer.headers["retry-after"]) >= 1 and "x-queue-depth" in answer.headers:
        phase.refused.append(took)
    else:
        phase.wrong[f"{answer.status} {told.get('status', '')}"] += 1


def memory_of(pid: int) -> float:
    """Resident memory in MiB."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024


@dataclass(frozen=True)
class Load:
    """Bodies, and how many of them are posted in a second."""

    bodies: list[bytes]
    rate: float


async def drive(url: str, pid: int, loads: list[Load]) -> list[Phase]:
    """Posts at fixed times, one load right after the other, and waits for all answers."""
    phases = []
    under_way: set[asyncio.Task[None]] = set()
    headers = {"content-type": "application/json"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as session:
        await answers(url.replace("/v1/compare", "/health"))
        due = time.perf_counter()
        for load in loads:
            phases.append(phase := Phase())
            for content in load.bodies:
                if (early := due - time.perf_counter()) > 0:
                    await asyncio.sleep(early)
                phase.late.append(time.perf_counter() - due)
                task = asyncio.create_task(ask(session, url, content, phase))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                if phase.asked % max(1, round(load.rate)) == 0:
                    phase.memory.append(memory_of(pid))
                phase.asked += 1
                due += 1 / load.rate
        await asyncio.gather(*under_way)
    return phases


def quantile(figures: list[float], share: float) -> float:
    """Milliseconds."""
    if not figures:
        return float("nan")
    ordered = sorted(figures)
    return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def grown(memory: list[float]) -> float:
    """How much larger memory is in the last fifth than in the second: the first fills pools and buffers."""
    fifth = max(1, len(memory) // 5)
    return statistics.median(memory[-fifth:]) / statistics.median(memory[fifth : 2 * fifth])


def table(phases: dict[str, tuple[Phase, float]]) -> str:
    """What is printed."""
    lines = [
        "| | asked | judged | judged/s | p50 ms | p95 ms | p99 ms | 429 | p50 ms | p95 ms | MiB at first | end |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, (phase, seconds) in phases.items():
        took = " | ".join(f"{quantile(phase.took, share):.0f}" for share in (0.5, 0.95, 0.99))
        refused = " | ".join(f"{quantile(phase.refused, share):.1f}" for share in (0.5, 0.95))
        counts = f"{phase.asked:,} | {len(phase.took):,} | {len(phase.took) / seconds:.0f}"
        memory = f"{phase.memory[0]:.0f} | {phase.memory[-1]:.0f}"
        lines.append(f"| {name} | {counts} | {took} | {len(phase.refused):,} | {refused} | {memory} |")
    return "\n".join(lines)


def faults(calm: Phase, crowd: Phase) -> list[str]:
    """Where it falls short."""
    unloaded, loaded = quantile(calm.took, 0.95), quantile(crowd.took, 0.95)
    found = [
        (not calm.adds_up or bool(calm.refused), f"unloaded, {len(calm.refused)} refused, {dict(calm.wrong)}"),
        (not crowd.adds_up, f"under load {crowd.asked} asked, {dict(crowd.wrong)} answered otherwise"),
        (not loaded <= SLOWER * unloaded, f"p95 {loaded:.0f} ms is more than {SLOWER} x {unloaded:.0f} ms"),
        (not quantile(crowd.refused, 0.95) <= AT_ONCE * unloaded, "refusals do not come at once"),
        (grown(crowd.memory) > GROWTH, f"memory grew {grown(crowd.memory):.2f}-fold"),
    ]
    return [what for is_so, what in found if is_so]


def main() -> None:
    """Prints the table."""
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--seconds", type=float, default=30.0)
    told.add_argument("--latency-ms", type=float, default=640.0)
    told.add_argument("--calls", type=int, default=CONCURRENCY, help="calls that the judge answers at once")
    told.add_argument("--max-wait", type=float, default=0.1, help="server.max_wait_seconds")
    told.add_argument("--over", type=float, default=3.0, help="load, in capacities")
    told.add_argument("--port", type=int, default=8990)
    given = told.parse_args()
    capacity = given.calls / 2 / (given.latency_ms / 1000)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    judge, serve = str(given.port), str(given.port + 1)
    emulator = started(
        "emulate", "--port", judge, "--latency-ms", str(given.latency_ms), "--capacity", str(given.calls)
    )
    with tempfile.TemporaryDirectory() as folder:
        where = ["--judge-url", f"http://127.0.0.1:{judge}/v1", "--model", "emulator"]
        where += [] if given.calls == CONCURRENCY else ["--concurrency", str(given.calls)]
        environment = {
            "JUDGE_SERVER__MAX_WAIT_SECONDS": str(given.max_wait),
            "JUDGE_CACHE__URL": f"sqlite:///{folder}/cache.db",
        }
        server = started("serve", "--port", serve, *where, **environment)
        try:
            url = f"http://127.0.0.1:{serve}/v1/compare"
            told_loads = ((0.5, 3.0), (0.5, given.seconds / 2), (given.over, given.seconds))
            loads, number = [], iter(range(10**9))
            for share, seconds in told_loads:
                rate = share * capacity
                loads.append(Load([body(next(number)) for _ in range(round(rate * seconds))], rate))
            _, calm, crowd = asyncio.run(drive(url, server.pid, loads))
        finally:
            for process in (server, emulator):
                process.terminate()
                process.wait(30)
    takes = f"{given.calls} calls at once, {given.latency_ms:g} ms: {capacity:.0f} pairs/s"
    print(f"{os.cpu_count()} CPUs; the judge takes {takes}")
    print(f"server.max_wait_seconds = {given.max_wait:g}\n")
    print(table({"0.5 x": (calm, given.seconds / 2), f"{given.over:g} x": (crowd, given.seconds)}))
    late = quantile(crowd.late, 0.95)
    print(f"\nasked {late:.1f} ms after its time at the 95th percentile; answers add up: {crowd.adds_up}")
    short = faults(calm, crowd)
    print("holds" if not short else "falls short: " + "; ".join(short))
    raise SystemExit(1 if short else 0)


if __name__ == "__main__":
    main()
