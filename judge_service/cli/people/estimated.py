"""Estimates in words: the value, its interval, and what it rests on, or why there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from judge_service.errors import InvalidOption
from judge_service.reports.page import Ranged
from judge_service.statistics.estimates import Estimate

UNDER: Final = 3
"""The exit code where a figure is below what was asked for."""
_LEAST: Final = re.compile(r"(?P<name>[a-z_]+)(?P<low>\.low)?=(?P<value>-?[0-9.]+)")


def told(found: Estimate, percent: bool = False, signed: bool = False) -> str:
    """An estimate on one line."""
    if found.value is None:
        return f"not known: {found.why}"
    value = number(found.value, percent, signed)
    if found.low is None or found.high is None:
        return f"{value} (no interval: {found.why})"
    low, high = (number(bound, percent, signed) for bound in (found.low, found.high))
    return f"{value} ({low} to {high}), n {found.n:,}"


def number(value: float, percent: bool, signed: bool = False) -> str:
    """A figure as it is told."""
    if percent:
        return f"{value:+.1%}" if signed else f"{value:.1%}"
    return f"{value:+.3f}" if signed else f"{value:.3f}"


def ranged(name: str, found: Estimate) -> Ranged | None:
    """The same for a plot; None where there is no value."""
    return None if found.value is None else Ranged(name, found.value, found.low, found.high)


def fallen_short(asked: Sequence[str], figures: Mapping[str, Estimate], option: str = "fail-under") -> list[str]:
    """Which figures are below what was asked for, in words; one that is not known is.

    Args:
        asked: such as accuracy=0.7, or accuracy.low=0.65 of the interval's lower end.

    Raises:
        InvalidOption: one of them asks for nothing that is told here.
    """
    short = []
    for each in asked:
        parts = _LEAST.fullmatch(each.strip())
        if parts is None or parts["name"] not in figures:
            raise InvalidOption(f"--{option} takes NAME=VALUE with one of {', '.join(figures)}; got {each!r}", option)
        figure, least = figures[parts["name"]], _number(parts["value"], option)
        value = figure.low if parts["low"] else figure.value
        if value is None:
            short.append(f"{parts['name']}{parts['low'] or ''} is not known ({figure.why})")
        elif value < least:
            short.append(f"{parts['name']}{parts['low'] or ''} is {value:.3f}, below {least:g}")
    return short


def _number(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidOption(f"--{option} takes a number; got {text!r}", option) from None
