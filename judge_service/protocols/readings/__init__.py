"""Readings: how a judge's text becomes an answer. A new one is a file, and its line in the table below.

The rule they share: thinking and quotations are taken out; then the verdict is in the last sentence or line that
holds a label. One distinct label there binds; of several, the one that the sentence calls better; else the text is
unreadable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from judge_service.domain.answers import Answer, FreeText
from judge_service.errors import UnknownName
from judge_service.protocols.readings.alpaca_eval import ALPACA_EVAL
from judge_service.protocols.readings.auto_j import AUTO_J
from judge_service.protocols.readings.brackets import ARENA_HARD, MT_BENCH_PAIR, MT_BENCH_SCORE
from judge_service.protocols.readings.choice import CHOICE
from judge_service.protocols.readings.first_line import PANDALM, TWO_SCORES
from judge_service.protocols.readings.forms import half_width
from judge_service.protocols.readings.genrm import GENRM
from judge_service.protocols.readings.joined import joined
from judge_service.protocols.readings.json_answers import JSON
from judge_service.protocols.readings.label import LABEL, LABEL_AFTER
from judge_service.protocols.readings.llmbar import LLMBAR
from judge_service.protocols.readings.options import OPTION
from judge_service.protocols.readings.prometheus import PROMETHEUS_PAIR, PROMETHEUS_SCORE
from judge_service.protocols.readings.rankings import RANKING
from judge_service.protocols.readings.reading import Ask, Reading
from judge_service.protocols.readings.selene import SELENE
from judge_service.protocols.readings.tags import FLOW_JUDGE, GLIDER
from judge_service.protocols.readings.thoughts import without_thoughts
from judge_service.protocols.readings.unreadable import Unreadable

__all__ = ["LABEL_AFTER", "READINGS", "Ask", "Reading", "Unreadable", "default_space", "form_of", "read"]

READINGS: Final[dict[str, Reading]] = {
    "arena-hard": ARENA_HARD,
    "mt-bench-pair": MT_BENCH_PAIR,
    "mt-bench-score": MT_BENCH_SCORE,
    "prometheus-pair": PROMETHEUS_PAIR,
    "prometheus-score": PROMETHEUS_SCORE,
    "llmbar": LLMBAR,
    "pandalm": PANDALM,
    "auto-j-pair": AUTO_J,
    "two-scores": TWO_SCORES,
    "alpaca-eval-ranking": ALPACA_EVAL,
    "ranking": RANKING,
    "choice": CHOICE,
    "json": JSON,
    "label": LABEL,
    "option": OPTION,
    "flow-judge": FLOW_JUDGE,
    "glider": GLIDER,
    "selene": SELENE,
    "nemotron-genrm": GENRM,
    "prometheus": joined("prometheus", PROMETHEUS_PAIR, PROMETHEUS_SCORE),
    "mt-bench": joined("mt-bench", MT_BENCH_PAIR, MT_BENCH_SCORE),
    "auto-j": joined("auto-j", AUTO_J, MT_BENCH_SCORE),
}

_USUAL_SCALES: Final[Mapping[str, tuple[int, int]]] = {
    "mt-bench-score": (1, 10),
    "prometheus-score": (1, 5),
    "two-scores": (1, 10),
    "flow-judge": (1, 5),
    "glider": (1, 5),
    "selene": (1, 5),
    "nemotron-genrm": (1, 5),
}

_SHOWN: Final[Mapping[Ask, int]] = {"pair": 2, "score": 1, "scores": 0, "rank": 0, "option": 0}


def read(text: str, space: FreeText, quoted: Sequence[str] = ()) -> Answer:
    """What the text answers.

    Args:
        quoted: the untrusted texts that stood in the prompt, to tell quotations from verdicts.

    Raises:
        Unreadable: if no verdict binds.
        UnknownName: if there is no such reading.
    """
    reading = _reading(space.reading)
    if space.asks not in reading.asks:
        raise Unreadable(f"the reading {space.reading} cannot settle a {space.asks}")
    spoken = without_thoughts(half_width(text))
    return reading.read(reading.clean(spoken, quoted), space)


def default_space(name: str, asks: Ask | None = None) -> FreeText:
    """The answer space for texts of which nothing else is known.

    Args:
        asks: what the texts settle; by default the first of pair, score and rank that the reading can settle.

    A ranking, and scores of several, then show 0 candidates: how many there were is told by the answer itself.
    """
    reading = _reading(name)
    wanted = asks if asks is not None else next(ask for ask in _SHOWN if ask in reading.asks)
    return FreeText(name, wanted, _SHOWN[wanted], scale=_USUAL_SCALES.get(name), ties=reading.has_tie)


def form_of(name: str, asks: Ask) -> str:
    """The reading by which this one settles that: itself, or one of those it joins."""
    return READINGS[name].parts.get(asks, name)


def _reading(name: str) -> Reading:
    try:
        return READINGS[name]
    except KeyError:
        raise UnknownName(f"there is no reading '{name}'; there are {', '.join(READINGS)}", "reading") from None
