"""What a report holds: sections of text, tables and plots, made by whoever has findings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from judge_service.domain.frozen import frozen

Cell = str | float | int | None
"""What stands in a table; None is shown as a dash."""


@frozen
class Table:
    """Rows under the names of their columns.

    Attributes:
        digits: decimals that fractions are shown with; JSON has them whole.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    digits: int = 2


@frozen
class Ranged:
    """A value with its interval; `low` and `high` are None where there is none."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None


@frozen
class Intervals:
    """Values with intervals, one below the other.

    Attributes:
        axis: what the values are, with their unit.
        reference: where a line is drawn, such as 50 percent.
    """

    title: str
    rows: tuple[Ranged, ...]
    axis: str
    reference: float | None = None
    note: str = ""


@frozen
class Matrix:
    """A value for each row and column, shaded from `least` to `most`; None where there is none."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    least: float
    most: float
    digits: int = 0
    note: str = ""


@frozen
class Scatter:
    """Points.

    Attributes:
        line: points that are joined, such as a fit; none is drawn where it is empty.
        references: at which y a horizontal line is drawn.
    """

    title: str
    points: tuple[tuple[float, float], ...]
    x: str
    y: str
    line: tuple[tuple[float, float], ...] = ()
    references: tuple[float, ...] = ()
    note: str = ""


@frozen
class Histogram:
    """Counts between edges: one more edge than counts."""

    title: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    axis: str
    note: str = ""


@frozen
class Reliability:
    """Calibration: what was said beside what came true, by bins of (said, came true, how many), all shares."""

    title: str
    bins: tuple[tuple[float, float, int], ...]
    x: str
    y: str
    note: str = ""


Plot = Intervals | Matrix | Scatter | Histogram | Reliability


@frozen
class Section:
    """A part of a report under a heading.

    Attributes:
        text: paragraphs above its plots and tables.
        method: how it was computed, folded away below them.
    """

    title: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()
    method: tuple[str, ...] = ()


@frozen
class Report:
    """A whole page.

    Attributes:
        summary: what a reader who reads nothing else should know, a sentence each.
        facts: who judged, by what and when, by name.
        numbers: the finding as the command's `--json` prints it.
    """

    title: str
    summary: tuple[str, ...]
    sections: tuple[Section, ...]
    facts: Mapping[str, str]
    numbers: Any = None
