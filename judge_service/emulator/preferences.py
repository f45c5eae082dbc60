"""What the emulated judge thinks of the candidates: a text in, logits out. Pure, and the same in every process."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final, NamedTuple

from judge_service.domain.digests import draw
from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.candidates import candidates_in, is_fenced
from judge_service.emulator.leanings import swayed
from judge_service.emulator.options import options_in

BEST_WORTH: Final = 10.0
"""Worths run from 0 to this, as far as scores go; marks may lie outside."""
_WORTH: Final = re.compile(r"\(worth (-?\d+(?:\.\d+)?)\)")
_YES_OR_NO: Final = re.compile(r"(?:yes|no)(?::|\Z)")
_NORMAL: Final = NormalDist()


class Shown(NamedTuple):
    """The candidates of a prompt, in the order shown.

    Attributes:
        worths: empty if no candidate was found.
        contents: their texts, as far as they are looked at.
        marked: whether a worth was marked.
    """

    worths: tuple[float, ...]
    contents: tuple[str, ...]
    marked: bool


def chance(*what: object) -> float:
    """A reproducible number between 0 and 1, both excluded, for what is named."""
    return min((draw(*what) + 0.5) / 2.0**64, 1.0 - 2.0**-53)


def quality(text: str, seed: int) -> float:
    """The worth of a text that carries no mark: drawn by its hash, uniform from 0 to 10."""
    return BEST_WORTH * chance("quality", seed, text)


def shown(text: str, behaviour: Behaviour) -> Shown:
    """The candidates in a prompt: by their marks where they have some, else by the template."""
    options = options_in(text)
    if options is not None:
        asked, parts = options
        marked = _WORTH.search(f"{asked}{parts}") is not None
        return Shown(tuple([_option_worth(part, asked, behaviour) for part in parts]), parts, marked)
    marks: list[str] = _WORTH.findall(text)
    # Between fences a text may carry its mark twice.
    fenced = is_fenced(text) if len(marks) > 2 or behaviour.is_swayed else False
    if len(marks) > 1 and not fenced and not behaviour.verbosity and not behaviour.noise and not behaviour.is_swayed:
        return Shown(tuple(map(float, marks)), (), True)
    parts = candidates_in(text)
    if not fenced and (len(parts) < len(marks) or len(parts) > len(marks) > 1):
        parts = _up_to_marks(text)
    if not parts:
        return Shown((), (text,), False)
    worths = [_worth(part, behaviour) for part in parts]
    if behaviour.is_swayed:
        gains = swayed(text, parts, fenced, behaviour)
        worths = [worth + gain for worth, gain in zip(worths, gains, strict=True)]
    return Shown(tuple(worths), parts, bool(marks))


def guessed(text: str, count: int, behaviour: Behaviour) -> Shown:
    """So many candidates for a prompt in which none were found, drawn by the hash of the whole."""
    worths = tuple([quality(f"{place}\n{text}", behaviour.seed) for place in range(count)])
    return Shown(worths, (text,), False)


def pair_noise(contents: Sequence[str], behaviour: Behaviour) -> float:
    """The noise on the logit of a pair: the same whenever these two are shown in this order."""
    return behaviour.noise * _NORMAL.inv_cdf(chance("noise", behaviour.seed, *contents))


def logits(found: Shown, behaviour: Behaviour) -> list[float]:
    """One logit for each candidate; of two, their difference is the logit that the first-shown is better."""
    slope = -behaviour.slope if behaviour.flip else behaviour.slope
    values = [slope * worth for worth in found.worths]
    values[0] += behaviour.bias
    if behaviour.noise and len(values) == 2:
        values[0] += pair_noise(found.contents, behaviour)
    elif behaviour.noise:
        # Each gets its share, so that the difference of any two has the noise that a pair has.
        for place in range(len(values)):
            values[place] += pair_noise((*found.contents, str(place)), behaviour) / math.sqrt(2.0)
    return values


def pair_leanings(values: Sequence[float], tie: float | None) -> list[float]:
    """Log-probabilities that the first, the second, or neither is better.

    Args:
        tie: what a tie weighs against the geometric mean of the two (Davidson 1970); None if none was offered.
    """
    if tie is None:
        return log_softmax(values)
    return log_softmax([*values, math.log(max(tie, 1e-9)) + (values[0] + values[1]) / 2.0])


def score_leanings(found: Shown, scale: tuple[int, int], behaviour: Behaviour) -> list[float]:
    """Log-probabilities of the steps of a scale: a normal distribution around where the worth lies between 0 and 10."""
    worth = found.worths[0]
    if behaviour.noise:
        worth += pair_noise(found.contents, behaviour)
    share = min(1.0, max(0.0, worth / BEST_WORTH))
    low, high = scale
    centre = low + (high - low) * (1.0 - share if behaviour.flip else share)
    return log_softmax([-0.5 * ((step - centre) / behaviour.spread) ** 2 for step in range(low, high + 1)])


def reward_of(conversation: str, answer: str, behaviour: Behaviour) -> float:
    """What a reward model gives to a conversation: the worth of its last turn, in logits."""
    worth = _worth(answer, behaviour)
    noise = pair_noise((conversation,), behaviour) if behaviour.noise else 0.0
    return (-behaviour.slope if behaviour.flip else behaviour.slope) * worth + noise


def log_softmax(values: Sequence[float]) -> list[float]:
    """The values less the logarithm of the sum of their exponentials."""
    top = max(values)
    total = top + math.log(sum([math.exp(value - top) for value in values]))
    return [value - total for value in values]


def _worth(part: str, behaviour: Behaviour) -> float:
    mark = _WORTH.search(part)
    worth = float(mark[1]) if mark else quality(part, behaviour.seed)
    return worth + behaviour.verbosity * math.log(max(1, len(part)))


def _option_worth(part: str, asked: str, behaviour: Behaviour) -> float:
    """An option's own mark; a question's for yes, no being worth 0 then; else by the hash of question and option."""
    mark = _WORTH.search(part)
    of_yes = _WORTH.search(asked) if mark is None and _YES_OR_NO.match(part) else None
    if of_yes is not None:
        return float(of_yes[1]) if part.startswith("yes") else 0.0
    return float(mark[1]) if mark else quality(f"{asked}\n{part}", behaviour.seed)


def _up_to_marks(text: str) -> tuple[str, ...]:
    """The text cut behind each mark: candidates of a template that is not known end there at the earliest."""
    ends = [match.end() for match in _WORTH.finditer(text)]
    return tuple([text[start:end] for start, end in zip([0, *ends], ends, strict=False)])
