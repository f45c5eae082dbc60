"""Points; many are drawn as counts in small cells, so that none hides another."""

from __future__ import annotations

from collections import Counter
from typing import Final

from judge_service.reports.drawing.axis import Axis, above, axis, below, bottom, label_room, left
from judge_service.reports.drawing.svg import Picture, line, pixels, tag, tooltip
from judge_service.reports.page import Scatter
from judge_service.reports.wording import fixed

MOST_POINTS: Final = 1500
"""With more points, cells are drawn."""
_CELL: Final = 9.0


def draw(plot: Scatter, width: float) -> Picture:
    """The plot on so many pixels; there is a point at least."""
    top = above(plot.y, width)
    base = top + min(max(width * 0.5, 220.0), 340.0)
    xs, ys = ([point[i] for point in (*plot.points, *plot.line)] for i in (0, 1))
    upright = axis([*ys, *plot.references], base, top)
    edge = label_room(upright)
    level = axis(xs, edge, width - 8)
    drawn = _points(plot, level, upright) if len(plot.points) <= MOST_POINTS else _cells(plot, level, upright)
    parts = [
        left(upright, plot.y, width - 8, edge),
        bottom(level, plot.x, top, base),
        *(line(edge, upright.at(y), width - 8, upright.at(y), "reference") for y in plot.references),
        drawn,
        _fit(plot, level, upright),
    ]
    return Picture(width, base + below(plot.x, level.end - level.start), "".join(parts))


def _points(plot: Scatter, level: Axis, upright: Axis) -> str:
    digits = (level.digits + 1, upright.digits + 1)
    few = len(plot.points) <= 200
    return "".join(
        tag(
            "circle",
            tooltip(f"{fixed(x, digits[0])}, {fixed(y, digits[1])}"),
            class_="mark point",
            cx=level.at(x),
            cy=upright.at(y),
            r=4 if few else 2.5,
        )
        for x, y in plot.points
    )


def _cells(plot: Scatter, level: Axis, upright: Axis) -> str:
    """Cells with points in them, darker with more: by the square root, so that single ones are still seen."""
    counts = Counter(
        (int((level.at(x) - level.start) // _CELL), int((upright.start - upright.at(y)) // _CELL))
        for x, y in plot.points
    )
    most = max(counts.values())
    return "".join(
        tag(
            "rect",
            tooltip(f"{count:,} points"),
            class_="mark cell",
            data_points=str(count),
            x=level.start + i * _CELL,
            y=upright.start - (j + 1) * _CELL,
            width=_CELL,
            height=_CELL,
            fill_opacity=f"{0.15 + 0.85 * (count / most) ** 0.5:.2f}",
        )
        for (i, j), count in sorted(counts.items())
    )


def densest(plot: Scatter) -> str:
    """What is said of many points; empty for few."""
    if len(plot.points) <= MOST_POINTS:
        return ""
    return f"{len(plot.points):,} points, counted in small cells: the darker a cell, the more of them."


def _fit(plot: Scatter, level: Axis, upright: Axis) -> str:
    if len(plot.line) < 2:
        return ""
    path = " ".join(f"{pixels(level.at(x))},{pixels(upright.at(y))}" for x, y in plot.line)
    return tag("polyline", class_="fit", points=path)
