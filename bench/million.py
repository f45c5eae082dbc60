"""A million rows through `compare`: memory flat, as fast at the end as at the start, and a warm pass afterwards.

    python bench/million.py [--rows 1000000] [--kills 0]

One run on loopback against the emulator at 0 ms, one order a pair, the cache written. First 10,000 rows, then all of
them cold, then all of them warm (the output gone, the cache kept), then once more with the output in place (nothing is
judged). Printed: rows per CPU-second net of the program's start, peak memory, and the memory at each tenth. With
--kills K the cold pass is killed (SIGKILL) at K random moments and the same command run again each time, and what that
cost in repeated calls is told. The exit code is 1 if a row is missing or stands twice, if memory passes 400 MB or grows
by more than a quarter and 24 MB after the first tenth. The rate is to stay within a tenth; that is told, and
decides nothing: other work on the machine would.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from throughput import PROGRAM, running

FEW = 10_000
MEGABYTE = 2**20
CONCURRENCY = 16
ROOM = 24
"""MB: what a short run may still grow by after its first tenth, which takes it a second or two."""
INFINITY = float("inf")


@dataclass
class Pass:
    """What one pass over the rows took.

    Attributes:
        memory: resident bytes, by share of the output that was written then.
        peak: the most it ever held.
    """

    cpu: float = 0.0
    seconds: float = 0.0
    peak: int = 0
    code: int = 0
    memory: list[tuple[float, int]] = field(default_factory=list)

    def at(self, share: float) -> int:
        """The memory when about that share was written, in MB."""
        return max((m for s, m in self.memory if s <= share), default=0) // MEGABYTE


def written(path: Path, n: int) -> Path:
    """Pairs of a few words whose texts carry their worth."""
    drawn = random.Random(7)
    with path.open("w") as file:
        for i in range(n):
            a, b = drawn.sample([2.0, 3.5, 5.0, 6.5, 8.0], 2)
            pair = [f"An answer to question {i} (worth {a})", f"Something else about {i} (worth {b})"]
            file.write(json.dumps({"id": f"row-{i}", "prompt": f"Question {i}?", "candidates": pair}) + "\n")
    return path


def size_of(path: Path) -> int:
    """The bytes of a file that may not be there yet."""
    return path.stat().st_size if path.exists() else 0


def passed(command: list[str], environment: dict[str, str], out: Path, whole: int, kill_at: float = INFINITY) -> Pass:
    """One run of the program, looked at five times a second, and killed when that share of the output is written."""
    seen = Pass()
    started = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    begun = size_of(out)
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        told = dict(line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
        share = (size_of(out) - begun) / max(1, whole)
        if "VmRSS" in told:
            seen.memory.append((share, 1024 * int(told["VmRSS"].split()[0])))
            seen.peak = max(seen.peak, 1024 * int(told["VmHWM"].split()[0]))
        if share >= kill_at:
            process.send_signal(signal.SIGKILL)
        time.sleep(0.2)
    process.returncode = seen.code = os.waitstatus_to_exitcode(status)
    seen.cpu, seen.seconds = usage.ru_utime + usage.ru_stime, time.monotonic() - started
    return seen


def ids_in(out: Path) -> tuple[int, int]:
    """How many rows there are, and how many cases."""
    with out.open("rb") as lines:
        ids = [line.split(b'"case_id":"', 1)[1].split(b'"', 1)[0] for line in lines]
    return len(ids), len(set(ids))


def calls_of(url: str) -> int:
    """How many calls the emulator has had."""
    with urllib.request.urlopen(url.removesuffix("/v1") + "/stats") as told:
        return int(json.load(told)["calls"])


def main() -> None:
    """Prints the table."""
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--rows", type=int, default=1_000_000)
    told.add_argument("--kills", type=int, default=0)
    told.add_argument("--port", type=int, default=8975)
    given = told.parse_args()
    url = f"http://127.0.0.1:{given.port}/v1"
    emulate = [PROGRAM, "emulate", "--port", str(given.port)]
    with tempfile.TemporaryDirectory() as named, running(emulate, f"{url}/models", dict(os.environ)):
        sys.exit(measured(Path(named), given.rows, given.kills, url))


def measured(folder: Path, n: int, kills: int, url: str) -> int:
    """All passes; the exit code."""
    few, many = written(folder / "few.jsonl", FEW), written(folder / "many.jsonl", n)
    out = folder / "out.jsonl"
    which = ["--judge-url", url, "--model", "emulator", "--method", "direct", "--orders", "one", "--quiet"]
    which += ["--include", "case", "--concurrency", str(CONCURRENCY)] if kills else []

    def judged(source: Path, cache: str, kill_at: float = INFINITY, whole: int = 1) -> Pass:
        environment = {**os.environ, "JUDGE_CACHE__URL": f"sqlite:///{folder}/{cache}.db"}
        return passed([PROGRAM, "compare", str(source), "-o", str(out), *which], environment, out, whole, kill_at)

    one = written(folder / "one.jsonl", 1)
    judged(one, "start")
    out.unlink()
    start = judged(one, "start").cpu
    out.unlink()
    short = judged(few, "few")
    whole = size_of(out) * n // FEW
    out.unlink()
    if kills:
        return survived(folder, n, kills, url, judged, whole)
    cold = judged(many, "many", whole=whole)
    rows, cases = ids_in(out)
    out.unlink()
    warm = judged(many, "many", whole=whole)
    again = judged(many, "many", whole=whole)
    print(f"{n:,} rows, one order, emulator at 0 ms; CPU net of {start:.2f} s of start\n")
    print("| | rows per CPU-second | seconds | peak memory | at 10 %, 50 %, 100 % |\n|---|---|---|---|---|")
    for name, count, each in (
        (f"{FEW:,} rows", FEW, short), ("cold", n, cold), ("warm", n, warm), ("finished before", n, again)
    ):  # fmt: skip
        rate = count / max(0.01, each.cpu - start)
        places = ", ".join(f"{each.at(share)}" for share in (0.1, 0.5, 1.1))
        print(f"| {name} | {rate:,.0f} | {each.seconds:,.0f} | {each.peak // MEGABYTE} MB | {places} |")
    slower = (n / (cold.cpu - start)) / (FEW / (short.cpu - start))
    met = "met" if slower >= 0.9 else "NOT met"
    print(f"\ncold against {FEW:,} rows: {slower:.2f} of the rate ({met}); {rows:,} rows of {cases:,} cases")
    flat = cold.at(1.1) <= 1.25 * cold.at(0.1) + ROOM and max(cold.peak, warm.peak, again.peak) < 400 * MEGABYTE
    return int(not flat or not rows == cases == n)


def survived(folder: Path, n: int, kills: int, url: str, judged: object, whole: int) -> int:
    """The cold pass, killed now and then; the exit code."""
    out, before = folder / "out.jsonl", calls_of(url)
    moments = sorted(random.Random(3).uniform(0.02, 0.98) for _ in range(kills))
    done = 0.0
    for moment in moments:
        judged(folder / "many.jsonl", "many", moment - done, whole)  # type: ignore[operator]
        done = size_of(out) / whole
        with out.open("ab") as file:
            file.write(b'{"case_id":"torn')
    end = judged(folder / "many.jsonl", "many")  # type: ignore[operator]
    rows, cases = ids_in(out)
    calls = calls_of(url) - before
    print(f"{n:,} rows, killed {kills} times at {CONCURRENCY} calls in flight: {rows:,} rows of {cases:,} cases")
    print(f"{calls:,} calls: {calls - n:,} repeated, {(calls - n) / n:.2%}; exit code {end.code}")
    return int(not rows == cases == n or calls - n > 0.01 * n)


if __name__ == "__main__":
    main()
