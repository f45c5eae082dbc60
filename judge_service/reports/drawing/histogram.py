"""Counts between edges."""

from __future__ import annotations

import math
from itertools import pairwise

from judge_service.reports.drawing.axis import Axis, below, bottom, exact_axis, label_room, left
from judge_service.reports.drawing.lettering import width_of
from judge_service.reports.drawing.svg import Picture, number, tag, tooltip
from judge_service.reports.page import Histogram
from judge_service.reports.plot_tables import histogram_digits
from judge_service.reports.wording import fixed


def draw(plot: Histogram, width: float) -> Picture:
    """The plot on so many pixels; a count is above zero at least.

    Bars' areas are their counts where the edges do not stand evenly; then there is no axis for their heights.
    """
    top, base = 30.0, 30.0 + min(width * 0.5, 250.0)
    heights = bar_heights(plot)
    upright = _upright(max(heights), base, top)
    even = is_even(plot)
    edge = label_room(upright) if even else 4.0
    level = exact_axis(plot.edges[0], plot.edges[-1], edge, width - 10, 8)
    told = all(width_of(f"{count:,}") + 2 <= _wide(plot, i, level) for i, count in enumerate(plot.counts) if count)
    bars = [_bar(plot, i, heights[i], level, upright, told) for i, count in enumerate(plot.counts) if count]
    frame = left(upright, "How many", width - 10, edge) if even else ""
    return Picture(
        width, base + below(plot.axis, level.end - level.start), "".join([frame, _foot(level, plot.axis, base), *bars])
    )


def _upright(most: float, base: float, top: float) -> Axis:
    found = exact_axis(0, most * 1.08, base, top, 4)
    # Counts are whole.
    return found._replace(ticks=tuple(t for t in found.ticks if t == int(t)), digits=0)


def _foot(level: Axis, name: str, base: float) -> str:
    return bottom(level, name, base, base + 4)


def is_even(plot: Histogram) -> bool:
    """Whether all bars are of one width."""
    widths = [high - low for low, high in pairwise(plot.edges)]
    return math.isclose(min(widths), max(widths), rel_tol=1e-6)


def bar_heights(plot: Histogram) -> list[float]:
    """Counts, or counts by width where widths differ."""
    if is_even(plot):
        return [*map(float, plot.counts)]
    return [count / (high - low) for count, (low, high) in zip(plot.counts, pairwise(plot.edges), strict=True)]


def _wide(plot: Histogram, i: int, level: Axis) -> float:
    return level.at(plot.edges[i + 1]) - level.at(plot.edges[i])


def _bar(plot: Histogram, i: int, height: float, level: Axis, upright: Axis, is_told: bool) -> str:
    low, high = plot.edges[i], plot.edges[i + 1]
    x, end, y = level.at(low), level.at(high), upright.at(height)
    digits = histogram_digits(plot)
    about = tooltip(f"{fixed(low, digits)} to {fixed(high, digits)}: {plot.counts[i]:,}")
    wide = max(end - x - 1, 0.6)
    bar = tag("rect", about, class_="mark bar", x=x + 0.5, y=y, width=wide, height=max(upright.start - y, 0.5))
    if not is_told:
        return bar
    return bar + number(f"{plot.counts[i]:,}", (x + end) / 2, y - 5, "value", "middle")
