"""Ratings beside comparisons of the same answers, as measures of a judge."""

from __future__ import annotations

from collections.abc import Sequence

from judge_service.evaluation.measures import Measure
from judge_service.evaluation.measuring import measured
from judge_service.evaluation.two_protocols import Twice, two_protocols


def protocol_measures(pairs: Sequence[Twice], why: str) -> list[Measure]:
    """How often the two contradict each other, a tie being a thing to say or not.

    Args:
        why: what to say where no pair was judged in both ways.
    """
    if not pairs:
        return [measured("protocol.disagreement", None, "share", why)]
    found = two_protocols(pairs).expected
    return [
        measured("protocol.disagreement", found.without_ties, "share", "of pairs in which both name a better one"),
        measured("protocol.disagreement_with_ties", found.with_ties, "share", "a tie being a thing to say"),
    ]
