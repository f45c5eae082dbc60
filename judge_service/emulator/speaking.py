"""A prompt becomes what the judge says: a label with its alternatives, or a text that ends in a verdict. Pure."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, NamedTuple

from judge_service.emulator.alternatives import Alternatives, alternatives, chosen, drawn_place, listed
from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.notes import asks_for_note, note
from judge_service.emulator.preferences import (
    Shown,
    chance,
    guessed,
    log_softmax,
    logits,
    pair_leanings,
    score_leanings,
    shown,
)
from judge_service.emulator.questions import Form, Question, closing_of, form_of, headed, question, usual_scale
from judge_service.emulator.requests import Asked, Prompt
from judge_service.emulator.texts import WRITERS, Settled, written
from judge_service.emulator.tokens import token_of, tokens_in
from judge_service.emulator.unsteady import moved

BY_FAR: Final = 2.0
"""The logit from which a better candidate is better by far."""
_SHORT: Final = 8
"""Within so many tokens nobody writes more than a label."""


class Token(NamedTuple):
    """A token that was said, and what could have been said instead."""

    token: str
    logprob: float
    tops: Alternatives


class Said(NamedTuple):
    """The judge's answer without its thoughts.

    Attributes:
        side: which candidate it speaks for: 0 for the first, 1 for another.
        told: all alternatives to its first token; empty for a text.
        marked: whether the prompt carried a worth.
    """

    text: str
    tokens: int
    side: int
    told: Alternatives
    first: Token | None
    marked: bool


class Opinion(NamedTuple):
    """What the judge thinks before it says so."""

    found: Shown
    question: Question
    leanings: list[float]
    logits: list[float]


def said(prompt: Prompt, asked: Asked, behaviour: Behaviour, drawn: tuple[object, ...]) -> Said:
    """The answer to a prompt.

    Args:
        drawn: what the answer is drawn by, where it is drawn.
    """
    text = prompt.text
    if asks_for_note(text):
        return _note(note(drawn if asked.temperature > 0 else (behaviour.seed, text)))
    closing = closing_of(text)
    found = shown(text, behaviour)
    what = headed(question(closing, len(found.worths)), text)
    if asked.wants_label:
        return _label(_opinion(text, found, _restricted(what, asked), behaviour, drawn), asked, behaviour, drawn)
    form = _form(text, closing, what, asked, behaviour)
    if form.reading == "bare":
        return _label(_opinion(text, found, what, behaviour, drawn), asked, behaviour, drawn)
    opinion = _opinion(text, found, _as_text(what, form), behaviour, drawn)
    return _text(opinion, form, asked, behaviour, drawn)


def _note(text: str) -> Said:
    """A text before the verdict: it is for nobody, and asks for no worth."""
    return Said(text, tokens_in(text) + 1, 0, [], None, True)


def _opinion(text: str, found: Shown, what: Question, behaviour: Behaviour, drawn: tuple[object, ...]) -> Opinion:
    wanted = 1 if what.kind == "score" else 2
    if len(found.worths) < wanted:
        found = guessed(text, wanted, behaviour)
    values = logits(found, behaviour)
    if what.kind == "pair":
        values[int(what.labels[1] < what.labels[0])] += behaviour.label_bias
        values[0] += moved(text, found.worths, behaviour, drawn)
        leanings = pair_leanings(values[:2], behaviour.tie if what.tie else None)
    elif what.kind == "score":
        leanings = score_leanings(found, _scale(what), behaviour)
    elif what.kind == "scores":
        leanings = []
    else:
        leanings = log_softmax(values)
    return Opinion(found, what, leanings, values)


def _label(opinion: Opinion, asked: Asked, behaviour: Behaviour, drawn: tuple[object, ...]) -> Said:
    labels = opinion.question.labels
    told = alternatives(labels, opinion.leanings, behaviour)
    if asked.choices:
        told = [one for one in told if one[0] in asked.choices] or told
    at = chance("answer", *drawn) if asked.temperature > 0 else 0.0
    token, logprob = chosen(told, asked.allowed, asked.temperature, at)
    text, tokens = token, 1
    if behaviour.split_digits and opinion.question.kind == "score":
        text = _whole_number(token, labels, opinion.leanings)
        tokens = max(1, len(text.strip()))
    first = Token(token, logprob, listed(told, asked.top, asked.exact)) if asked.top is not None else None
    return Said(text, tokens, int(text.strip() != labels[0]), told, first, opinion.found.marked)


def _whole_number(token: str, labels: tuple[str, ...], leanings: list[float]) -> str:
    """The likeliest of the numbers that begin with this digit."""
    starting = [place for place, label in enumerate(labels) if label.startswith(token.strip())]
    return labels[max(starting, key=leanings.__getitem__)] if starting and token.strip() else token


def _text(opinion: Opinion, form: Form, asked: Asked, behaviour: Behaviour, drawn: tuple[object, ...]) -> Said:
    kind = opinion.question.kind
    at = chance("answer", *drawn) if asked.temperature > 0 else 0.0
    if kind == "scores":
        return _several(opinion, form, asked, behaviour, drawn)
    ordered = kind in ("rank", "option")
    order = _order(opinion.logits, asked.temperature, drawn) if ordered else (0,)
    place = 0 if ordered else drawn_place(opinion.leanings, asked.temperature, at)
    scale = _scale(opinion.question)
    side = int(order[0] != 0) if ordered else place if kind == "pair" else 0
    lead = opinion.logits[0] - opinion.logits[-1]
    clear = side < 2 and (lead if side == 0 else -lead) >= BY_FAR
    settled = Settled(kind, side, clear, order, scale[0] + place, scale, form.criteria)
    text = written(str(form.reading), settled)
    return Said(text, tokens_in(text) + 1, int(side == 1), [], None, opinion.found.marked)


def _several(opinion: Opinion, form: Form, asked: Asked, behaviour: Behaviour, drawn: tuple[object, ...]) -> Said:
    """A score to each candidate, as it would get one alone."""
    scale = _scale(opinion.question)
    scores = []
    for place, worth in enumerate(opinion.found.worths):
        alone = opinion.found._replace(worths=(worth,), contents=opinion.found.contents[place : place + 1])
        at = chance("answer", place, *drawn) if asked.temperature > 0 else 0.0
        scores.append(scale[0] + drawn_place(score_leanings(alone, scale, behaviour), asked.temperature, at))
    settled = Settled("scores", 0, False, (0,), scale[0], scale, form.criteria, tuple(scores))
    text = written(str(form.reading), settled)
    return Said(text, tokens_in(text) + 1, 0, [], None, opinion.found.marked)


def _order(values: list[float], temperature: float, drawn: tuple[object, ...]) -> tuple[int, ...]:
    """All places, the best first; at a temperature drawn as Plackett and Luce draw (by Gumbel noise)."""
    if temperature > 0:
        values = [
            value - temperature * math.log(-math.log(chance("answer", place, *drawn)))
            for place, value in enumerate(values)
        ]
    return tuple(sorted(range(len(values)), key=lambda place: -values[place]))


def _form(text: str, closing: str, what: Question, asked: Asked, behaviour: Behaviour) -> Form:
    """The form of a text answer: the one that is set, the one asked for, or the plainest."""
    form = form_of(text, closing, what.kind)
    short = asked.max_tokens is not None and asked.max_tokens <= _SHORT and form.reading == "bare"
    if (behaviour.reading, what.kind) in WRITERS and not short:
        return form._replace(reading=behaviour.reading)
    if form.reading is None:
        return form._replace(reading="ranking" if what.kind == "rank" else "bare")
    return form


def _as_text(what: Question, form: Form) -> Question:
    """The question as one that is answered in this form."""
    reading = str(form.reading)
    if (reading, what.kind) not in WRITERS:
        return what._replace(kind="rank", tie=False)
    scale = form.scale or what.scale or usual_scale(reading)
    return what._replace(tie=form.tie, scale=scale)


def _scale(what: Question) -> tuple[int, int]:
    return what.scale or usual_scale("")


def _restricted(what: Question, asked: Asked) -> Question:
    if asked.choices:
        return _relabelled(what, tuple(dict.fromkeys(asked.choices)))
    if asked.allowed:
        return _relabelled(what, tuple(sorted({token_of(number).strip() for number in asked.allowed} - {""})))
    return what


@lru_cache(maxsize=1024)
def _relabelled(what: Question, names: tuple[str, ...]) -> Question:
    """The same question with the only labels that may be said, where these are not its own."""
    if set(what.labels) <= set(names):
        return what
    numbers = sorted(int(name) for name in names if name.isascii() and name.isdigit())
    if what.kind == "score" and len(numbers) > 1 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return what._replace(labels=tuple(map(str, numbers)), scale=(numbers[0], numbers[-1]))
    if what.kind == "pair" and len(names) > 1:
        return what._replace(labels=names[:3], tie=len(names) > 2)
    if what.kind == "rank" and len(names) >= len(what.labels):
        return what._replace(labels=names[: len(what.labels)])
    return what
