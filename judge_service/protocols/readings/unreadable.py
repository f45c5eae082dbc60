"""The one way a reading fails."""

from __future__ import annotations

from judge_service.domain.answers import FIRST, SECOND, TIE, FreeText, PairAnswer


class Unreadable(Exception):
    """A text holds no verdict that binds. The message says why, in words for the person who reads the failure."""


def pair_answer(side: str, label: str, space: FreeText) -> PairAnswer:
    """The answer for `first`, `second` or `tie`, where a tie is refused unless it was offered."""
    if side == "tie" and not space.ties:
        raise Unreadable(f"'{label}' is a tie, and no tie was offered")
    return PairAnswer(*{"first": FIRST, "second": SECOND, "tie": TIE}[side], label=label)
