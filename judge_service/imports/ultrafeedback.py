"""UltraFeedback's raw rows: four completions, each rated from 1 to 5 on four aspects.

Read in the authors' code (OpenBMB/UltraFeedback, src/data_annotation): by aspect a `Rating` in digits and a
`Rationale`, or a list of them where an aspect was rated several times. A rating that is `N/A`, as honesty is for
creative tasks, is a failure: the case is then partial, where the source takes the mean of the aspects that are left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from judge_service.domain.parsing import case_from, unnamed
from judge_service.domain.standards import Criterion, Rubric
from judge_service.domain.verdicts import Failure, Vote
from judge_service.errors import InvalidCase
from judge_service.imports.joined import Texts
from judge_service.imports.told import Source, Told, optional_text, others, text_in

ASPECTS: Final[Mapping[str, str]] = {
    "instruction-following": "instruction_following",
    "truthfulness": "truthfulness",
    "honesty": "honesty",
    "helpfulness": "helpfulness",
}
"""The library's names of the criteria, and the columns that hold their ratings."""
_LOW, _HIGH = 1, 5
_USED: Final = ("instruction", "completions", "models")
_OF_COMPLETIONS: Final = ("model", "response", "annotations")


def read(row: Mapping[str, Any], texts: Texts) -> Told:
    """One instruction and its rated completions.

    Raises:
        InvalidCase: the instruction, the completions or a response is missing.
    """
    completions = row.get("completions")
    if not isinstance(completions, list) or not completions:
        raise InvalidCase("completions is a list of rated responses", "completions")
    named = [(unnamed(place), _completion(told, place)) for place, told in enumerate(completions)]
    candidates = [
        {"id": own, "content": text_in(told, "response"), "model": optional_text(told, "model")} for own, told in named
    ]
    domain = optional_text(row, "source")
    case = case_from({"prompt": text_in(row, "instruction"), "candidates": candidates, "domain": domain}, "score")
    rest = others(row, (*_USED, *(["source"] if domain else ())))
    more = {own: others(told, _OF_COMPLETIONS) for own, told in named}
    votes = tuple(vote for own, told in named for aspect in ASPECTS for vote in _votes(own, told, aspect))
    return Told(replace(case, metadata={**rest, "completions": more}), "", votes)


def _completion(told: Any, place: int) -> Mapping[str, Any]:
    if not isinstance(told, Mapping):
        raise InvalidCase("a completion is an object with a response", f"completions[{place}]")
    return told


def _votes(candidate: str, completion: Mapping[str, Any], aspect: str) -> Iterator[Vote]:
    """A vote to each time that an aspect was rated, and a failure if it was not."""
    annotations = completion.get("annotations")
    told = annotations.get(ASPECTS[aspect]) if isinstance(annotations, Mapping) else None
    for repeat, own in enumerate(told if isinstance(told, list) and told else [told]):
        yield replace(_vote(candidate, own if isinstance(own, Mapping) else {}, aspect), repeat=repeat)


def _vote(candidate: str, own: Mapping[str, Any], aspect: str) -> Vote:
    vote = Vote("", "score", "cot", (candidate,), criterion=aspect, explanation=_reasons(own))
    rating = own.get("Rating")
    score = _score(rating)
    if score is None:
        raw = None if rating is None else str(rating)[:200]
        return replace(vote, failure=Failure("unreadable", f"{aspect} is not rated; got {rating!r}"[:200], raw=raw))
    return replace(vote, evidence="text", probabilities={f"{score:g}": 1.0}, label=str(rating))


def _score(rating: Any) -> float | None:
    if isinstance(rating, bool) or not isinstance(rating, str | int | float):
        return None
    with suppress(ValueError):
        score = float(rating)
        return score if _LOW <= score <= _HIGH else None
    return None


def _reasons(told: Mapping[str, Any]) -> str | None:
    found = [told[name] for name in ("Rationale", "Rationale For Rating") if isinstance(told.get(name), str)]
    return "\n".join(text for text in found if text) or None


SOURCE: Final = Source(
    read=read,
    rubric="ultrafeedback",
    kind="scorecard",
    method="cot",
    standard=Rubric(
        "ultrafeedback",
        "",
        "UltraFeedback",
        scale=(_LOW, _HIGH),
        criteria=tuple(Criterion(name, "", "") for name in ASPECTS),
    ),
    note="UltraFeedback's rows do not say who rated them; its authors' code asks gpt-4",
)
