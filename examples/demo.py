"""The demo: starts the service, sends it every example over HTTP, prints the verdicts, and sends them again."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx
import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

HERE = Path(__file__).parent
PROGRAM = Path(sys.executable).with_name("judge-service")
START_SECONDS = 60
Row = Mapping[str, Any]


@contextmanager
def service(cache: Path) -> Iterator[str]:
    """The address of a service of its own, with the offline judge and a fresh cache."""
    environment = {**os.environ, "JUDGE_CACHE__URL": f"sqlite:///{cache}"}
    command = [str(PROGRAM), "serve", "--offline", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)  # noqa: S603
    try:
        assert process.stderr is not None
        yield _address(process.stderr)
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def _address(said: IO[str]) -> str:
    for line in said:
        found = re.search(r"http://\S+", line)
        if found:
            return found[0]
    raise SystemExit("the service did not start")


def rows(name: str) -> list[Row]:
    """The cases of one example file."""
    return [orjson.loads(line) for line in (HERE / name).read_bytes().splitlines()]


def judged(client: httpx.Client, task: str, cases: list[Row]) -> dict[str, Any]:
    """Judgments by case id; cases that share a rubric share a request."""
    by_rubric: dict[str, list[Row]] = defaultdict(list)
    for case in cases:
        by_rubric[case["metadata"]["rubric"]].append(case)
    judgments = {}
    for rubric, group in by_rubric.items():
        answer = client.post(f"/v1/{task}", json={"rubric": rubric, "cases": group}).raise_for_status()
        judgments.update({judgment["case_id"]: judgment for judgment in answer.json()["data"]})
    return judgments


def pairs_table(cases: list[Row], judgments: Mapping[str, Any]) -> Table:
    """One line a pair: who won, how sure, whether both orders agree, and how far the judge leaned to the first."""
    table = Table(title="compare: which response is better", title_justify="left", box=None, pad_edge=False)
    columns = ("case", "rubric", "winner", "P(a better)", "orders", "position bias", "the author meant")
    for heading, side in zip(columns, ("left", "left", "left", "right", "left", "right", "left"), strict=True):
        table.add_column(heading, justify=side)  # type: ignore[arg-type]
    for case in cases:
        verdict = judgments[case["id"]]["verdict"]
        meant = case["metadata"]["better"]
        hit = verdict["winner"] == meant
        table.add_row(
            case["id"],
            case["metadata"]["rubric"],
            f"[bold]{verdict['winner']}[/bold]",
            f"{verdict['probability']:.2f}",
            "agree" if verdict["consistent"] else "[yellow]disagree[/yellow]",
            f"{verdict['position_bias']:+.2f}",
            f"[green]{meant}[/green]" if hit else f"[red]{meant}[/red]",
        )
    return table


def scores_table(cases: list[Row], judgments: Mapping[str, Any]) -> Table:
    """One line a response: its score and its criteria."""
    table = Table("case", "rubric", "score", "by criterion", title="score: how good", title_justify="left", box=None)
    for case in cases:
        verdict = judgments[case["id"]]["verdict"]
        parts = ", ".join(f"{c['name']} {c['score']:.1f}" for c in verdict["criteria"])
        table.add_row(case["id"], case["metadata"]["rubric"], f"[bold]{verdict['score']:.2f}[/bold]", escape(parts))
    return table


def ranks_table(cases: list[Row], judgments: Mapping[str, Any]) -> Table:
    """One line a group: the order, best first."""
    table = Table("case", "rubric", "best first", "the author's best", title="rank: the order", box=None)
    table.title_justify = "left"
    for case in cases:
        verdict = judgments[case["id"]]["verdict"]
        order = " > ".join(verdict["ranking"])
        table.add_row(case["id"], case["metadata"]["rubric"], f"[bold]{order}[/bold]", case["metadata"]["best"])
    return table


def one_pass(client: httpx.Client, examples: Mapping[str, list[Row]]) -> tuple[dict[str, Any], str]:
    """All judgments by task, and a line that says what they cost."""
    started = time.perf_counter()
    judgments = {task: judged(client, task, cases) for task, cases in examples.items()}
    seconds = time.perf_counter() - started
    usage = [judgment["usage"] for by_case in judgments.values() for judgment in by_case.values()]
    calls, hits = (sum(u[name] for u in usage) for name in ("judge_calls", "cache_hits"))
    return judgments, f"{len(usage)} cases, {calls} judge calls, {hits} answers from the cache, {seconds:.2f} s"


def main() -> None:
    """Runs the demo."""
    out = Console(width=max(110, Console().width))
    examples = {task: rows(f"{task}.jsonl") for task in ("compare", "score", "rank")}
    with tempfile.TemporaryDirectory() as folder, service(Path(folder) / "cache.db") as address:
        out.print(f"judge-service answers on [bold]{address}[/bold], with the built-in offline judge\n")
        with httpx.Client(base_url=address, timeout=120) as client:
            judgments, cost = one_pass(client, examples)
            out.print(pairs_table(examples["compare"], judgments["compare"]), "")
            out.print(scores_table(examples["score"], judgments["score"]), "")
            out.print(ranks_table(examples["rank"], judgments["rank"]), "")
            out.print(f"first pass   {cost}")
            again, cost = one_pass(client, examples)
    out.print(f"second pass  {cost}")
    same = all(
        judgments[task][case]["verdict"] == again[task][case]["verdict"]
        for task in judgments
        for case in judgments[task]
    )
    out.print("the same verdicts, from the cache" if same else "[red]the verdicts changed[/red]")
    out.print(
        "\nThe offline judge leans +0.40 logit to whatever is shown first, on purpose: showing both orders measured "
        "that and took it out.\nIt scores text features and knows nothing; red marks where it misses what the author "
        "meant. For verdicts that count,\ngive the service a model: judge-service serve --judge-url "
        "http://127.0.0.1:8000/v1 --model NAME",
        style="dim",
        highlight=False,
    )
    if not same:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
