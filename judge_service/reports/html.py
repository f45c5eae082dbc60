"""A report as one page of HTML that stands by itself: nothing is fetched, and nothing runs."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from typing import Any, Final

from judge_service.reports.drawing.pictures import NARROW, WIDE, is_empty, legend, picture
from judge_service.reports.drawing.scatter import MOST_POINTS
from judge_service.reports.html_tables import table_element
from judge_service.reports.numbers import record_of, text_of
from judge_service.reports.page import Plot, Report, Scatter, Section
from judge_service.reports.plot_tables import table_of
from judge_service.reports.soundness import check
from judge_service.reports.style import STYLE
from judge_service.reports.wording import on_one_line

_STYLE_HASH: Final = b64encode(sha256(STYLE.encode()).digest()).decode()
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; base-uri 'none'; form-action 'none'"
)
_SECTIONS_FOR_CONTENTS: Final = 4


def as_html(report: Report) -> str:
    """The report as a page without anything from elsewhere; texts of others are escaped.

    The numbers stand in it as JSON, too: in the element whose id is `numbers`.

    Raises:
        ValueError: it holds what cannot be shown.
    """
    check(report)
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield "<!doctype html>"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield '<meta name="referrer" content="no-referrer">'
    yield f"<title>{_text(report.title)}</title>"
    yield '<link rel="icon" href="data:,">'
    yield f"<style>{STYLE}</style>"
    yield "</head>"
    yield "<body>"
    yield "<main>"
    yield from _opening(report)
    for i, section in enumerate(report.sections, 1):
        yield from _section(section, f"section-{i}")
    yield from _facts(report)
    yield "</main>"
    yield f'<script type="application/json" id="numbers">{_embedded(report)}</script>'
    yield "</body>"
    yield "</html>"


def _opening(report: Report) -> Iterator[str]:
    yield "<header>"
    yield f"<h1>{_text(report.title)}</h1>"
    if report.summary:
        yield '<div class="summary">'
        yield f'<p class="lead">{_text(report.summary[0])}</p>'
        if report.summary[1:]:
            yield f"<ul>{''.join(f'<li>{_text(told)}</li>' for told in report.summary[1:])}</ul>"
        yield "</div>"
    if len(report.sections) >= _SECTIONS_FOR_CONTENTS:
        links = (f'<a href="#section-{i}">{_text(section.title)}</a>' for i, section in enumerate(report.sections, 1))
        yield f'<nav aria-label="Contents">{" ".join(links)}</nav>'
    yield "</header>"


def _section(section: Section, name: str) -> Iterator[str]:
    yield f'<section id="{name}" aria-labelledby="{name}-title">'
    yield f'<h2 id="{name}-title">{_text(section.title)}</h2>'
    yield from (f"<p>{_text(told)}</p>" for told in section.text)
    for i, plot in enumerate(section.plots, 1):
        yield from _figure(plot, f"{name}-plot-{i}")
    for i, table in enumerate(section.tables, 1):
        yield '<div class="table">'
        yield table_element(table, f"{name}-table-{i}")
        yield _note(table.note)
        yield "</div>"
    if section.method:
        told = "".join(f"<p>{_text(paragraph)}</p>" for paragraph in section.method)
        yield f'<details class="method"><summary>How this was computed</summary>{told}</details>'
    yield "</section>"


def _figure(plot: Plot, name: str) -> Iterator[str]:
    kind = type(plot).__name__.lower()
    yield f'<figure id="{name}" class="{kind}">'
    yield f"<figcaption>{_text(plot.title)}</figcaption>"
    if is_empty(plot):
        yield '<p class="empty">There is nothing to draw here: no values.</p>'
    else:
        for width, shown in ((WIDE, "wide"), (NARROW, "narrow")):
            big = " big" if kind == "matrix" else ""
            yield f'<div class="{shown}-only{big}">{picture(plot, width, f"{name}-{shown}")}</div>'
    yield from (_note(told) for told in (plot.note, legend(plot)) if told)
    if not is_empty(plot):
        told = table_element(table_of(plot), f"{name}-table", is_titled=False)
        yield f'<details class="numbers"><summary>The numbers</summary>{told}</details>'
    yield "</figure>"


def _note(told: str) -> str:
    return f'<p class="note">{_text(told)}</p>' if told else ""


def _facts(report: Report) -> Iterator[str]:
    if not report.facts:
        return
    yield '<section class="facts" aria-labelledby="facts-title">'
    yield '<h2 id="facts-title">How this was made</h2>'
    yield "<dl>"
    yield from (f"<dt>{_text(name)}</dt><dd>{_text(fact)}</dd>" for name, fact in report.facts.items())
    yield "</dl>"
    yield "</section>"


def _embedded(report: Report) -> str:
    """The numbers for programs; nothing in them can end the element that they stand in."""
    record = record_of(report)
    for section in record["sections"]:
        section["plots"] = [_without_crowds(plot) for plot in section["plots"]]
    return text_of(record).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _without_crowds(plot: dict[str, Any]) -> dict[str, Any]:
    """A page does not carry points by the thousand: the JSON form of the report does."""
    if plot["object"] != Scatter.__name__.lower() or len(plot["points"]) <= MOST_POINTS:
        return plot
    return {**plot, "points": None, "count": len(plot["points"])}


def _text(told: str) -> str:
    return escape(on_one_line(told))
