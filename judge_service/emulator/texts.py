"""Verdicts as texts, in every form that judges are known to answer in. A new form is a function and its line below."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple

from judge_service.domain.answers import LETTERS, option_labels

Kind = Literal["pair", "score", "scores", "rank", "option"]

_INTRODUCTIONS: Final[Mapping[Kind, str]] = {
    "pair": "Both were read with care.",
    "score": "It was read with care.",
    "scores": "Each was read with care.",
    "rank": "All were read with care.",
    "option": "All were weighed with care.",
}


class Settled(NamedTuple):
    """What the judge settled, in positions shown.

    Attributes:
        side: 0 if the first is better, 1 if the second is, 2 for a tie.
        clear: whether it is better by far.
        order: all positions, best first.
        score: a step of the scale.
        criteria: what scores are asked for, if they have names; letters, where each candidate gets one.
        scores: one to each candidate in the order shown, where all are scored at once.
    """

    kind: Kind
    side: int
    clear: bool
    order: tuple[int, ...]
    score: int
    scale: tuple[int, int]
    criteria: tuple[str, ...]
    scores: tuple[int, ...] = ()


def written(reading: str, settled: Settled) -> str:
    """The verdict in the form that this reading expects."""
    return WRITERS[reading, settled.kind](settled, _INTRODUCTIONS[settled.kind])


def _letters(settled: Settled) -> list[str]:
    return [LETTERS[place] for place in settled.order]


def _arena_hard(settled: Settled, words: str) -> str:
    by_far = ">>" if settled.clear else ">"
    return f"{words}\n\n[[{(f'A{by_far}B', f'B{by_far}A', 'A=B')[settled.side]}]]"


def _two_scores(settled: Settled, words: str) -> str:
    low, high = settled.scale
    good, fair = high - (high - low) // 4, high - (high - low + 1) // 2
    first, second = ((good, fair), (fair, good), (good, good))[settled.side]
    return f"{first} {second}\n{words}"


def _alpaca_eval(settled: Settled, words: str) -> str:
    models = [{"model": name, "rank": rank} for rank, name in enumerate(("mM", "Mm", "mM")[settled.side], 1)]
    return json.dumps({"concise_explanation": words, "ordered_models": models})


def _json_pair(settled: Settled, words: str) -> str:
    return json.dumps({"explanation": words, "verdict": ("A", "B", "tie")[settled.side]})


def _json_score(settled: Settled, words: str) -> str:
    scores = dict.fromkeys(settled.criteria or ("overall",), settled.score)
    return json.dumps({"explanation": words, "scores": scores}, ensure_ascii=False)


def _json_scores(settled: Settled, words: str) -> str:
    scores = {LETTERS[place]: score for place, score in enumerate(settled.scores)}
    return json.dumps({"reasons": dict.fromkeys(scores, words), "scores": scores})


def _json_rank(settled: Settled, words: str) -> str:
    return json.dumps({"explanation": words, "ranking": _letters(settled)})


def _boxed(what: str, inside: object) -> str:
    return f"[The Begin of {what}]\n\\boxed{{{inside}}}\n[The End of {what}]"


def _genrm(settled: Settled, words: str) -> str:
    scores = ("4, 3", "3, 4", "4, 3")[settled.side]
    rank = 1 if settled.clear else 3
    ranks = _boxed("Ranking Score", 7 - rank if settled.side == 1 else rank)
    return f"{words}\n{_boxed('Individual Scores', scores)}\n{ranks}"


Writer = Callable[[Settled, str], str]
WRITERS: Final[dict[tuple[str, Kind], Writer]] = {
    ("arena-hard", "pair"): _arena_hard,
    ("mt-bench-pair", "pair"): lambda s, words: f"{words}\n\n[[{'ABC'[s.side]}]]",
    ("mt-bench-score", "score"): lambda s, words: f"{words}\n\nRating: [[{s.score}]]",
    ("prometheus-pair", "pair"): lambda s, words: f"Feedback: {words} [RESULT] {'ABA'[s.side]}",
    ("prometheus-score", "score"): lambda s, words: f"Feedback: {words} [RESULT] {s.score}",
    ("llmbar", "pair"): lambda s, words: f"{words}\nOutput ({'aba'[s.side]}) is better.",
    ("pandalm", "pair"): lambda s, words: f"{('1', '2', 'Tie')[s.side]}\n\n### Reason: {words}",
    ("auto-j-pair", "pair"): lambda s, words: (
        f"{words}\nSo, the final decision is {('Response 1', 'Response 2', 'Tie')[s.side]}."
    ),
    ("two-scores", "pair"): _two_scores,
    ("alpaca-eval-ranking", "pair"): _alpaca_eval,
    ("ranking", "rank"): lambda s, words: f"{words}\n\n[[{'>'.join(_letters(s))}]]",
    ("choice", "pair"): lambda s, words: f"{words}\n\nChoice: {('A', 'B', 'Tie')[s.side]}",
    ("choice", "score"): lambda s, words: f"{words}\n\nScore: {s.score}",
    ("flow-judge", "score"): lambda s, words: f"<feedback>\n{words}\n</feedback>\n<score>\n{s.score}\n</score>",
    ("glider", "score"): lambda s, words: (
        f"<reasoning>\n- {words}\n</reasoning>\n<highlight>\n[]\n</highlight>\n<score>\n{s.score}\n</score>"
    ),
    ("selene", "pair"): lambda s, words: f"**Reasoning:** {words}\n\n**Result:** {'ABA'[s.side]}",
    ("selene", "score"): lambda s, words: f"**Reasoning:** {words}\n\n**Result:** {s.score}",
    ("nemotron-genrm", "pair"): _genrm,
    ("nemotron-genrm", "score"): lambda s, words: f"{words}\n{_boxed('Individual Scores', s.score)}",
    ("option", "option"): lambda s, words: f"{words}\n\nChoice: {option_labels(len(s.order))[s.order[0]]}",
    ("json", "pair"): _json_pair,
    ("json", "score"): _json_score,
    ("json", "scores"): _json_scores,
    ("json", "rank"): _json_rank,
}
READINGS: Final = tuple(dict.fromkeys(reading for reading, _ in WRITERS))
