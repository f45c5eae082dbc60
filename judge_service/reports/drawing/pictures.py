"""Any plot as an SVG element, with what is read aloud in its place."""

from __future__ import annotations

from html import escape
from typing import Final

from judge_service.reports.drawing import histogram, intervals, matrix, reliability, scatter
from judge_service.reports.drawing.svg import Picture, pixels, tag
from judge_service.reports.page import Histogram, Intervals, Matrix, Plot, Reliability, Scatter
from judge_service.reports.wording import on_one_line

WIDE: Final = 720.0
NARROW: Final = 328.0
"""Pixels: each plot is drawn for a wide page and anew for a narrow one, where its text would be too small."""


def is_empty(plot: Plot) -> bool:
    """Whether there is nothing to draw."""
    if isinstance(plot, Intervals):
        return not plot.rows
    if isinstance(plot, Matrix):
        return not any(value is not None for row in plot.values for value in row)
    if isinstance(plot, Scatter):
        return not plot.points
    return not any(plot.counts) if isinstance(plot, Histogram) else not any(count for _, _, count in plot.bins)


def picture(plot: Plot, width: float, name: str) -> str:
    """The plot as an `svg` element; `name` is an id that nothing else on the page has."""
    drawn = _drawn(plot, width)
    words = tag("title", escape(on_one_line(plot.title)), id=f"{name}-title")
    words += tag("desc", escape(on_one_line(described(plot))), id=f"{name}-desc")
    return tag(
        "svg",
        words + drawn.body,
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
        viewBox=f"0 0 {pixels(drawn.width)} {pixels(drawn.height)}",
        width=drawn.width,
        height=drawn.height,
    )


def _drawn(plot: Plot, width: float) -> Picture:
    if isinstance(plot, Intervals):
        return intervals.draw(plot, width)
    if isinstance(plot, Matrix):
        return matrix.draw(plot, width)
    if isinstance(plot, Scatter):
        return scatter.draw(plot, width)
    return histogram.draw(plot, width) if isinstance(plot, Histogram) else reliability.draw(plot, width)


def described(plot: Plot) -> str:
    """What kind of plot it is, of how much; its numbers stand in the table below it."""
    if isinstance(plot, Intervals):
        return f"{_count(len(plot.rows), 'value')} with intervals. {plot.axis}."
    if isinstance(plot, Matrix):
        return f"{_count(len(plot.rows), 'row')} by {_count(len(plot.columns), 'column')}, shaded by value."
    if isinstance(plot, Scatter):
        return f"{_count(len(plot.points), 'point')}. {plot.y} against {plot.x}."
    if isinstance(plot, Histogram):
        return f"A histogram of {sum(plot.counts):,}. {plot.axis}."
    return f"A calibration plot of {_count(len(plot.bins), 'bin')}. {plot.y} against {plot.x}."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def legend(plot: Plot) -> str:
    """How to read what is drawn, where it does not say so itself."""
    if isinstance(plot, Scatter):
        return scatter.densest(plot)
    if isinstance(plot, Histogram) and plot.counts and not histogram.is_even(plot):
        return "The bars differ in width: their areas show the counts."
    if isinstance(plot, Reliability):
        return "A dot on the dashed line came true as often as was said. Larger dots stand for more cases."
    if isinstance(plot, Intervals):
        clear = {intervals.is_clear(row, plot.reference) for row in plot.rows}
        return "A hollow dot: the interval includes the dashed line." if False in clear else ""
    return ""
