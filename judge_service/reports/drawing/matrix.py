"""A value for each row and column, shaded."""

from __future__ import annotations

from typing import Final, NamedTuple

from judge_service.reports.drawing.lettering import label, width_of
from judge_service.reports.drawing.svg import TEXT_SIZE, Picture, number, signed, tag, tooltip
from judge_service.reports.page import Matrix
from judge_service.reports.wording import fixed

_LEAST_CELL: Final = 11.0
_GREATEST_CELL: Final = 84.0
_DENSE: Final = 17.0
"""Below so many pixels of a cell letters are small, and a column's number stands over every fifth."""
_SMALL: Final = 10.0
_SWATCH: Final = 30.0
_STRONGEST: Final = 0.62
"""Text upon a cell can be read up to this opacity, on light pages and on dark ones."""


class _Layout(NamedTuple):
    """Pixels: `names` for the rows' names, `top` for the columns', and the cells' width and height."""

    names: float
    top: float
    cell: float
    height: float

    @property
    def is_dense(self) -> bool:
        return self.cell < _DENSE

    @property
    def size(self) -> float:
        return _SMALL if self.is_dense else TEXT_SIZE


def draw(plot: Matrix, width: float) -> Picture:
    """The plot on so many pixels, or more where its cells would be too small; a row and a column at least.

    Where rows and columns have the same names, and these are too long to stand over the columns, both are numbered.
    """
    numbered = plot.rows == plot.columns and not _heads_fit(plot, width)
    rows = [f"{i}  {name}" for i, name in enumerate(plot.rows, 1)] if numbered else [*plot.rows]
    columns = [str(i) for i in range(1, len(plot.columns) + 1)] if numbered else [*plot.columns]
    layout = _layout(rows, columns, width, numbered)
    heads = _numbers(len(columns), layout) if numbered else _names(columns, layout)
    parts = [tag("g", heads + _sides(rows, layout), class_="small" if layout.is_dense else "names")]
    parts += [_cell(plot, i, j, layout) for i in range(len(rows)) for j in range(len(columns))]
    base = layout.top + layout.height * len(rows)
    whole = max(width, layout.names + layout.cell * len(columns))
    return Picture(
        whole, base + 44, "".join([*parts, _legend(plot, min(layout.names, width - 5 * _SWATCH - 1), base + 14)])
    )


def _layout(rows: list[str], columns: list[str], width: float, numbered: bool) -> _Layout:
    names = _names_room(rows, width, len(columns))
    cell = min(max((width - names) / len(columns), _LEAST_CELL), _GREATEST_CELL)
    top = 24.0 if numbered or _longest(columns) <= cell else min(_longest(columns) + 8, 120.0)
    return _Layout(names, top, cell, min(cell, 34.0))


def _longest(names: list[str]) -> float:
    return max(map(width_of, names)) + 4


def _heads_fit(plot: Matrix, width: float) -> bool:
    cell = (width - _names_room([*plot.rows], width, len(plot.columns))) / len(plot.columns)
    return _longest([*plot.columns]) <= min(cell, _GREATEST_CELL)


def _names_room(rows: list[str], width: float, columns: int) -> float:
    """As much as names need, but no more than a share of the page or what cells that hold a number leave."""
    share = 0.34 if columns <= 25 else 0.23
    return min(_longest(rows) + 8, max(width * share, width - 28 * columns))


def _sides(rows: list[str], layout: _Layout) -> str:
    at, room = layout.top, layout.names - 8
    return "".join(
        label(name, 0, at + i * layout.height, room, layout.height, size=layout.size) for i, name in enumerate(rows)
    )


def _numbers(count: int, layout: _Layout) -> str:
    shown = [i for i in range(1, count + 1) if not layout.is_dense or i == 1 or i % 5 == 0]
    y = layout.top - 7
    return "".join(number(str(i), layout.names + (i - 0.5) * layout.cell, y, "label", "middle") for i in shown)


def _names(columns: list[str], layout: _Layout) -> str:
    """Above each column its name, upright where it would not fit otherwise."""
    is_upright = _longest(columns) > layout.cell
    return "".join(_name(name, layout.names + i * layout.cell, layout, is_upright) for i, name in enumerate(columns))


def _name(name: str, x: float, layout: _Layout, is_upright: bool) -> str:
    cell, top = layout.cell, layout.top
    if not is_upright:
        return label(name, x + 1, 0, cell - 2, top, "middle")
    turned = label(name, 0, 0, top - 6, cell, size=layout.size)
    return tag("g", turned, transform=f"translate({x:.1f} {top - 2:.1f}) rotate(-90)")


def _cell(plot: Matrix, i: int, j: int, layout: _Layout) -> str:
    value, cell, height = plot.values[i][j], layout.cell, layout.height
    x, y = layout.names + j * cell, layout.top + i * height
    size = {"x": x + 0.5, "y": y + 0.5, "width": cell - 1, "height": height - 1}
    if value is None:
        return tag("rect", class_="void", **size)
    told = fixed(value, plot.digits)
    kind, opacity = shade(value, plot.least, plot.most)
    about = tooltip(f"{plot.rows[i]}, {plot.columns[j]}: {told}")
    rect = tag("rect", about, class_=f"mark {kind}", fill_opacity=f"{opacity:.2f}", **size)
    if width_of(signed(told)) + 2 > cell or height < _DENSE:
        return rect
    return rect + number(told, x + cell / 2, y + height / 2 + 4.5, "value", "middle")


def shade(value: float, least: float, most: float) -> tuple[str, float]:
    """Which of two colours a value has, and how much of it: none in the middle."""
    middle = (least + most) / 2
    far = min(abs(value - middle) / (most - middle), 1.0)
    return ("cool" if value >= middle else "warm"), far * _STRONGEST


def _legend(plot: Matrix, x: float, y: float) -> str:
    """Five shades, with the values of the first, the middle and the last."""
    values = [plot.least + (plot.most - plot.least) * i / 4 for i in range(5)]
    shades = [shade(value, plot.least, plot.most) for value in values]
    parts = [
        tag("rect", class_=kind, fill_opacity=f"{opacity:.2f}", x=x + i * _SWATCH, y=y, width=_SWATCH, height=8)
        for i, (kind, opacity) in enumerate(shades)
    ]
    digits = max(plot.digits, 0 if values[2] == int(values[2]) else 1)
    ends = ((values[0], 0.0, "start"), (values[2], 2.5 * _SWATCH, "middle"), (values[4], 5 * _SWATCH, "end"))
    told = [number(fixed(value, digits), x + at, y + 22, "tick", anchor) for value, at, anchor in ends]
    return "".join([*parts, *told])
