"""--report: a command's finding as a page for people, as Markdown or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from judge_service.errors import InvalidOption
from judge_service.files.disk import check_output, replace_whole
from judge_service.reports.html import as_html
from judge_service.reports.markdown import as_markdown
from judge_service.reports.numbers import as_json
from judge_service.reports.page import Report

ReportFile = Annotated[
    str,
    typer.Option("--report", metavar="FILE", help="Write a report: .html with plots, .md, or .json with the numbers."),
]

_FORMS: Final[Mapping[str, Callable[[Report], str]]] = {".html": as_html, ".md": as_markdown, ".json": as_json}


def check_report(path: str, inputs: Iterable[Path | str] = ()) -> None:
    """Sees that a report can go where it is told, before anything is judged for it; an empty path asks for none.

    Args:
        inputs: what the report is made of.

    Raises:
        InvalidOption: its ending is none of a report's, or a folder has that name.
        RunRefused: it would take the place of an input.
    """
    if not path:
        return
    if Path(path).suffix.lower() not in _FORMS:
        raise InvalidOption(f"--report names a file that ends in {', '.join(_FORMS)}; got {path}", "report")
    if Path(path).is_dir():
        raise InvalidOption(f"--report {path}: that is a folder", "report")
    check_output(path, inputs)


def write_report(path: str, report: Report) -> None:
    """Writes a report in the form that its ending says, whole or not at all; an empty path asks for none.

    Raises:
        InvalidOption, RunRefused: it cannot go there.
        ValueError: it holds what cannot be shown, such as an infinite number.
    """
    if not path:
        return
    check_report(path)
    told = _FORMS[Path(path).suffix.lower()](report)
    replace_whole(Path(path), [told.encode("utf-8", "replace")])
