"""A report as JSON: every number whole, for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from judge_service.reports.page import Plot, Report, Section
from judge_service.reports.soundness import check


def as_json(report: Report) -> str:
    """The report as indented JSON text.

    Raises:
        ValueError: it holds what cannot be shown.
    """
    check(report)
    return orjson.dumps(record_of(report), default=_plainer, option=_OPTIONS).decode()


_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


def record_of(report: Report) -> dict[str, Any]:
    """The report as plain fields."""
    return {
        "object": "report",
        "title": report.title,
        "summary": report.summary,
        "sections": [_section_record(section) for section in report.sections],
        "facts": dict(report.facts),
        "numbers": report.numbers,
    }


def _section_record(section: Section) -> dict[str, Any]:
    return {**vars(section), "plots": [_plot_record(plot) for plot in section.plots]}


def _plot_record(plot: Plot) -> dict[str, Any]:
    return {"object": type(plot).__name__.lower(), **vars(plot)}


def _plainer(value: Any) -> Any:
    """What JSON has no shape for."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple):
        return value._asdict() if hasattr(value, "_asdict") else list(value)
    raise TypeError(f"{type(value).__name__} cannot stand in a report's numbers")
