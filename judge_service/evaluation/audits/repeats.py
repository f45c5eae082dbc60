"""What a judge says of the same cases when it is asked again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import Vote
from judge_service.evaluation.audits.measures import Measure
from judge_service.evaluation.audits.measuring import mean_of, measured, share_of
from judge_service.statistics import debias
from judge_service.statistics.debias import Outcome
from judge_service.statistics.icc import icc

NOTHING_TWICE = "nothing was asked twice (--repeats N asks again, past the cache)"


class Telling(NamedTuple):
    """One answer to one question about a case.

    Attributes:
        side: 1 where the first-shown won, -1 where the other did, 0 for a tie.
        lean: to the first-shown, in logits; None for a vote in words.
    """

    side: int
    lean: float | None


class Asked(NamedTuple):
    """One question: a case in one order, about one criterion or principle."""

    case_id: str
    first: str
    topic: str


Tellings = Mapping[Asked, Sequence[Telling]]


def tellings_in(runs: Sequence[Iterable[Judgment]]) -> dict[Asked, list[Telling]]:
    """All answers to each question in several runs, and in repeats within a run."""
    found: dict[Asked, list[Telling]] = {}
    for judgments in runs:
        for judgment in judgments:
            for vote in judgment.votes:
                if vote.failure is None and vote.probabilities is not None and vote.kind == "pair":
                    asked = Asked(judgment.case_id, vote.order[0], vote.criterion or vote.principle or "")
                    found.setdefault(asked, []).append(_telling(vote))
    return found


def _telling(vote: Vote) -> Telling:
    assert vote.probabilities is not None
    first, second = vote.order
    outcome = Outcome(vote.probabilities[first], vote.probabilities[second], vote.tie or 0.0)
    return Telling(debias.winner(outcome), debias.lean(outcome) if vote.is_exact else None)


def consistency_measures(tellings: Tellings, clusters: Mapping[str, str], is_exact: bool) -> Iterator[Measure]:
    """How often two answers to the same question name the same winner, and how much of their spread is of the cases.

    Args:
        is_exact: whether one label was read from its probabilities: what then changes is the server's own arithmetic.
    """
    twice = {asked: told for asked, told in tellings.items() if len(told) > 1}
    note = "the same question again, past the cache" if twice else NOTHING_TWICE
    same = [
        (clusters[asked.case_id], one.side == other.side)
        for asked, told in twice.items()
        for one, other in combinations(told, 2)
    ]
    yield share_of("consistency.same_winner", same, note)
    yield _icc(twice, note)
    if is_exact:
        yield _noise(twice, clusters, note)


def _icc(twice: Tellings, note: str) -> Measure:
    """ICC(1,1) of what is said of the first-shown, over cases in one order each: the one that was asked first."""
    rows: dict[str, list[float]] = {}
    for asked, told in twice.items():
        leans = [telling.lean for telling in told]
        values = [float(telling.side) if lean is None else lean for telling, lean in zip(told, leans, strict=True)]
        rows.setdefault(asked.case_id, values)
    fewest = min(map(len, rows.values()), default=0)
    if fewest < 2 or len(rows) < 2:
        return measured("consistency.icc", None, "coefficient", note if fewest < 2 else "one case has no spread")
    found = icc([values[:fewest] for values in rows.values()]).one_way
    is_exact = all(telling.lean is not None for told in twice.values() for telling in told)
    of = "ICC(1,1) of logits" if is_exact else "ICC(1,1) of verdicts"
    return Measure("consistency.icc", found.value, found.low, found.high, len(rows), "coefficient", found.why or of)


def _noise(twice: Tellings, clusters: Mapping[str, str], note: str) -> Measure:
    """The standard deviation between answers to the same question, from that of the variance."""
    exact = [
        (clusters[asked.case_id], [telling.lean for telling in told if telling.lean is not None])
        for asked, told in twice.items()
    ]
    variances = [(cluster, _variance(leans)) for cluster, leans in exact if len(leans) > 1]
    found = mean_of("retest.noise", variances, "logits", note)
    if found.value is None:
        return found
    rooted = [None if value is None else math.sqrt(max(0.0, value)) for value in (found.value, found.low, found.high)]
    return Measure("retest.noise", rooted[0], rooted[1], rooted[2], found.n, "logits", note)


def _variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)
