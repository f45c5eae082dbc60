"""A report as JSON: every number whole, for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import is_dataclass
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
    return f"{text_of(record_of(report), is_indented=True)}\n"


def text_of(record: Any, is_indented: bool = False) -> str:
    """JSON text; a lone surrogate in a name stands escaped."""
    options = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY | (orjson.OPT_INDENT_2 if is_indented else 0)
    try:
        return orjson.dumps(record, default=_plainer, option=options).decode()
    except TypeError:
        # Whatever else is wrong, this says it again.
        return json.dumps(record, default=_plainer, indent=2 if is_indented else None, allow_nan=False)


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
    if is_dataclass(value) and not isinstance(value, type):
        return vars(value)
    if isinstance(value, tuple):  # one with names, which orjson leaves to us
        return value._asdict() if hasattr(value, "_asdict") else list(value)
    raise TypeError(f"{type(value).__name__} cannot stand in a report's numbers")
