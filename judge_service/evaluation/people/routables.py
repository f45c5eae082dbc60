"""Stored pairs as routing looks at them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from judge_service.domain.cases import Case, content_length
from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import Preference
from judge_service.evaluation.people.raters import Said, majority, sides_of
from judge_service.evaluation.people.routing import Routable


def routable(
    judgment: Judgment, prompt: str, case: Case | None, said: Sequence[Said] = (), second: float | None = None
) -> Routable | str:
    """A stored pair, or why it is none: what was not judged is for a person anyway.

    Args:
        said: what people said of it.
        second: P(the first is better) of a model that learnt the judge's labels.

    Raises:
        InvalidRequest: a label cannot be read.
    """
    verdict = judgment.verdict
    if judgment.status != "judged" or not isinstance(verdict, Preference) or verdict.winner is None:
        return "not judged"
    if verdict.evidence is None:
        return "took no call"
    assert verdict.probability is not None
    first, second_id = judgment.candidates
    authors = (judgment.models.get(first), judgment.models.get(second_id))
    side = 0.5 if verdict.winner == "tie" else float(verdict.winner == first)
    label = majority(list(sides_of(said, judgment.candidates).values())) if said else None
    return Routable(
        judgment.case_id,
        prompt,
        side,
        verdict.probability,
        verdict.consistent,
        verdict.position_bias,
        None if verdict.agreement is None else verdict.agreement.share,
        None if case is None else _longer(case),
        (authors[0], authors[1]) if authors[0] and authors[1] else None,
        judgment.domain,
        second,
        label,
    )


def _longer(case: Case) -> float:
    first, second = (max(1, content_length(candidate.content)) for candidate in case.candidates)
    return math.log(first / second)
