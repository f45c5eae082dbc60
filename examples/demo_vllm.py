"""The demo on a real vLLM: `judge-service up` with a tiny judge that was trained to know one small world.

    python examples/demo_vllm.py --engine-python PYTHON

PYTHON has vLLM. The judge prefers texts with more kind words or more numbers, whichever it is asked for, and leans to
what is shown first: the service measures that lean and takes it out. It says nothing about real judges.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

TINY = Path(__file__).parent.parent / "tests" / "engine" / "tiny_judge"
PROGRAM = Path(sys.executable).with_name("judge-service")
PAIRS = (
    ("the kind river smiles, a gentle friend.", "the dark river passes two lanterns."),
    ("three tables and forty pencils.", "the old school welcomes a friend."),
    ("a plain garden behind the village.", "thanks, dear garden, sweet and sunny."),
    ("the wagon takes nine anchors to the harbor.", "the wagon takes seven, eight, nine anchors."),
)


def main() -> None:
    """Starts everything, asks, prints, and takes it down again."""
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--engine-python", required=True)
    given = told.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        own = {"JUDGE_CACHE__URL": f"sqlite:///{folder}/cache.db", "JUDGE_RUBRICS": str(TINY / "rubrics")}
        environ = {**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_CPU_KVCACHE_SPACE": "1", **own}
        command = [str(PROGRAM), "up", "--model", str(TINY / "model"), "--port", "0"]
        flags = ["--engine-python", given.engine_python, "--", "--dtype", "float32"]
        process = subprocess.Popen([*command, *flags], stderr=subprocess.PIPE, text=True, env=environ)  # noqa: S603
        try:
            show(address_in(process))
        finally:
            process.terminate()
            process.wait(60)


def address_in(process: subprocess.Popen[str]) -> str:
    """Where the service answers, once it does; what it says on the way is passed on."""
    assert process.stderr is not None
    for line in process.stderr:
        print(line.rstrip(), file=sys.stderr)
        found = re.search(r"judge-service on (http://\S+)", line)
        if found:
            return found[1]
    raise SystemExit("it did not start")


def show(address: str) -> None:
    """The verdicts on every pair by both rubrics."""
    table = Table(title="compare, on a real vLLM", title_justify="left", box=None, pad_edge=False)
    for heading in ("asked for", "A", "B", "better", "P(A better)", "leans to the first by"):
        table.add_column(heading)
    with httpx.Client(base_url=address, timeout=120) as client:
        for rubric, what in (("tiny-warm", "kind words"), ("tiny-exact", "numbers")):
            cases = [{"prompt": "Write.", "candidates": pair} for pair in PAIRS]
            answer = client.post("/v1/compare", json={"rubric": rubric, "cases": cases}).raise_for_status().json()
            for pair, judgment in zip(PAIRS, answer["data"], strict=True):
                verdict = judgment["verdict"]
                better = {"a": "A", "b": "B"}.get(verdict["winner"], str(verdict["winner"]))
                table.add_row(what, *pair, better, f"{verdict['probability']:.2f}", f"{verdict['position_bias']:+.2f}")
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
