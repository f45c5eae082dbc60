"""Numbers on a scale. What lies outside the scale is refused, never clipped."""

from __future__ import annotations

import re
from typing import Final

from judge_service.domain.answers import FreeText
from judge_service.protocols.readings.unreadable import Unreadable

NUMBER: Final = re.compile(r"(?:0|[1-9][0-9]{0,5})(?:\.[0-9]{1,6})?")


def scale_of(space: FreeText, usual: tuple[int, int]) -> tuple[int, int]:
    """The scale asked for, or the one usual for the reading."""
    return space.scale or usual


def checked_score(number: str | float, scale: tuple[int, int]) -> float:
    """The number, if it lies on the scale; raises Unreadable."""
    low, high = scale
    score = float(number)
    if not low <= score <= high:
        raise Unreadable(f"{number} lies outside the scale of {low} to {high}")
    return score


def checked_step(number: str | float, scale: tuple[int, int] | None) -> float:
    """The number, if it is a whole one on the scale; raises Unreadable."""
    score = float(number) if scale is None else checked_score(number, scale)
    if not score.is_integer():
        raise Unreadable(f"{number} is not a whole number")
    return score
