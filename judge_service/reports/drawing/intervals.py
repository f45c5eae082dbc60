"""Values with their intervals, one below the other."""

from __future__ import annotations

from typing import Final, NamedTuple

from judge_service.reports.drawing.axis import BEYOND, Axis, axis, below, bottom, tick_labels
from judge_service.reports.drawing.lettering import label, width_of
from judge_service.reports.drawing.svg import Picture, line, number, signed, tag, tooltip
from judge_service.reports.page import Intervals, Ranged
from judge_service.reports.plot_tables import interval_digits
from judge_service.reports.wording import fixed

_MANY: Final = 15
"""With more rows the axis is labelled above, too."""


class _Layout(NamedTuple):
    """Where things stand: `names` pixels for names and `told` for values, both above the line on narrow pages."""

    width: float
    row: float
    top: float
    names: float
    told: float
    stacked: bool


def draw(plot: Intervals, width: float) -> Picture:
    """The plot on so many pixels; there is a row at least."""
    digits = interval_digits(plot)
    layout = _layout(plot, width, digits)
    edge = (BEYOND, width - BEYOND) if layout.stacked else (layout.names + 16, width - layout.told - 16)
    values = [end for row in plot.rows for end in (row.value, row.low, row.high) if end is not None]
    reference = [] if plot.reference is None else [plot.reference]
    scale = axis([*values, *reference], *edge)
    base = layout.top + layout.row * len(plot.rows)
    parts = [bottom(scale, plot.axis, layout.top, base)]
    if plot.reference is not None:
        at = scale.at(plot.reference)
        parts.append(line(at, layout.top - 6, at, base, "reference"))
    if len(plot.rows) > _MANY:
        parts.append(tick_labels(scale, layout.top - 10))
    parts += [
        _row(row, scale, layout, layout.top + i * layout.row, digits, plot.reference) for i, row in enumerate(plot.rows)
    ]
    return Picture(width, base + below(plot.axis, edge[1] - edge[0]), "".join(parts))


def _layout(plot: Intervals, width: float, digits: int) -> _Layout:
    names = max(width_of(row.label) for row in plot.rows) + 4
    told = max(width_of(_told(row, digits)) for row in plot.rows)
    top = 28.0 if len(plot.rows) > _MANY else 8.0
    if width < 500:
        return _Layout(width, 42, top, min(names, width - told - 10), told, stacked=True)
    return _Layout(width, 26 if len(plot.rows) <= _MANY else 22, top, min(names, width * 0.32), told, stacked=False)


def _told(row: Ranged, digits: int) -> str:
    value = fixed(row.value, digits)
    if row.low is None or row.high is None:
        return signed(value)
    return signed(f"{value}  [{fixed(row.low, digits)}, {fixed(row.high, digits)}]")


def _row(row: Ranged, scale: Axis, layout: _Layout, top: float, digits: int, reference: float | None) -> str:
    told = _told(row, digits)
    words = 20.0 if layout.stacked else layout.row
    y = top + (words + 10 if layout.stacked else layout.row / 2)
    parts = [
        label(row.label, 0, top, layout.names, words),
        number(told, layout.width, top + words / 2 + 4, "value", "end"),
    ]
    if row.low is not None and row.high is not None:
        parts.append(line(scale.at(row.low), y, scale.at(row.high), y, "whisker"))
    kind = "mark" if is_clear(row, reference) else "mark open"
    circle = tag("circle", tooltip(f"{row.label}: {told}"), class_=kind, cx=scale.at(row.value), cy=y, r=4.5)
    return "".join([*parts, circle])


def is_clear(row: Ranged, reference: float | None) -> bool:
    """Whether a row's interval leaves the reference out, or there is nothing to compare."""
    if reference is None or row.low is None or row.high is None:
        return True
    return reference < row.low or reference > row.high
