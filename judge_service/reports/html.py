"""A report as one page of HTML that stands by itself."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from judge_service.reports.page import Report, Section, Table
from judge_service.reports.plot_tables import table_of
from judge_service.reports.soundness import check
from judge_service.reports.wording import plain, shown


def as_html(report: Report) -> str:
    """The report as a page without anything from elsewhere; texts of others are escaped.

    Raises:
        ValueError: it holds what cannot be shown.
    """
    check(report)
    return "\n".join(["<!doctype html>", '<html lang="en"><meta charset="utf-8">', *_parts(report), "</html>", ""])


def _parts(report: Report) -> Iterator[str]:
    yield f"<title>{_text(report.title)}</title><h1>{_text(report.title)}</h1>"
    yield from (f"<p>{_text(sentence)}</p>" for sentence in report.summary)
    for section in report.sections:
        yield from _section(section)
    yield from (f"<p>{_text(name)}: {_text(fact)}</p>" for name, fact in report.facts.items())


def _section(section: Section) -> Iterator[str]:
    yield f"<h2>{_text(section.title)}</h2>"
    yield from (f"<p>{_text(told)}</p>" for told in section.text)
    yield from map(_table, (*section.tables, *map(table_of, section.plots)))


def _table(table: Table) -> str:
    rows = "".join(
        f"<tr>{''.join(f'<td>{_text(shown(cell, table.digits))}</td>' for cell in row)}</tr>" for row in table.rows
    )
    head = "".join(f"<th>{_text(name)}</th>" for name in table.columns)
    return f"<table><caption>{_text(table.title)}</caption><tr>{head}</tr>{rows}</table>"


def _text(told: str) -> str:
    return escape(plain(told))
