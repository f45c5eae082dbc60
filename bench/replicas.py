"""What one slow judge server among many costs a batch.

    python bench/replicas.py [--replicas 64] [--slower 5] [--milliseconds 500] [--concurrency 2] [--cases 16000]

Emulated servers, all in one process, answer each call after a fixed time; in the second run one of them takes so many
times as long. Each run is `judge-service compare` over all of them, both orders, without a cache. The rate is that of
the judgments between the tenth and the ninth tenth of the run, by their own times: the start, and the end in which one
last slow answer is waited for, cost the same however long the file is. The whole run is told beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from throughput import answers, written

EMULATORS = """
import asyncio, sys, uvloop
from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator
async def main():
    first, count, usual, other = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    for i in range(count):
        behaviour = Behaviour().changed({"latency_ms": usual if i else other})
        await Emulator(behaviour, port=first + i).start()
    await asyncio.Event().wait()
uvloop.run(main())
"""


@contextmanager
def emulators(first: int, count: int, usual: float, other: float) -> Iterator[None]:
    """So many emulated servers on successive ports, the first of which takes another time than the usual."""
    told = [str(first), str(count), f"{usual:g}", f"{other:g}"]
    with subprocess.Popen([sys.executable, "-c", EMULATORS, *told]) as process:
        try:
            asyncio.run(answers(f"http://127.0.0.1:{first + count - 1}/v1/models"))
            yield
        finally:
            process.terminate()


def rates(folder: Path, source: Path, given: argparse.Namespace, slower: float) -> tuple[float, float]:
    """Judgments a second in the middle of a run, and over all of it."""
    first, count = given.port, given.replicas
    listed = folder / "servers.txt"
    listed.write_text("".join(f"http://127.0.0.1:{first + i}/v1\n" for i in range(count)))
    out = folder / f"{time.monotonic_ns()}.jsonl"
    asked = [sys.executable, "-m", "judge_service", "compare", str(source), "-o", str(out), "--judge-url", f"@{listed}"]
    flags = ["--model", "emulator", "--method", "direct", "--orders", "both", "--no-cache", "--quiet"]
    flags += ["--concurrency", str(given.concurrency)]
    with emulators(first, count, given.milliseconds, slower * given.milliseconds):
        subprocess.run([*asked, *flags], check=True, env=dict(os.environ))
    made = sorted(datetime.fromisoformat(json.loads(line)["created"]) for line in out.open())
    a, b = len(made) // 10, len(made) * 9 // 10
    return (b - a) / (made[b] - made[a]).total_seconds(), len(made) / (made[-1] - made[0]).total_seconds()


def main() -> None:
    """Prints the table."""
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--replicas", type=int, default=64)
    flags.add_argument("--slower", type=float, default=5)
    flags.add_argument("--milliseconds", type=float, default=500)
    flags.add_argument("--concurrency", type=int, default=2)
    flags.add_argument("--cases", type=int, default=16_000)
    flags.add_argument("--port", type=int, default=18_600)
    given = flags.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = written(Path(folder) / "in.jsonl", given.cases, 1)
        equal, whole = rates(Path(folder), source, given, 1.0)
        slow, whole_slow = rates(Path(folder), source, given, given.slower)
    most = given.replicas * given.concurrency * 1000 / given.milliseconds / 2
    print(
        f"Python {platform.python_version()}, judge-service {version('judge-service')}; {os.cpu_count()} cores,",
        end=" ",
    )
    print(f"{given.replicas} replicas of {given.milliseconds:g} ms, {given.concurrency} calls each, ", end="")
    print(f"{given.cases} pairs: at most {most:.0f} pairs a second\n")
    print("| | pairs a second | whole run |\n|---|---|---|")
    print(f"| all equal | {equal:.1f} | {whole:.1f} |")
    print(f"| one {given.slower:g} times slower | {slow:.1f} | {whole_slow:.1f} |")
    print(f"| cost | {1 - slow / equal:.2%} | {1 - whole_slow / whole:.2%} |")


if __name__ == "__main__":
    main()
