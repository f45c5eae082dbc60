"""rubrics list | show | check."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from judge_service.cli.described import GROUPS, Group, group_of, kind_of, line_of, source_of
from judge_service.cli.pages import page_of
from judge_service.cli.rehearsal import rehearsed
from judge_service.cli.rubric_pages import print_page, print_prompts
from judge_service.domain.standards import Constitution, Standard
from judge_service.errors import InvalidLibrary, InvalidOption
from judge_service.library import Library, open_library, read_standard
from judge_service.protocols import OWN_PROTOCOLS
from judge_service.protocols.readings import READINGS
from judge_service.settings import read_settings

app = typer.Typer(help="What is judged by: rubrics and constitutions.", no_args_is_help=True)
_KINDS: Final = ("rubric", "constitution", *GROUPS)


@app.command("list")
def list_rubrics(
    kind: Annotated[
        list[str], typer.Option("--kind", help="Only rubric, constitution, general, method or profile; repeat it.")
    ] = [],  # noqa: B006
    as_json: Annotated[bool, typer.Option("--json", help="All of them as one JSON list.")] = False,
) -> None:
    """All rubrics and constitutions at hand: general ones, published methods, and profiles of trained judges."""
    for wanted in kind:
        if wanted not in _KINDS:
            raise InvalidOption(f"--kind is one of {', '.join(_KINDS)}; got '{wanted}'", "kind")
    standards = [s for s in _library().standards.values() if not kind or {kind_of(s), group_of(s)} & set(kind)]
    if as_json:
        typer.echo(orjson.dumps([_brief(standard) for standard in standards], option=orjson.OPT_INDENT_2))
        return
    out = Console(highlight=False)
    for group, heading in GROUPS.items():
        members = [standard for standard in standards if group_of(standard) == group]
        if members:
            _print_group(heading, group, members, out)


def _print_group(heading: str, group: Group, members: Sequence[Standard], out: Console) -> None:
    if group != "general":
        out.print()
    out.print(f"[bold]{heading}[/bold]")
    table = Table(box=None, pad_edge=False)
    for name in ("id", "kind", "source"):
        table.add_column(name, no_wrap=True)
    table.add_column("what it is about")
    for standard in members:
        table.add_row(standard.id, kind_of(standard), source_of(standard), escape(line_of(standard)))
    out.print(table)


def _brief(standard: Standard) -> dict[str, Any]:
    return {
        "id": standard.id,
        "version": standard.version,
        "kind": kind_of(standard),
        "group": group_of(standard),
        "title": standard.title,
        "description": standard.description,
        "source": dict(standard.source) or None,
        "takes": standard.takes,
        "scale": standard.scale,
        "digest": standard.digest,
    }


@app.command("show")
def show_rubric(
    name: Annotated[str, typer.Argument(metavar="ID", help="A rubric's id.")],
    prompt: Annotated[bool, typer.Option("--prompt", help="The prompts of its example instead.")] = False,
) -> None:
    """One rubric: where it is from, how it is used, what a case must bring, and what the judge is asked."""
    library = _library()
    standard = library.standard(name)
    rehearsal = rehearsed(standard, library)
    if prompt:
        print_prompts(rehearsal)
    else:
        print_page(page_of(standard, rehearsal), standard)


@app.command("check")
def check_rubrics(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Rubric files.")],
) -> None:
    """Say what is wrong with rubric files, and where; exit code 2 if anything is."""
    library = _library()
    wrong = 0
    for path in files:
        try:
            standard = _checked(path, library)
            print(f"{path}: good ({standard.id}@{standard.version}, {_count(standard)} parts)")
        except InvalidLibrary as e:
            wrong += 1
            print(e.message)
    if wrong:
        raise typer.Exit(2)


def _checked(path: Path, library: Library) -> Standard:
    if not path.is_file():
        raise InvalidLibrary(f"{path}: no such file")
    standard = library.checked(read_standard(path), path.name)
    if standard.reading not in READINGS:
        raise InvalidLibrary(f"{path.name}: reading: there is no reading '{standard.reading}'")
    if standard.protocol is not None and standard.protocol not in OWN_PROTOCOLS:
        there_are = ", ".join(OWN_PROTOCOLS)
        raise InvalidLibrary(f"{path.name}: protocol: there is no '{standard.protocol}'; there are {there_are}")
    return standard


def _library() -> Library:
    return open_library(read_settings().rubrics)


def _count(standard: Standard) -> int:
    return len(standard.principles if isinstance(standard, Constitution) else standard.criteria)
