"""A report as Markdown: what is drawn elsewhere stands in tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from judge_service.reports.page import Report, Section, Table
from judge_service.reports.plot_tables import table_of
from judge_service.reports.soundness import check
from judge_service.reports.wording import on_one_line, shown

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~!&$])")
_STARTS_BLOCK: Final = re.compile(r"^(\s*)([-+=:]|\d+(?=[.)]))")


def as_markdown(report: Report) -> str:
    """The report as GitHub's Markdown; texts of others are escaped.

    Raises:
        ValueError: it holds what cannot be shown.
    """
    check(report)
    return "\n\n".join(_blocks(report)) + "\n"


def _blocks(report: Report) -> Iterator[str]:
    yield f"# {_text(report.title)}"
    if report.summary:
        yield "\n".join(f"- {_text(sentence)}" for sentence in report.summary)
    for section in report.sections:
        yield from _section(section)
    if report.facts:
        yield "## How this was made"
        yield "\n".join(f"- {_text(name)}: {_text(fact)}" for name, fact in report.facts.items())


def _section(section: Section) -> Iterator[str]:
    yield f"## {_text(section.title)}"
    yield from map(_paragraph, section.text)
    for table in (*section.tables, *map(table_of, section.plots)):
        yield f"### {_text(table.title)}"
        yield _table(table) if table.rows else "There is nothing to show."
        if table.note:
            yield _paragraph(table.note)
    yield from map(_paragraph, section.method)


def _table(table: Table) -> str:
    numeric = [any(isinstance(row[i], int | float) for row in table.rows) for i in range(len(table.columns))]
    lines = [
        [_text(name) for name in table.columns],
        ["---:" if is_number else "---" for is_number in numeric],
        *([_text(shown(cell, table.digits)) for cell in row] for row in table.rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(told: str) -> str:
    return _SPECIAL.sub(r"\\\1", on_one_line(told))


def _paragraph(told: str) -> str:
    return _STARTS_BLOCK.sub(r"\1\\\2", _text(told))
