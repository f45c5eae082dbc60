"""How answers are laid out, and win rates as they would be between answers that are laid out alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.evaluation.contests.controls import Controlled, controlled, effects_record, percent, usable

FloatArray = npt.NDArray[np.float64]

_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_CODE: Final = re.compile(r"`[^`\n]*`")
_HEADER: Final = re.compile(r"^ {0,3}(#{1,6})[ \t]", re.MULTILINE)
_ORDERED: Final = re.compile(r"^[ \t]*\d{1,9}[.)][ \t]", re.MULTILINE)
_UNORDERED: Final = re.compile(r"^[ \t]*[-*+][ \t]", re.MULTILINE)
_BOLD: Final = re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__")


class Style(NamedTuple):
    """How one text is laid out.

    The features of Arena-Hard and LMArena ("Does style matter?", 2024), with characters for a length that depends on
    nobody's tokenizer. Markdown within fences and inline code is none.

    Attributes:
        length: characters, those of code too.
        headers: of each level, from h1 to h6.
        ordered: lines that begin an entry of a numbered list; `unordered` likewise.
        bold: stretches within ** or __.
    """

    length: int
    headers: tuple[int, ...]
    ordered: int
    unordered: int
    bold: int


NAMES: Final = ("length", "headers", "lists", "bold")


def style_of(text: str) -> Style:
    """How a text is laid out."""
    prose = _CODE.sub("", _without_fences(text))
    levels = [len(marks) for marks in _HEADER.findall(prose)]
    return Style(
        len(text),
        tuple(levels.count(level) for level in range(1, 7)),
        len(_ORDERED.findall(prose)),
        len(_UNORDERED.findall(prose)),
        len(_BOLD.findall(prose)),
    )


def _without_fences(text: str) -> str:
    """The lines outside fenced code; a fence that is never closed reaches to the end (CommonMark 0.31, 4.5)."""
    kept, fence = [], ""
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if fence:
            closes = mark is not None and mark[1].startswith(fence) and not mark[2].strip()
            fence = "" if closes else fence
        elif mark is not None and not (mark[1][0] == "`" and "`" in mark[2]):
            fence = mark[1]
        else:
            kept.append(line)
    return "\n".join(kept)


def style_differences(texts: Sequence[tuple[str, str] | None]) -> tuple[FloatArray, tuple[str, ...]]:
    """How far the first of two texts goes beyond the second in length, headers, lists and bold.

    (a - b) / (a + b) of each feature, 0 where both have none, as LMArena does; over the root of its mean square, so
    that 1 is a standard difference. Not centred, as Arena-Hard does: 0 must stay the place where two texts are alike,
    or the difference that two models mostly have would count as theirs.

    Returns:
        Shape (n, k) with the names of the k features in which any pair differs; a row of NaN where texts are not known.
    """
    table = np.asarray([_difference(pair) for pair in texts], dtype=np.float64).reshape(len(texts), len(NAMES))
    known = table[~np.isnan(table).any(axis=1)]
    scale = np.sqrt((known**2).mean(axis=0)) if len(known) else np.zeros(len(NAMES))
    told = scale > 0.0
    return table[:, told] / scale[told], tuple(name for name, differs in zip(NAMES, told, strict=True) if differs)


def _difference(pair: tuple[str, str] | None) -> list[float]:
    if pair is None:
        return [float("nan")] * len(NAMES)
    first, second = (_features(style_of(text)) for text in pair)
    return [(a - b) / (a + b) if a + b else 0.0 for a, b in zip(first, second, strict=True)]


def _features(style: Style) -> tuple[int, int, int, int]:
    return style.length, sum(style.headers), style.ordered + style.unordered, style.bold


def style_controlled(comparisons: Sequence[Comparison], confidence: float = 0.95) -> Controlled:
    """The win rate of the first model between answers of one length and layout.

    Args:
        comparisons: of one pair of models, named in one order.
        confidence: in (0, 1).

    Raises:
        ValueError: they are of several pairs of models.
    """
    kept, left_out = usable(comparisons)
    differences, names = style_differences([comparison.texts for comparison in kept])
    return controlled(kept, differences, names, np.empty((len(kept), 0)), left_out, confidence)


def style_record(found: Controlled) -> dict[str, Any]:
    """Style control for JSON: rates in percent, effects in logits per standard difference."""
    return {
        "style_controlled": {**percent(found.rate), "confidence": found.confidence, "reason": found.reason or None},
        "style_effects": effects_record(found.effects),
        "style_taken_off": found.taken_off,
        "left_out": dict(found.left_out),
    }
