"""Calibration: what was said beside what came true."""

from __future__ import annotations

import math

from judge_service.reports.drawing.axis import above, below, bottom, exact_axis, label_room, left
from judge_service.reports.drawing.svg import Picture, line, tag, tooltip
from judge_service.reports.page import Reliability
from judge_service.reports.wording import fixed


def draw(plot: Reliability, width: float) -> Picture:
    """The plot on so many pixels, or on a square of fewer; some bin holds something."""
    side = min(width, 440.0)
    top = above(plot.y, side)
    low = _lowest(plot)
    upright = exact_axis(low, 1, top + side - 46, top, 5)
    edge, base = label_room(upright), upright.start
    level = exact_axis(low, 1, edge, side - 14, 5)
    most = max(count for _, _, count in plot.bins)
    marks = []
    for said, true, count in sorted(plot.bins, key=lambda told: -told[2]):
        if not count:
            continue
        x, y = level.at(said), upright.at(true)
        about = tooltip(f"{plot.x} {fixed(said, 3)}, {plot.y} {fixed(true, 3)}: {count:,}")
        size = max(11 * (count / most) ** 0.5, 3.0)
        marks.append(line(x, upright.at(said), x, y, "gap"))
        marks.append(tag("circle", about, class_="mark bubble", cx=x, cy=y, r=size))
    ideal = line(level.at(low), upright.at(low), level.at(1), upright.at(1), "reference")
    frame = [left(upright, plot.y, side - 14, edge), bottom(level, plot.x, top, base), ideal]
    return Picture(side, base + below(plot.x, level.end - level.start), "".join([*frame, *marks]))


def _lowest(plot: Reliability) -> float:
    """Where both axes begin: at zero, or near the least share where all are great."""
    least = min(share for said, true, count in plot.bins if count for share in (said, true))
    tenth = math.floor((least - 0.03) * 10) / 10
    return tenth if tenth >= 0.3 else 0.0
