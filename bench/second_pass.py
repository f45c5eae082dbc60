"""What a second pass over the same cases costs: judge calls and CPU seconds of `judge-service compare`, twice.

    python bench/second_pass.py [--cases 500] [--rounds 3]

The judge is the emulator on a socket, whose CPU is not counted; every round starts with an empty cache. The second pass
is made in two ways: `cached`, its output gone, so that every judgment is made again from the cache; and `resumed`, the
same command over its own output. CPU is user + system seconds of the whole command, gross and net of its start (the
median of five runs over one cached case).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from judge_service.emulator.server import Emulator

STARTS = 5
WORDS = (Path(__file__).parent.parent / "LICENSE").read_text(encoding="utf-8").split()


@dataclass(frozen=True)
class Pass:
    """What one run of the command came to."""

    calls: int
    cpu: float


@dataclass(frozen=True)
class Round:
    """The start, and the passes of one round."""

    start: float
    first: Pass
    cached: Pass
    resumed: Pass

    def gross(self, later: Pass) -> float:
        """How many times cheaper a later pass was, start and all."""
        return self.first.cpu / later.cpu

    def net(self, later: Pass) -> float:
        """How many times cheaper it was, net of the start; less than a hundredth of a second cannot be told apart."""
        return (self.first.cpu - self.start) / max(0.01, later.cpu - self.start)


def cases(count: int) -> Iterator[dict[str, object]]:
    """Pairs of 30 to 160 words whose texts carry their worth, drawn from the words of the licence."""
    drawn = random.Random(500)
    for i in range(count):
        prompt, *texts = (" ".join(drawn.choices(WORDS, k=drawn.randint(30, 160))) for _ in range(3))
        candidates = [f"{text} (worth {drawn.uniform(2, 8):.2f})" for text in texts]
        yield {"id": f"c{i}", "prompt": f"Task {i}: {prompt}", "candidates": candidates}


async def compared(source: Path, emulator: Emulator, cache: Path, keep: bool = False) -> Pass:
    """One run of the command over a file; `keep` is whether it finds the output of the run before."""
    output = source.with_suffix(".out.jsonl")
    if not keep:
        output.unlink(missing_ok=True)
    command = ("compare", str(source), "-o", str(output), "--judge-url", emulator.url, "--model", "emulator", "--quiet")
    environment = {**os.environ, "JUDGE_CACHE__URL": f"sqlite:///{cache}"}
    calls, before = emulator.stats["calls"], resource.getrusage(resource.RUSAGE_CHILDREN)
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "judge_service", *command, env=environment)
    if await process.wait():
        raise SystemExit(f"the command ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Pass(emulator.stats["calls"] - calls, cpu)


async def one_round(folder: Path, count: int, emulator: Emulator, number: int) -> Round:
    """The passes and the start, with a cache of their own."""
    cache = folder / f"cache-{number}.db"
    few, many = folder / "few.jsonl", folder / "many.jsonl"
    for path, listed in ((few, cases(1)), (many, cases(count))):
        path.write_text("".join(json.dumps(case) + "\n" for case in listed), encoding="utf-8")
    first = await compared(many, emulator, cache)
    cached = await compared(many, emulator, cache)
    resumed = await compared(many, emulator, cache, keep=True)
    starts = [(await compared(few, emulator, cache)).cpu for _ in range(STARTS)]
    return Round(statistics.median(starts), first, cached, resumed)


def report(rounds: Sequence[Round], count: int) -> None:
    """Prints every round, and what they come to."""
    print(f"{count} cases, both orders, {os.cpu_count()} cores; CPU in seconds")
    print("round  start          first         cached        resumed")
    for number, told in enumerate(rounds, 1):
        passes = "  ".join(f"{p.cpu:5.2f} {p.calls:4} calls"[:16] for p in (told.first, told.cached, told.resumed))
        print(f"{number:5}  {told.start:5.2f}  {passes}")
    for name in ("cached", "resumed"):
        later = [(told, getattr(told, name)) for told in rounds]
        net, gross = (statistics.median(ratio(told, p) for told, p in later) for ratio in (Round.net, Round.gross))
        calls = max(p.calls for _, p in later)
        print(f"{name}: {calls} judge calls, {net:.1f} x cheaper net of the start, {gross:.1f} x gross")


async def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        async with Emulator() as emulator:
            rounds = [await one_round(Path(folder), told.cases, emulator, i) for i in range(told.rounds)]
    report(rounds, told.cases)


if __name__ == "__main__":
    asyncio.run(main())
