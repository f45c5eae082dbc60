"""A judge that needs no model: for trying the service, and for its tests.

It answers through the same answer spaces as a real judge, from a few plain features of the texts (demands.py reads the
prompt, features.py a candidate) with the fixed weights below. It does not understand what it reads, does not know what
is true, and does not use the standard, criterion or principle that it is asked about. **It is no judge to train on or
to decide by.** How often it agrees with real judges, and how often "the longer one wins" does, is measured by
bench/offline_agreement.py.

It is pure and deterministic. As real judges do, it leans towards what it is shown first, by a fixed logit, so that one
sees the service measure the lean and undo it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul
from typing import Final

from judge_service.backends.base import Terms
from judge_service.backends.features import BLANK, Features, Sight, sight_of
from judge_service.backends.replies import EVEN, NO_TIE, Settled, comparison, description, reply
from judge_service.domain.answers import LETTERS, Choice, FreeText, Scalar
from judge_service.domain.digests import draw
from judge_service.domain.prompting import Completion, JudgePrompt, Source, Span
from judge_service.domain.verdicts import Usage

VERSION: Final = "1"
"""To be raised with every change of weights, features or constants: the revision that cached answers belong to."""
IDENTITY: Final = f"offline/{VERSION}"

WEIGHTS: Final = Features(
    relevance=2.0,
    opening=1.0,
    substance=1.5,
    compliance=0.5,
    form=0.5,
    reference=1.0,
    grounding=0.5,
    repetition=-2.0,
    refusal=-1.0,
    filler=-0.1,
    hedging=-0.1,
    foreign=-1.0,
    cut=-0.5,
    echo=-4.0,
    steering=-3.0,
)
MIDDLING: Final = 2.75
"""What the weighted features of an ordinary answer come to; worth counts from here."""
EMPTY_WORTH: Final = -5.0
LEAST_WORTH: Final = -4.5
SLOPE: Final = 1.2
"""Logits to one unit of worth."""
FIRST_SHOWN_LEAN: Final = 0.4
"""The logit by which the first-shown is favoured, planted on purpose."""
TIE_SHARE: Final = 1.25
"""Davidson's tie parameter: two equals are called a tie in spite of the lean."""
SCORE_SPREAD: Final = 0.15
NO_NOTE: Final = "The offline judge has no thoughts on this: it is a scorer on text features."
"""The standard deviation of a score, as a share of the scale, and never less than half a step."""
BY_FAR: Final = 2.0
"""The logit from which a better response is better by far."""

HEAD: Final = 12_000
TAIL: Final = 4_000
"""Of a longer text only the first HEAD and the last TAIL characters are read."""

_LEFT_OUT: Final = " tokens left out "
_OPENED: Final = re.compile(r"^\[(?:Response|Option) (\S+)(?: \S+)?\]", re.MULTILINE)
_OWN_TEMPERATURE: Final = 1.0
_SCALES: Final = dict.fromkeys(("prometheus-score", "flow-judge", "glider", "selene", "nemotron-genrm"), (1, 5))
_SCALE: Final = (1, 10)


class OfflineJudge:
    """A backend that answers at once and from the texts alone."""

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        """One completion for each prompt, in their order; the terms make no difference."""
        return [answer(prompt) for prompt in prompts]

    async def aclose(self) -> None:
        """There is nothing to give back."""


def worth(prompt: str, candidate: str, reference: str = "", context: str = "") -> float:
    """How good a candidate looks: 0 is an ordinary answer, an empty one is the worst there is."""
    return _worth_of(_sight(_within(prompt), _within(candidate), _within(reference), _within(context)))


def answer(prompt: JudgePrompt) -> Completion:
    """The completion of one prompt."""
    shown = _shown(prompt.user)
    dice = _Dice(prompt)
    space = prompt.space
    if isinstance(space, FreeText):
        text = _text(space, shown, dice)
        return Completion(text=text, usage=_usage(prompt, len(text) // 4))
    assert not isinstance(space, Scalar)
    if isinstance(space, Choice):
        probabilities = dict(zip(space.labels, _choice(shown.worths, space), strict=True))
    else:
        probabilities = dict(zip(space.labels, _steps(shown.worths[0], space.low, space.high), strict=True))
    label = dice.choose(probabilities)
    return Completion(text=label, probabilities=probabilities, label_mass=1.0, usage=_usage(prompt, 1))


@dataclass(frozen=True, slots=True)
class _Shown:
    """The candidates of a prompt as they were shown, at least one."""

    labels: tuple[str, ...]
    sights: tuple[Sight, ...]
    worths: tuple[float, ...]

    def sight(self, place: int) -> Sight:
        """What is seen of the candidate at this place; of one that was not shown, nothing."""
        return self.sights[place] if place < len(self.sights) else BLANK

    def names(self, places: int) -> tuple[str, ...]:
        """A label for each place; a number where none was shown."""
        return (*self.labels[:places], *map(str, range(len(self.labels) + 1, places + 1)))

    def comparison(self, better: int, worse: int) -> str:
        """Why one is better than another."""
        label = self.names(max(better, worse) + 1)[better]
        return comparison(f"Response {label}", self.sight(better), self.sight(worse), WEIGHTS)


class _Dice:
    """Draws that depend on the question alone; at temperature 0 they change nothing."""

    def __init__(self, prompt: JudgePrompt) -> None:
        temperature = prompt.sampling.temperature
        self._temperature = _OWN_TEMPERATURE if temperature is None else temperature
        self._cast = (prompt.key(b"offline"), prompt.sampling.seed, prompt.repeat) if self._temperature > 0 else ()

    def shaken(self, logit: float, what: object) -> float:
        """The logit with Gumbel noise: its maximum over labels is a draw from their softmax at this temperature."""
        if not self._cast:
            return logit
        uniform = (draw(*self._cast, what) + 0.5) / 2.0**64
        return logit - self._temperature * math.log(-math.log(min(uniform, 1.0 - 2.0**-53)))

    def choose(self, probabilities: Mapping[str, float], about: object = "") -> str:
        """A label: the likeliest one at temperature 0."""
        if not self._cast:
            return max(probabilities, key=probabilities.__getitem__)
        shaken = {label: self.shaken(math.log(p), (about, label)) for label, p in probabilities.items()}
        return max(shaken, key=shaken.__getitem__)


def _shown(user: Sequence[Span]) -> _Shown:
    """Sorts the spans of a prompt by whose they are; a line of ours opens each candidate, or in a judge's own format
    any text of ours, but for the mark of what was left out.
    """
    given: dict[Source, list[str]] = {"prompt": [], "reference": [], "context": [], "judge": []}
    labels: list[str] = []
    texts: list[list[str]] = []
    is_fenced, is_apart = False, True
    for span in user:
        if span.source is None:
            is_apart = is_apart or _LEFT_OUT not in span.text
            for label in _OPENED.findall(span.text) if "[" in span.text else ():
                is_fenced = True
                labels.append(label)
                texts.append([])
        elif span.source != "candidate":
            given[span.source].append(span.text)
        elif texts and (is_fenced or not is_apart):
            texts[-1].append(span.text)
        else:
            is_apart = False
            labels.append(LETTERS[len(labels)])
            texts.append([span.text])
    prompt, reference, context = (_within("\n".join(given[s])) for s in ("prompt", "reference", "context"))
    sights = tuple([_sight(prompt, _within("\n".join(text)), reference, context) for text in texts or [[]]])
    return _Shown(tuple(labels or LETTERS[0]), sights, tuple([_worth_of(sight) for sight in sights]))


def _within(text: str) -> str:
    return text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"


@lru_cache(maxsize=2048)
def _sight(prompt: str, candidate: str, reference: str, context: str) -> Sight:
    """Remembered, so that all questions about a candidate look at it once."""
    return sight_of(prompt, candidate, reference, context)


def _worth_of(sight: Sight) -> float:
    if not sight.words:
        return EMPTY_WORTH
    weighted: float = sum(map(mul, WEIGHTS, sight.features))
    return max(LEAST_WORTH, weighted - MIDDLING)


def _logits(worths: Sequence[float], places: int) -> list[float]:
    """A logit for each place; places beyond the candidates shown count as ordinary answers."""
    logits = [SLOPE * w for w in worths[:places]] + [0.0] * (places - len(worths))
    logits[0] += FIRST_SHOWN_LEAN
    return logits


def _choice(worths: Sequence[float], space: Choice) -> list[float]:
    """The softmax of the logits; a tie weighs `TIE_SHARE` times the geometric mean of the best two (Davidson 1970)."""
    logits = _logits(worths, len(space.labels) - (space.tie is not None))
    if space.tie is not None:
        logits.append(math.log(TIE_SHARE) + sum(sorted(logits)[-2:]) / 2.0)
    top = max(logits)
    weights = [math.exp(logit - top) for logit in logits]
    total = sum(weights)
    return [weight / total for weight in weights]


def _steps(worth: float, low: int, high: int) -> list[float]:
    """A normal distribution over the steps of a scale, its centre where the logistic curve of worth is."""
    centre = low + (high - low) / (1.0 + math.exp(-worth))
    spread = max(0.5, SCORE_SPREAD * (high - low))
    weights = [math.exp(-0.5 * ((step - centre) / spread) ** 2) for step in range(low, high + 1)]
    total = sum(weights)
    return [weight / total for weight in weights]


def _text(space: FreeText, shown: _Shown, dice: _Dice) -> str:
    if space.asks == "note":
        return NO_NOTE
    scale = space.scale or _SCALES.get(space.reading, _SCALE)
    if space.asks == "score":
        settled = _settled_score(space, shown, scale, dice)
    elif space.asks == "scores":
        settled = _settled_scores(space, shown, scale, dice)
    elif space.asks in ("rank", "option"):
        settled = _settled_rank(space, shown, dice)
    else:
        settled = _settled_pair(space, shown, scale, dice)
    return reply(space.reading, space.asks, settled)


def _settled_score(space: FreeText, shown: _Shown, scale: tuple[int, int], dice: _Dice) -> Settled:
    criteria = {name: _score(shown.worths[0], scale, dice, name) for name in space.criteria or ("",)}
    scores = (next(iter(criteria.values())),)
    return Settled(description(shown.sight(0)), shown.labels, 0, False, (0,), scores, criteria)


def _settled_scores(space: FreeText, shown: _Shown, scale: tuple[int, int], dice: _Dice) -> Settled:
    worths = zip(shown.names(space.shown), (*shown.worths, *[0.0] * space.shown), strict=False)
    scores = tuple([_score(worth, scale, dice, label) for label, worth in worths])
    reasons = tuple([description(shown.sight(place)) for place in range(space.shown)])
    return Settled("", shown.names(space.shown), 0, False, tuple(range(space.shown)), scores, {}, reasons)


def _settled_rank(space: FreeText, shown: _Shown, dice: _Dice) -> Settled:
    logits = [dice.shaken(logit, place) for place, logit in enumerate(_logits(shown.worths, space.shown))]
    order = tuple(sorted(range(len(logits)), key=lambda place: -logits[place]))
    labels = shown.names(len(order))
    about = description(shown.sight(0))
    if len(order) > 1:
        about = f"Response {labels[order[0]]} comes first. {shown.comparison(order[0], order[1])}"
    return Settled(about, labels, order[0], False, order, (), {})


def _settled_pair(space: FreeText, shown: _Shown, scale: tuple[int, int], dice: _Dice) -> Settled:
    ties = space.ties and space.reading not in NO_TIE
    offered = Choice(("first", "second", "tie"), "tie") if ties else Choice(("first", "second"))
    verdict = dice.choose(dict(zip(offered.labels, _choice(shown.worths, offered), strict=True)))
    best = None if verdict == "tie" else offered.labels.index(verdict)
    first, second = _logits(shown.worths, 2)
    lead = second - first if best else first - second
    order = (1, 0) if best else (0, 1)
    about = EVEN if best is None else shown.comparison(*order)
    scores = _two_scores(shown, best, scale, dice)
    return Settled(about, shown.names(2), best, best is not None and lead >= BY_FAR, order, scores, {})


def _two_scores(shown: _Shown, best: int | None, scale: tuple[int, int], dice: _Dice) -> tuple[int, int]:
    """Two scores that say what the verdict says."""
    worths = (*shown.worths, 0.0)[:2]
    lower, higher = sorted(_score(worth, scale, dice, place) for place, worth in enumerate(worths))
    if best is None:
        return (lower + higher) // 2, (lower + higher) // 2
    if lower == higher:
        higher = min(higher + 1, scale[1])
        lower = higher - 1
    return (lower, higher) if best else (higher, lower)


def _score(worth: float, scale: tuple[int, int], dice: _Dice, about: object) -> int:
    steps = {str(scale[0] + i): p for i, p in enumerate(_steps(worth, *scale))}
    return int(dice.choose(steps, about))


def _usage(prompt: JudgePrompt, completion_tokens: int) -> Usage:
    """Tokens at four characters each."""
    characters = sum([len(span.text) for spans in (prompt.system, prompt.user) for span in spans])
    return Usage(judge_calls=1, prompt_tokens=characters // 4, completion_tokens=completion_tokens)
