"""rubrics list | show | check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from judge_service.domain.standards import Constitution, Standard
from judge_service.errors import InvalidLibrary
from judge_service.library import Library, open_library, read_standard
from judge_service.protocols.readings import READINGS
from judge_service.settings import read_settings

app = typer.Typer(help="What is judged by: rubrics and constitutions.", no_args_is_help=True)


@app.command("list")
def list_rubrics() -> None:
    """All rubrics and constitutions at hand."""
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "version", "kind", "parts", "what it is about"):
        table.add_column(heading)
    for standard in _library().standards.values():
        kind, parts = _parts(standard)
        table.add_row(
            standard.id, standard.version, kind, str(len(parts)), escape(standard.description or standard.title)
        )
    Console().print(table)


@app.command("show")
def show_rubric(name: Annotated[str, typer.Argument(metavar="ID", help="A rubric's id.")]) -> None:
    """One rubric, as a rater would read it."""
    standard = _library().standard(name)
    out = Console(highlight=False)
    out.print(f"[bold]{escape(standard.title)}[/bold]  {standard.id}@{standard.version}  {standard.digest[:19]}")
    if standard.description:
        out.print(escape(standard.description))
    for part_name, text in _parts(standard)[1].items():
        out.print(f"\n[bold]{escape(part_name)}[/bold]\n{escape(text)}")


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
            print(f"{path}: good ({standard.id}@{standard.version}, {len(_parts(standard)[1])} parts)")
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
    return standard


def _library() -> Library:
    settings = read_settings()
    return open_library(Path(settings.rubrics) if settings.rubrics else None)


def _parts(standard: Standard) -> tuple[str, dict[str, str]]:
    if isinstance(standard, Constitution):
        return "constitution", {p.name: p.text for p in standard.principles}
    parts = {}
    for criterion in standard.criteria:
        anchors = "".join(f"\n  {step}  {text}" for step, text in sorted(criterion.anchors.items()))
        parts[f"{criterion.name} (weight {criterion.weight:g})"] = f"{criterion.text}\n{criterion.question}{anchors}"
    return "rubric", parts
