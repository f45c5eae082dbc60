"""Thoughts: of drawn length, full of verdicts that do not count, and sometimes without an end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any, Final

from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.preferences import chance
from judge_service.emulator.tokens import CHARACTERS_PER_TOKEN, END_THINK

_NORMAL: Final = NormalDist()
_LENGTH_SPREAD: Final = 0.6
_LONGEST: Final = 100_000
_MUSINGS: Final = (
    "Let me read the prompt once more and see what was asked. ",
    "One of them says more, but saying more is not the same as being right. ",
    "Wait, the order in which they are shown should not matter. ",
    "Hmm, what would the person who asked want to know first? ",
    "The details differ, so they need to be weighed one by one. ",
)
_DECOYS: Final = (
    "Perhaps [[{0}]] is the verdict. ",
    "At first sight [[{0}>>{1}]] or [[{0}>{1}]]. ",
    'It could be {{"verdict": "{0}"}} after all. ',
    "[RESULT] {0}\n",
    "Output ({2}) is better.\n",
    "So, the final decision is Response {3}.\n",
    "Choice: {0}\n",
    "Rating: [[1]]. ",
)


def thinks(fields: Mapping[str, Any], closed: bool, behaviour: Behaviour) -> bool:
    """Whether a request is thought about before it is answered.

    Args:
        closed: whether the prompt already holds the end of a thought.
    """
    if behaviour.thinking == "never" or (closed and behaviour.closed_thought):
        return False
    return behaviour.thinking == "always" or not _is_off(fields)


def ends_in_thought(text: str) -> bool:
    """Whether a prompt closes a thought and says little after it."""
    return END_THINK in text[-200:] and len(text) - text.rindex(END_THINK) < 100


def thought(about: tuple[object, ...], side: int, behaviour: Behaviour, budget: int | None) -> str:
    """A thought about a question whose verdict is `side`; it speaks for the other side, and that last of all.

    Args:
        about: what the thought is drawn by.
        budget: the most tokens that it may have.
    """
    drawn = chance("thought", behaviour.seed, *about)
    median = behaviour.thinking_tokens
    tokens = min(_LONGEST, int(median * math.exp(_LENGTH_SPREAD * _NORMAL.inv_cdf(drawn))))
    if budget is not None:
        tokens = min(tokens, budget)
    decoy = _decoy(side, drawn)
    return f"{_mused(max(0, tokens * CHARACTERS_PER_TOKEN - len(decoy)), side, drawn)}{decoy}"


def endless(side: int, tokens: int) -> str:
    """A thought that is longer than this many tokens."""
    return _mused((tokens + 1) * CHARACTERS_PER_TOKEN, side, 0.5)


def overruns(about: tuple[object, ...], behaviour: Behaviour) -> bool:
    """Whether this thought finds no end."""
    return behaviour.overrun > 0.0 and chance("overrun", behaviour.seed, *about) < behaviour.overrun


def _is_off(fields: Mapping[str, Any]) -> bool:
    kwargs = fields.get("chat_template_kwargs")
    if isinstance(kwargs, dict) and "enable_thinking" in kwargs:
        return not kwargs["enable_thinking"]
    return bool(fields.get("reasoning_effort") == "none")


def _decoy(side: int, drawn: float) -> str:
    letters = ("B", "A", "b", "2") if side == 0 else ("A", "B", "a", "1")
    return _DECOYS[int(drawn * 1e6) % len(_DECOYS)].format(*letters)


def _mused(characters: int, side: int, drawn: float) -> str:
    start = int(drawn * 1e6)
    parts: list[str] = []
    length = 0
    while length < characters:
        place = start + len(parts)
        part = _decoy(place % 2, (place % 97) / 97) if place % 3 == 2 else _MUSINGS[place % len(_MUSINGS)]
        parts.append(part)
        length += len(part)
    return "".join(parts)[:characters]
