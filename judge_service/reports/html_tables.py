"""Tables of a report as HTML."""

from __future__ import annotations

from html import escape

from judge_service.reports.page import Cell, Table
from judge_service.reports.wording import on_one_line, shown


def table_element(table: Table, name: str, is_titled: bool = True) -> str:
    """The table in a box that scrolls by itself.

    Args:
        name: an id that nothing else on the page has.
        is_titled: whether its title is shown above; it is read aloud in any case.
    """
    title = f'<h3 id="{name}-title">{_text(table.title)}</h3>' if is_titled else ""
    label = f'aria-labelledby="{name}-title"' if is_titled else f'aria-label="{_text(table.title)}"'
    if not table.rows:
        return f'{title}<p class="empty">There are no rows.</p>'
    numeric = [any(_is_number(row[i]) for row in table.rows) for i in range(len(table.columns))]
    heads = (
        f'<th scope="col"{_kind(is_number)}>{_text(column)}</th>'
        for column, is_number in zip(table.columns, numeric, strict=True)
    )
    body = "".join(f"<tr>{_cells(row, table.digits, numeric)}</tr>" for row in table.rows)
    whole = f"<table {label}><thead><tr>{''.join(heads)}</tr></thead><tbody>{body}</tbody></table>"
    return f'{title}<div class="scroll" tabindex="0" role="region" {label}>{whole}</div>'


def _cells(row: tuple[Cell, ...], digits: int, numeric: list[bool]) -> str:
    told = [_text(shown(cell, digits)) for cell in row]
    first = f'<th scope="row">{told[0]}</th>' if told and not numeric[0] else ""
    rest = zip(told, numeric, strict=True) if not first else zip(told[1:], numeric[1:], strict=True)
    return first + "".join(f"<td{_kind(is_number)}>{cell}</td>" for cell, is_number in rest)


def _kind(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _text(told: str) -> str:
    return escape(on_one_line(told))
