"""Axes: round ticks, and places for values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from judge_service.reports.drawing.lettering import LINE, lines_of, width_of
from judge_service.reports.drawing.svg import line, number, signed, text
from judge_service.reports.wording import fixed

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_ROOM = 14
"""Pixels between the labels of two ticks."""
BEYOND = 8.0
"""Pixels that there are behind the end of a horizontal axis."""


class Axis(NamedTuple):
    """Values from `low` to `high` on pixels from `start` to `end`, which may run backwards.

    Attributes:
        digits: decimals of the ticks.
    """

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]
    digits: int

    def at(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def told(self, tick: float) -> str:
        """A tick as it is written."""
        return signed(fixed(tick, self.digits))


def axis(values: Iterable[float], start: float, end: float, about: int = 6, margin: float = 0.04) -> Axis:
    """An axis on which all values stand, with a margin beyond them: a share of their range.

    Args:
        about: how many ticks are welcome; fewer where their labels would touch.
    """
    known = [*values]
    low, high = _apart(min(known), max(known))
    room = (high - low) * margin
    return exact_axis(low - room, high + room, start, end, about)


def exact_axis(low: float, high: float, start: float, end: float, about: int = 6) -> Axis:
    """An axis from `low` to `high` exactly."""
    for count in range(max(about, 2), 1, -1):
        ticks, digits = _ticks(low, high, count)
        found = Axis(low, high, start, end, ticks, digits)
        if start > end or _fits(found):
            return found
    return found._replace(ticks=ticks[:1])


def _length(found: Axis) -> float:
    return abs(found.end - found.start)


def _fits(found: Axis) -> bool:
    """Whether the labels of a horizontal axis stand apart."""
    if len(found.ticks) < 2:
        return True
    step = found.at(found.ticks[1]) - found.at(found.ticks[0])
    return step >= max(width_of(found.told(tick)) for tick in found.ticks) + _ROOM


def _apart(low: float, high: float) -> tuple[float, float]:
    """Room around a single value."""
    if high - low > 1e-9 * max(abs(low), abs(high), 1e-9):
        return low, high
    around = abs(low) * 0.1 or 1.0
    return low - around, high + around


def _ticks(low: float, high: float, count: int) -> tuple[tuple[float, ...], int]:
    rough = (high - low) / count
    power = math.floor(math.log10(rough))
    factor = next(step for step in _STEPS if step * 10.0**power >= rough * 0.999)
    step = factor * 10.0**power
    # Whole multiples, so that errors do not add up from tick to tick.
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(-power + (factor == 2.5) - (factor == 10.0), 0)
    return tuple(i * step for i in range(first, last + 1)), min(digits, 12)


def bottom(found: Axis, name: str, top: float, base: float) -> str:
    """A horizontal axis below a plot: a line up to `top` for each tick, their labels and the axis's name."""
    grid = [line(found.at(tick), top, found.at(tick), base, "grid") for tick in found.ticks]
    names = [
        text(told, found.start, base + 37 + i * LINE, "axis") for i, told in enumerate(lines_of(name, _length(found)))
    ]
    return "".join([*grid, tick_labels(found, base + 17), *names])


def below(name: str, room: float) -> float:
    """How many pixels a horizontal axis of `room` pixels takes below the plot."""
    return 30 + LINE * len(lines_of(name, room))


def above(name: str, width: float) -> float:
    """How many pixels the name of a vertical axis takes above a plot of so much width."""
    return 10 + LINE * len(lines_of(name, width))


def tick_labels(found: Axis, y: float) -> str:
    """The labels of a horizontal axis, those at its ends moved inwards a little where they would stand beyond it."""
    return "".join(_tick_label(found, tick, y) for tick in found.ticks)


def _tick_label(found: Axis, tick: float, y: float) -> str:
    at, half = found.at(tick), width_of(found.told(tick)) / 2
    inside = min(max(at, half), found.end + BEYOND - half)
    return number(found.told(tick), inside, y, "tick", "middle") if abs(inside - at) <= BEYOND else ""


def left(found: Axis, name: str, right: float, edge: float) -> str:
    """A vertical axis: a line to `right` for each tick, labels that end before `edge`, and its name above."""
    grid = [line(edge, found.at(tick), right, found.at(tick), "grid") for tick in found.ticks]
    told = [number(found.told(t), edge - 8, found.at(t) + 4, "tick", "end") for t in found.ticks]
    names = [text(words, 0, 12 + i * LINE, "axis") for i, words in enumerate(lines_of(name, right))]
    return "".join([*grid, *told, *names])


def label_room(found: Axis) -> float:
    """Pixels that the labels of a vertical axis take."""
    return max((width_of(found.told(tick)) for tick in found.ticks), default=0) + 10
