"""Leanings between labels as a judge's next token: what it could be, each with its log-probability."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.preferences import log_softmax
from judge_service.emulator.tokens import THINK, id_of, token_of

Alternatives = list[tuple[str, float]]
"""(token, log-probability), the likeliest first."""

UNLIKELY: Final = -30.0
"""The log-probability of a token that nothing speaks for."""
_OTHERS: Final = (("The", 0.4), ("I", 0.25), ("**", 0.15), ("Both", 0.1), ("\n", 0.1))
_NO_THOUGHT: Final = 0.001
"""What a judge that thinks leaves on an answer without a thought."""


def alternatives(labels: Sequence[str], leanings: Sequence[float], behaviour: Behaviour) -> Alternatives:
    """The tokens an answer may begin with: labels, their variants, and what the label mass leaves to other words."""
    told = list(zip(labels, leanings, strict=True))
    if behaviour.split_digits:
        told = _first_digits(told)
    if behaviour.surface:
        told = [
            (before + label, leaning + _log(share))
            for before, share in (("", 1.0 - behaviour.surface), (" ", behaviour.surface))
            for label, leaning in told
        ]
    if behaviour.label_mass < 1.0:
        mass = behaviour.label_mass
        told = [(token, leaning + _log(mass)) for token, leaning in told]
        told += [(word, _log(share * (1.0 - mass))) for word, share in _OTHERS]
    told.sort(key=_by_likelihood)
    return told


def behind_a_thought(told: Alternatives) -> Alternatives:
    """The same where a thought comes first: nearly all is on its opening tag."""
    return [(THINK, _log(1.0 - _NO_THOUGHT)), *((token, value + _log(_NO_THOUGHT)) for token, value in told)]


def listed(told: Alternatives, top: int, exact: Sequence[int]) -> Alternatives:
    """What is shown of them: the first `top`, or exactly the tokens with these ids."""
    if not exact:
        return told[:top]
    known = dict(told)
    shown = [(token, known.get(token, UNLIKELY)) for token in map(token_of, exact)]
    return sorted(shown, key=_by_likelihood)


def chosen(told: Alternatives, allowed: Sequence[int], temperature: float, drawn: float) -> tuple[str, float]:
    """The token that is said: the likeliest one, or at a temperature one drawn; only an allowed one."""
    if allowed:
        permitted = {token_of(number) for number in allowed}
        told = [one for one in told if one[0] in permitted] or [(token_of(allowed[0]), UNLIKELY)]
    if temperature <= 0.0:
        return told[0]
    return told[drawn_place([value for _, value in told], temperature, drawn)]


def drawn_place(values: Sequence[float], temperature: float, drawn: float) -> int:
    """The place of the greatest value; at a temperature one drawn from their softmax by a number between 0 and 1."""
    if temperature <= 0.0:
        return max(range(len(values)), key=values.__getitem__)
    for place, value in enumerate(log_softmax([value / temperature for value in values])):
        drawn -= math.exp(value)
        if drawn < 0.0:
            return place
    return len(values) - 1


def name_of(token: str, as_ids: bool) -> str:
    """A token as log-probabilities name it."""
    return f"token_id:{id_of(token)}" if as_ids else token


def _first_digits(told: Alternatives) -> Alternatives:
    """Labels that begin with the same digit as one token."""
    first: dict[str, float] = {}
    for label, leaning in told:
        token = label[:1] if label.isdigit() else label
        first[token] = math.exp(leaning) + first.get(token, 0.0)
    return [(token, _log(share)) for token, share in first.items()]


def _by_likelihood(one: tuple[str, float]) -> float:
    return -one[1]


def _log(share: float) -> float:
    return math.log(share) if share > 1e-13 else UNLIKELY
