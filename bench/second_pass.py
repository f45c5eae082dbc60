"""The same 500 cases again: what a second pass costs when its answers are in the cache, or its output is there.

    python bench/second_pass.py [--cases 500]

Each pass runs `judge-service compare` in both orders against an emulated judge. The second finds its output gone and
its answers in the cache, the third finds its output finished. CPU is user + system of the whole command, and net of the
command's own start (the same command on one case that needs no call).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import urllib.request
from pathlib import Path

from throughput import cpu_of, running

PROGRAM = str(Path(sys.executable).with_name("judge-service"))


def cases(n: int) -> list[dict[str, object]]:
    """Pairs whose texts carry their worth."""
    drawn = random.Random(1)
    words = ("river", "stone", "bridge", "cloud", "letter", "garden", "engine", "number", "window", "story")

    def text() -> str:
        return " ".join(drawn.choices(words, k=100)) + f" (worth {drawn.uniform(2, 8):.2f})"

    return [{"id": f"c{i}", "prompt": f"Task {i}", "candidates": [text(), text()]} for i in range(n)]


def calls(url: str) -> int:
    """How often the judge has been asked."""
    with urllib.request.urlopen(url.replace("/v1", "/stats")) as answer:
        return int(json.load(answer)["calls"])


def main() -> None:
    """Prints both passes."""
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--cases", type=int, default=500)
    told.add_argument("--port", type=int, default=8960)
    given = told.parse_args()
    url = f"http://127.0.0.1:{given.port}/v1"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {**os.environ, "JUDGE_CACHE__URL": f"sqlite:///{folder}/cache.db"}
        many = folder / "many.jsonl"
        many.write_text("".join(json.dumps(case) + "\n" for case in cases(given.cases)))
        none = folder / "none.jsonl"
        none.write_text('{"prompt": "p", "candidates": ["same", "same"]}\n')

        def judged(source: Path, again: bool = False) -> float:
            if not again:
                (folder / "out.jsonl").unlink(missing_ok=True)
            where = ["--judge-url", url, "--model", "emulator", "--quiet"]
            return cpu_of([PROGRAM, "compare", str(source), "-o", str(folder / "out.jsonl"), *where], environment)

        with running([PROGRAM, "emulate", "--port", str(given.port)], f"{url}/models", environment):
            judged(none)
            start, before = judged(none), calls(url)
            first, between = judged(many), calls(url)
            second, after = judged(many), calls(url)
            third, at_last = judged(many, again=True), calls(url)
    print(f"{given.cases} cases in both orders; start of the command {start:.2f} s CPU")
    passes = (
        ("first pass", between - before, first),
        ("from the cache", after - between, second),
        ("already finished", at_last - after, third),
    )
    for what, asked, spent in passes:
        ratio = (first - start) / max(0.01, spent - start)
        cost = f"{spent:.2f} s CPU  {spent - start:.2f} s net  1/{ratio:.1f} of the first"
        print(f"{what:16}  {asked:5} judge calls  {cost}")


if __name__ == "__main__":
    main()
