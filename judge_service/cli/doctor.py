"""doctor: one page that says whether a judge is fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Annotated, Final

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from judge_service.checkup import Check, Level, examine
from judge_service.cli.flags import Config, JudgeUrl, KeyEnv, Model, Offline, WaitJudge, WhichJudge
from judge_service.loops import run_interruptibly

UNFIT: Final = 3
_STYLES: Final[dict[Level, str]] = {"pass": "green", "warn": "yellow", "fail": "bold red"}


def doctor(
    judge_url: JudgeUrl = [],  # noqa: B006
    model: Model = "",
    judge_key_env: KeyEnv = "",
    offline: Offline = False,
    config: Config = None,
    judge: Annotated[list[str], typer.Option(help="A configured judge; several by repeating. [default: all]")] = [],  # noqa: B006
    wait_judge: WaitJudge = 2.0,
    json_: Annotated[bool, typer.Option("--json", help="Print the lines as a JSON array.")] = False,
) -> None:
    """Say whether a judge is fit: the server, how it is asked, what it makes of a few clear pairs, and the cache.

    Every replica is examined. Each line is pass, warn or fail, with what to do. Exit code 3 if anything fails.
    """
    settings = WhichJudge(judge_url, model, judge_key_env, offline).settings(config)
    lines = run_interruptibly(examine(settings, judge, wait_judge))
    if json_:
        typer.echo(orjson.dumps([asdict(line) for line in lines], option=orjson.OPT_INDENT_2))
    else:
        print_page(lines, Console(highlight=False))
    if any(line.level == "fail" for line in lines):
        raise typer.Exit(UNFIT)


def print_page(lines: Sequence[Check], out: Console) -> None:
    """The lines under headings of what they are about, and what they come to."""
    for (name, replica), group in groupby(lines, lambda line: (line.judge, line.replica)):
        out.print(f"[bold]{escape(_heading(name, replica))}[/bold]")
        out.print(_table(list(group)), "")
    counts = {level: sum(line.level == level for line in lines) for level in _STYLES}
    told = ", ".join(f"{count} {level}" for level, count in counts.items())
    verdict = "[bold red]not fit[/bold red]" if counts["fail"] else "[bold green]fit[/bold green]"
    out.print(f"{verdict}: {told}")


def _heading(name: str, replica: str) -> str:
    if not name:
        return "the service"
    return f"judge {name} at {replica}" if replica else f"judge {name}"


def _table(lines: Sequence[Check]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for line in lines:
        to_do = f" [dim]→ {escape(line.to_do)}[/dim]" if line.to_do else ""
        style = _STYLES[line.level]
        table.add_row(f"[{style}]{line.level}[/{style}]", line.name, escape(line.seen) + to_do)
    return table
