"""The offline judge's texts: what it settled, in the form that each reading expects."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from judge_service.backends.features import Features, Sight

_TELLING: Final = 0.1
"""A difference in worth below this is not mentioned."""
_PLAIN: Final = 0.2
"""A fault below this is not mentioned."""

EVEN: Final = "There is little to choose between the responses."
_REASONS: Final[Mapping[str, str]] = {
    "opening": "comes to the point sooner",
    "compliance": "keeps closer to the amount asked for",
    "form": "has the form asked for",
    "reference": "has more in common with the reference",
    "grounding": "stays closer to the context",
    "repetition": "repeats itself less",
    "refusal": "makes fewer excuses",
    "filler": "starts without a courtesy",
    "hedging": "is less hesitant",
    "foreign": "is written in the script of the prompt",
    "cut": "ends properly, where the other one breaks off",
    "echo": "is more than a repetition of the prompt",
    "steering": "does not try to steer the judge",
}
_FAULTS: Final[Mapping[str, str]] = {
    "repetition": "repeats itself",
    "refusal": "begins with an excuse",
    "foreign": "is written in another script than the prompt",
    "cut": "breaks off",
    "echo": "only repeats the prompt",
    "steering": "tries to steer the judge",
}


@dataclass(frozen=True, slots=True)
class Settled:
    """What the offline judge found, in positions shown.

    Attributes:
        labels: as the candidates were shown.
        best: the position of the better one; None for a tie.
        clear: whether it is better by far.
        order: all positions, best first.
        scores: one score to each position.
        criteria: the first candidate's score by criterion.
        reasons: what is said of each position, where each is scored.
    """

    explanation: str
    labels: tuple[str, ...]
    best: int | None
    clear: bool
    order: tuple[int, ...]
    scores: tuple[int, ...]
    criteria: Mapping[str, int]
    reasons: tuple[str, ...] = ()


def reply(reading: str, asks: Literal["pair", "score", "scores", "rank", "option"], settled: Settled) -> str:
    """The text; in a reading that is not known here it is the JSON form."""
    return _FORMS.get((reading, asks), _JSON[asks])(settled)


def comparison(name: str, better: Sight, worse: Sight, weights: Features) -> str:
    """A sentence on why the candidate of that name is better, from the one or two features that tell most."""
    if not worse.words and better.words:
        return f"{name} says something, and the other one is empty."
    gains = [w * (b - o) for w, b, o in zip(weights, better.features, worse.features, strict=True)]
    telling = sorted((i for i, gain in enumerate(gains) if gain > _TELLING), key=lambda i: -gains[i])[:2]
    if not telling:
        return EVEN
    return f"{name} {' and '.join(_reason(Features._fields[i], better, worse) for i in telling)}."


def description(sight: Sight) -> str:
    """A sentence or two on one candidate."""
    if not sight.words:
        return "The response is empty."
    about = f"The response has {_words(sight.words)} and holds {sight.covered} of the prompt's {sight.asked} key words."
    faults = [fault for name, fault in _FAULTS.items() if getattr(sight.features, name) > _PLAIN]
    return f"{about} It {' and '.join(faults)}." if faults else about


def _reason(feature: str, better: Sight, worse: Sight) -> str:
    if feature == "relevance":
        return f"covers more of what was asked ({better.covered} of {better.asked} key words against {worse.covered})"
    if feature == "substance":
        return f"says more ({_words(better.words)} against {worse.words})"
    return _REASONS[feature]


def _words(count: int) -> str:
    return f"{count} word" if count == 1 else f"{count} words"


def _pick(settled: Settled, first: str, second: str, tie: str) -> str:
    """One of three; a reading that knows no tie is never asked for one."""
    return tie if settled.best is None else (first, second)[settled.best]


def _arena_hard(settled: Settled) -> str:
    by_far = ">>" if settled.clear else ">"
    return f"{settled.explanation}\n\n[[{_pick(settled, f'A{by_far}B', f'B{by_far}A', 'A=B')}]]"


def _alpaca_eval(settled: Settled) -> str:
    names = _pick(settled, "mM", "Mm", "mM")
    return json.dumps([{"model": name, "rank": rank} for rank, name in enumerate(names, 1)])


def _two_scores(settled: Settled) -> str:
    return f"{' '.join(map(str, settled.scores))}\n{settled.explanation}"


def _boxed(what: str, inside: object) -> str:
    return f"[The Begin of {what}]\n\\boxed{{{inside}}}\n[The End of {what}]"


def _genrm(settled: Settled) -> str:
    scores, rank = _pick(settled, "4, 3", "3, 4", "4, 3"), 1 if settled.clear else 2
    ranks = _boxed("Ranking Score", rank if settled.best != 1 else 7 - rank)
    return f"{settled.explanation}\n{_boxed('Individual Scores', scores)}\n{ranks}"


def _shown_label(settled: Settled) -> str:
    return "tie" if settled.best is None else settled.labels[settled.best]


def _shown_order(settled: Settled) -> list[str]:
    return [settled.labels[place] for place in settled.order]


def _json(settled: Settled, **verdict: object) -> str:
    return json.dumps({"explanation": settled.explanation, **verdict}, ensure_ascii=False)


def _group(settled: Settled) -> str:
    reasons, scores = (dict(zip(settled.labels, told, strict=True)) for told in (settled.reasons, settled.scores))
    return json.dumps({"reasons": reasons, "scores": scores}, ensure_ascii=False)


_Form = Callable[[Settled], str]
_JSON: Final[Mapping[str, _Form]] = {
    "pair": lambda s: _json(s, verdict=_shown_label(s)),
    "score": lambda s: _json(s, scores=s.criteria),
    "scores": _group,
    "rank": lambda s: _json(s, ranking=_shown_order(s)),
    "option": lambda s: f"{s.explanation}\n\nChoice: {_shown_order(s)[0]}",
}
_FORMS: Final[Mapping[tuple[str, str], _Form]] = {
    ("arena-hard", "pair"): _arena_hard,
    ("mt-bench-pair", "pair"): lambda s: f"{s.explanation}\n\n[[{_pick(s, 'A', 'B', 'C')}]]",
    ("mt-bench-score", "score"): lambda s: f"{s.explanation}\n\nRating: [[{s.scores[0]}]]",
    ("prometheus-pair", "pair"): lambda s: f"Feedback: {s.explanation} [RESULT] {_pick(s, 'A', 'B', 'A')}",
    ("prometheus-score", "score"): lambda s: f"Feedback: {s.explanation} [RESULT] {s.scores[0]}",
    ("llmbar", "pair"): lambda s: f"{s.explanation}\nOutput ({_pick(s, 'a', 'b', 'a')}) is better.",
    ("pandalm", "pair"): lambda s: f"{_pick(s, '1', '2', 'Tie')}\n\n### Reason: {s.explanation}",
    ("auto-j-pair", "pair"): lambda s: (
        f"{s.explanation}\nSo, the final decision is {_pick(s, 'Response 1', 'Response 2', 'Tie')}."
    ),
    ("two-scores", "pair"): _two_scores,
    ("alpaca-eval-ranking", "pair"): _alpaca_eval,
    ("ranking", "rank"): lambda s: f"{s.explanation}\n\n[[{'>'.join(_shown_order(s))}]]",
    ("choice", "pair"): lambda s: f"{s.explanation}\n\nChoice: {_pick(s, 'A', 'B', 'Tie')}",
    ("choice", "score"): lambda s: f"{s.explanation}\n\nScore: {s.scores[0]}",
    ("flow-judge", "score"): lambda s: f"<feedback>{s.explanation}</feedback>\n<score>{s.scores[0]}</score>",
    ("glider", "score"): lambda s: (
        f"<reasoning>{s.explanation}</reasoning>\n<highlight></highlight>\n<score>{s.scores[0]}</score>"
    ),
    ("selene", "pair"): lambda s: f"**Reasoning:** {s.explanation}\n\n**Result:** {_pick(s, 'A', 'B', 'A')}",
    ("selene", "score"): lambda s: f"**Reasoning:** {s.explanation}\n\n**Result:** {s.scores[0]}",
    ("nemotron-genrm", "pair"): _genrm,
    ("nemotron-genrm", "score"): lambda s: f"{s.explanation}\n{_boxed('Individual Scores', s.scores[0])}",
}
NO_TIE: Final = frozenset(("prometheus-pair", "llmbar", "alpaca-eval-ranking", "selene", "nemotron-genrm"))
"""Readings in which a tie cannot be said."""
