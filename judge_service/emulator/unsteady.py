"""What an emulated judge's mind changes by between two ways to ask the same, and between two answers to one prompt."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.preferences import chance
from judge_service.emulator.questions import closing_of

_NORMAL: Final = NormalDist()


def moved(text: str, worths: Sequence[float], behaviour: Behaviour, drawn: tuple[object, ...]) -> float:
    """By how much the first-shown of a pair gains: the same for a candidate wherever it stands.

    Args:
        drawn: what an answer is drawn by: another each time that a prompt comes.
    """
    gained = 0.0
    if behaviour.wording:
        gained += behaviour.wording * _normal("wording", behaviour.seed, closing_of(text), *sorted(worths))
    if behaviour.unsteady:
        gained += behaviour.unsteady * _normal("unsteady", *drawn)
    return gained if worths[0] >= worths[1] else -gained


def _normal(*what: object) -> float:
    return _NORMAL.inv_cdf(chance(*what))
