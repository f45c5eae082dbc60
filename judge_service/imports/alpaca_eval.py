"""AlpacaEval's `annotations.json`: a preference from 1 (the first output) to 2 (the second).

Read in alpaca_eval 0.6.6: 1.5 is a draw, as is 0; a weighted annotator's preference is 2 - P(the first is better); the
order in which the outputs were shown is drawn inside and not written down. Its win rate is the mean of preference - 1,
which is what the mean probability of these judgments comes to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from judge_service.domain.parsing import case_from
from judge_service.domain.standards import Rubric
from judge_service.domain.verdicts import Failure, Vote
from judge_service.imports.joined import Texts
from judge_service.imports.told import FIRST, SECOND, Source, Told, optional_text, others, text_in

_USED: Final = ("instruction", "output_1", "output_2", "generator_1", "generator_2", "annotator", "preference")
_DRAWS: Final = (0.0, 1.5)
_SWITCHED: Final = "is_switched_outputs"


def read(row: Mapping[str, Any], texts: Texts) -> Told:
    """One annotation.

    Raises:
        InvalidCase: the instruction, an output or the annotator is missing.
    """
    judge = text_in(row, "annotator")
    names = ((FIRST, "1"), (SECOND, "2"))
    candidates = [
        {"id": own, "content": text_in(row, f"output_{n}"), "model": optional_text(row, f"generator_{n}")}
        for own, n in names
    ]
    domain = optional_text(row, "dataset")
    case = case_from({"prompt": text_in(row, "instruction"), "candidates": candidates, "domain": domain}, "compare")
    rest = others(row, (*_USED, *(["dataset"] if domain else ())))
    return Told(replace(case, metadata=rest), judge, (_vote(row, judge),))


def _vote(row: Mapping[str, Any], judge: str) -> Vote:
    """The preference as weights on the outputs; which was shown first is known of few rows."""
    order = (SECOND, FIRST) if row.get(_SWITCHED) is True else (FIRST, SECOND)
    vote = Vote(judge, "pair", "direct", order)
    preference = row.get("preference")
    if isinstance(preference, bool) or not isinstance(preference, int | float):
        return replace(vote, failure=_failure("there is no preference", preference))
    if preference in _DRAWS:
        return replace(vote, evidence="text", probabilities={FIRST: 0.0, SECOND: 0.0}, tie=1.0)
    if not 1.0 <= preference <= 2.0:
        return replace(vote, failure=_failure("a preference is from 1 to 2", preference))
    evidence: Any = "logprobs" if 1.0 < preference < 2.0 or "weighted" in judge else "text"
    return replace(vote, evidence=evidence, probabilities={FIRST: 2.0 - preference, SECOND: preference - 1.0}, tie=0.0)


def _failure(message: str, value: Any) -> Failure:
    return Failure("unreadable", f"{message}; got {value!r}"[:200], raw=None if value is None else str(value)[:200])


SOURCE: Final = Source(
    read=read,
    rubric="alpaca-eval",
    kind="preference",
    method="direct",
    standard=Rubric("alpaca-eval", "", "AlpacaEval"),
    combine="mean-probability",
    orders="one",
    note="AlpacaEval draws the order shown and does not write it down: votes stand as if output_1 had been first",
)
