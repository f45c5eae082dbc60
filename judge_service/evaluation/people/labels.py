"""What people said of pairs: how a label is given, and which side it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from judge_service.domain.frozen import frozen
from judge_service.domain.judgments import Judgment

TIE: Final = "tie"
_FIRST: Final = ("a", "1", "first")
_SECOND: Final = ("b", "2", "second")


@frozen
class Told:
    """A label as it was given.

    Attributes:
        where: file and row, for messages.
    """

    where: str
    value: Any


LabelOf = Callable[[str, Judgment], Told | None]
"""The label of a judgment that stands at a place, if it has one."""


def label_in_metadata(field: str) -> LabelOf:
    """Labels that a field of the cases' metadata holds; null is none."""

    def label_of(where: str, judgment: Judgment) -> Told | None:
        value = judgment.metadata.get(field)
        return None if value is None else Told(where, value)

    return label_of


def label_by_case(labels: Mapping[str, Told]) -> LabelOf:
    """Labels by case id."""
    return lambda _, judgment: labels.get(judgment.case_id)


def side_named(value: Any, candidates: tuple[str, ...]) -> float:
    """A label as P(the first is better): 1, 0, or 0.5 for a tie.

    A label is a candidate's id, "tie", or else a place: a, 1 or first; b, 2 or second. Capitals do not matter, but
    where ids differ in them alone. A 0 is refused: some files number from 0, and in others it is a tie.

    Raises:
        ValueError: it is none of these.
    """
    text = _text(value)
    matches = [text] if text in candidates else [name for name in candidates if name.casefold() == text.casefold()]
    if len(matches) == 1:
        return 1.0 if matches[0] == candidates[0] else 0.0
    word = text.casefold()
    if word == TIE:
        return 0.5
    if not matches and word in (*_FIRST, *_SECOND):
        return 1.0 if word in _FIRST else 0.0
    raise ValueError(
        f"{value!r} is no label: it takes a candidate's id ({', '.join(candidates)}), tie, or a place (a or 1, b or 2)"
    )


def _text(value: Any) -> str:
    """The label as a word; numbers may have become fractions on their way through a table."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
