"""The emulator as a process of its own, and this product's command line with it as the judge."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def process():
    """`emulate` as a process of its own with a bias of 1.5, and its base URL."""
    argv = [sys.executable, "-m", "judge_service", "emulate", "--port", "0", "--bias", "1.5"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as running:
        yield running, running.stdout.readline().removeprefix("emulator: ").strip()
        running.kill()


def test_a_signal_ends_the_command(process):
    running, url = process
    assert url.startswith("http://127.0.0.1:")
    running.send_signal(signal.SIGTERM)
    assert running.wait(5) == 0


def judged(command: str, rows: list[dict[str, Any]], url: str, *flags: str) -> list[dict[str, Any]]:
    """What this product's command line makes of the rows, with the emulator as judge."""
    Path("in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    argv = [sys.executable, "-m", "judge_service", command, "in.jsonl", "-o", "out.jsonl", "--judge-url", url]
    argv += ["--model", "emulator", "--no-cache", "--quiet", "--overwrite", *flags]
    subprocess.run(argv, check=True, env=dict(os.environ), timeout=60)
    return [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]


def pairs(gap: float) -> list[dict[str, Any]]:
    """Forty pairs, the first better in every other one by this gap."""
    worths = [(5.0 + gap, 5.0) if place % 2 else (5.0, 5.0 + gap) for place in range(40)]
    return [
        {"id": str(place), "prompt": f"Task {place}", "candidates": [f"{place} (worth {a})", f"other (worth {b})"]}
        for place, (a, b) in enumerate(worths)
    ]


def test_the_product_finds_the_planted_truth_and_the_planted_bias(process):
    for row in judged("compare", pairs(0.5), process[1], "--method", "direct"):
        assert row["verdict"]["winner"] == ("a" if int(row["case_id"]) % 2 else "b")
        assert row["verdict"]["position_bias"] == pytest.approx(1.5, abs=0.01)
        assert abs(row["verdict"]["logit"]) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("reading", ["arena-hard", "json"])
def test_the_product_reads_the_planted_truth_from_texts(process, reading):
    for row in judged("compare", pairs(2.0), process[1], "--method", "cot", "--reading", reading):
        assert row["verdict"]["winner"] == ("a" if int(row["case_id"]) % 2 else "b")


def test_the_product_scores_and_ranks_by_the_planted_truth(process):
    scored = judged(
        "score", [{"id": str(w), "prompt": "x", "response": f"y (worth {w})"} for w in range(11)], process[1]
    )
    scores = [row["verdict"]["score"] for row in sorted(scored, key=lambda row: int(row["case_id"]))]
    assert scores == sorted(scores)
    assert scores[5] == pytest.approx(3.0, abs=0.01)
    worths = {"a": 2, "b": 9, "c": 5, "d": 7}
    cases = [
        {"id": str(i), "prompt": f"Task {i}", "candidates": [f"{n} (worth {w})" for n, w in worths.items()]}
        for i in range(5)
    ]
    assert {tuple(row["verdict"]["ranking"]) for row in judged("rank", cases, process[1])} == {("b", "d", "c", "a")}
