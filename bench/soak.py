"""Ten minutes of load with faults on: memory flat, nothing leaked, every answer correct.

    python bench/soak.py [--minutes 10] [--rate 150]

A server process on the emulator (5 % 500, 2 % 429, 1 % cut bodies, 1 % resets, log-normal latency) is asked for fresh
comparisons at a fixed rate. Printed every half minute: requests, wrong verdicts, errors, memory and open files of the
server. The exit code is 1 if a verdict was wrong, or memory or files grew after the first fifth.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from throughput import answers

PROGRAM = str(Path(sys.executable).with_name("judge-service"))
FAULTS = ["--f500", "0.05", "--f429", "0.02", "--fcut", "0.01", "--freset", "0.01", "--retry-after", "1"]
REPORT_SECONDS = 30.0


@dataclass
class Tally:
    """What has been seen so far."""

    asked: int = 0
    wrong: int = 0
    errors: int = 0
    memory: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)


def started(*argv: str, **environment: str) -> subprocess.Popen[bytes]:
    """A process of ours, its output thrown away."""
    quiet = subprocess.DEVNULL
    return subprocess.Popen([PROGRAM, *argv], stdout=quiet, stderr=quiet, env={**os.environ, **environment})


async def ask(session: aiohttp.ClientSession, url: str, number: int, tally: Tally) -> None:
    """One fresh pair, whose better candidate is known."""
    drawn = random.Random(number)
    a, b = drawn.sample([2.0, 4.0, 6.0, 8.0], 2)
    filler = " ".join(drawn.choices(["alpha", "beta", "gamma", "delta"], k=120))
    body = {
        "prompt": f"Task {number}: {filler}",
        "candidates": [f"{filler} (worth {a})", f"{filler} (worth {b})"],
        "method": "direct",
    }
    try:
        async with session.post(url, json=body) as answer:
            told = await answer.json()
            if answer.status != 200 or told["status"] != "judged":
                tally.errors += 1
            elif told["verdict"]["winner"] != ("a" if a > b else "b"):
                tally.wrong += 1
    except aiohttp.ClientError:
        tally.errors += 1
    tally.asked += 1


def weigh(process: subprocess.Popen[bytes], tally: Tally) -> None:
    """Notes the server's resident memory in KiB, and its open files."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    tally.memory.append(int(status.partition("VmRSS:")[2].split()[0]))
    tally.files.append(len(list(Path(f"/proc/{process.pid}/fd").iterdir())))


async def soak(server: subprocess.Popen[bytes], url: str, seconds: float, rate: float) -> Tally:
    """Asks at the given rate until the time is over."""
    tally = Tally()
    under_way: set[asyncio.Task[None]] = set()
    begun = time.monotonic()
    report = begun + REPORT_SECONDS
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=512)) as session:
        await answers(url.replace("/v1/compare", "/health"))
        number = 0
        while (now := time.monotonic()) < begun + seconds:
            task = asyncio.create_task(ask(session, url, number, tally))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            number += 1
            if now >= report:
                weigh(server, tally)
                line = f"{now - begun:4.0f} s  {tally.asked:,} asked  {tally.wrong} wrong  {tally.errors} errors"
                print(f"{line}  {tally.memory[-1] / 1024:.0f} MiB  {tally.files[-1]} files", flush=True)
                report += REPORT_SECONDS
            await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
        await asyncio.gather(*under_way)
    return tally


def grew(figures: list[int]) -> bool:
    """Whether the last fifth lies more than a tenth above the second fifth."""
    fifth = max(1, len(figures) // 5)
    early, late = figures[fifth : 2 * fifth] or figures[:1], figures[-fifth:]
    return max(late) > 1.1 * max(early)


def main() -> None:
    """Runs the soak."""
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--minutes", type=float, default=10.0)
    told.add_argument("--rate", type=float, default=150.0, help="requests a second")
    told.add_argument("--port", type=int, default=8980)
    given = told.parse_args()
    judge, serve = str(given.port), str(given.port + 1)
    emulator = started("emulate", "--port", judge, "--latency-ms", "lognormal:30,0.5", *FAULTS)
    with tempfile.TemporaryDirectory() as folder:
        where = ["--judge-url", f"http://127.0.0.1:{judge}/v1", "--model", "emulator"]
        server = started("serve", "--port", serve, *where, JUDGE_CACHE__URL=f"sqlite:///{folder}/cache.db")
        try:
            url = f"http://127.0.0.1:{serve}/v1/compare"
            tally = asyncio.run(soak(server, url, given.minutes * 60, given.rate))
        finally:
            for process in (server, emulator):
                process.terminate()
                process.wait(30)
    print(f"{tally.asked:,} asked, {tally.wrong} wrong, {tally.errors} not judged")
    bad = tally.wrong or (len(tally.memory) > 4 and (grew(tally.memory) or grew(tally.files)))
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
