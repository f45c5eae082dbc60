"""Reports of the commands themselves, made by the judge that is built in and by the emulated one."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Run = Callable[..., None]
NAMES = ("modest", "plain", "bold", "</script><b>hostile", "a-model-with-quite-a-long-name-2506-awq-int4-longcontext")
WORTH = (4.0, 5.0, 5.5, 6.0, 6.2)


def make(folder: Path) -> dict[str, Path]:
    """One page of each command, by name."""
    environ = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "HOME": str(folder)}

    def run(*argv: str) -> None:
        made = subprocess.run(
            [sys.executable, "-m", "judge_service", *argv],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        # 3: no headline, or not all judged. That is a report, too.
        assert made.returncode in (0, 3), (argv, made.stderr)

    with emulated(folder, environ) as flags:
        _write(folder)
        run("win-rate", "model-3.jsonl", "model-0.jsonl", *flags, "--report", "win-rate.html")
        run("compare", "pairs.jsonl", "-o", "judged.jsonl", *flags)
        run("leaderboard", "judged.jsonl", "--cases", "pairs.jsonl", "--draws", "50", "--report", "leaderboard.html")
        run("audit", "card", "labelled.jsonl", *flags, "--label", "human", "--report", "card.html")
        run("audit", "position", "labelled.jsonl", *flags, "--report", "position.html")
        run("compare", "labelled.jsonl", "-o", "labels.jsonl", *flags)
        run("audit", "calibration", "labels.jsonl", "--label", "human", "--report", "calibration.html")
        run("rank", "lists.jsonl", *flags, "--strategy", "listwise", "--repeats", "4", "-o", "ranked.jsonl")
        run("audit", "rankings", "ranked.jsonl", "--report", "rankings.html")
    return {page.stem: page for page in sorted(folder.glob("*.html"))}


@contextmanager
def emulated(folder: Path, environ: dict[str, str]) -> Iterator[tuple[str, ...]]:
    """An emulated judge that leans to the first-shown, and the flags that name it."""
    command = [sys.executable, "-m", "judge_service", "emulate", "--port", "0", "--bias", "0.6", "--noise", "0.4"]
    with subprocess.Popen(
        command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as emulator:
        try:
            assert emulator.stdout
            told = emulator.stdout.readline()
            url = next(word for word in told.split() if word.startswith("http"))
            yield ("--judge-url", url.rstrip(".,;"), "--model", "emulator", "--quiet")
        finally:
            emulator.terminate()


def _write(folder: Path) -> None:
    drawn = random.Random(5)
    answers = {
        (i, k): f"{i} {k} (worth {drawn.gauss(worth, 1):.3f}){' and so on' * drawn.randrange(9)}"
        for i, worth in enumerate(WORTH)
        for k in range(60)
    }

    def rows(name: str, told: list[dict[str, Any]]) -> None:
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in told))

    for i, name in enumerate(NAMES):
        told = [{"instruction": f"Task {k}", "output": answers[i, k], "generator": name} for k in range(60)]
        rows(f"model-{i}.jsonl", told)
    pairs = [(i, j, k) for i in range(5) for j in range(i) for k in range(20)]
    named = {(m, k): {"id": f"m{m}", "model": NAMES[m], "content": answers[m, k]} for m, k in answers}
    rows("pairs.jsonl", [{"id": f"{i}-{j}-{k}", "prompt": f"Task {k}",
                          "candidates": [named[i, k], named[j, k]]} for i, j, k in pairs])  # fmt: skip
    gaps = [drawn.gauss(0, 1.5) for _ in range(240)]
    rows("labelled.jsonl", [{"id": f"c{k}", "prompt": f"Task {k}", "candidates": [
        f"{k} (worth {5 + gap:.3f}){' and so on' * (k % 5)}", "other (worth 5)"],
        "human": "a" if gap + drawn.gauss(0, 1) > 0 else "b"} for k, gap in enumerate(gaps)])  # fmt: skip
    lists = [[f"{k}{n} (worth {drawn.gauss(5, 0.5):.3f})" for n in range(4)] for k in range(60)]
    rows("lists.jsonl", [{"id": f"r{k}", "prompt": f"Task {k}", "candidates": told} for k, told in enumerate(lists)])
