"""Tables of a report as HTML."""

from __future__ import annotations

from html import escape
from typing import Final

from judge_service.reports.page import Cell, Table
from judge_service.reports.wording import on_one_line, shown

_NUMBER: Final = "number"
_SHORT: Final = 14
_NAME: Final = 60
_LONG: Final = 30


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
    kinds = [_kind([row[i] for row in table.rows]) for i in range(len(table.columns))]
    heads = (
        f'<th scope="col" class="{kind}">{_text(column)}</th>'
        for column, kind in zip(table.columns, kinds, strict=True)
    )
    body = "".join(f"<tr>{_cells(row, table.digits, kinds)}</tr>" for row in table.rows)
    whole = f"<table {label}><thead><tr>{''.join(heads)}</tr></thead><tbody>{body}</tbody></table>"
    size = "scroll long" if len(table.rows) > _LONG else "scroll"
    return f'{title}<div class="{size}" tabindex="0" role="region" {label}>{whole}</div>'


def _cells(row: tuple[Cell, ...], digits: int, kinds: list[str]) -> str:
    told = [(_text(shown(cell, digits)), kind) for cell, kind in zip(row, kinds, strict=True)]
    # What a row is about stands first, if it is a text.
    first = f'<th scope="row" class="{kinds[0]}">{told[0][0]}</th>' if told and kinds[0] != _NUMBER else ""
    return first + "".join(f'<td class="{kind}">{cell}</td>' for cell, kind in told[bool(first) :])


def _kind(column: list[Cell]) -> str:
    """How wide a column has to be: texts wrap, but words and short names stay whole."""
    if any(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in column):
        return _NUMBER
    longest = max((len(cell) for cell in column if isinstance(cell, str)), default=0)
    return "short" if longest <= _SHORT else "name" if longest <= _NAME else "prose"


def _text(told: str) -> str:
    return escape(on_one_line(told))
