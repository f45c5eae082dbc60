"""Votes of one pair become one preference, by the rules of judgment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from judge_service.domain.frozen import frozen
from judge_service.domain.standards import Rubric, Standard
from judge_service.domain.verdicts import Evidence, Failure, Finding, Preference, Vote
from judge_service.protocols.agreeing import agreement_of
from judge_service.statistics import debias
from judge_service.statistics.debias import Outcome
from judge_service.statistics.worst_case import lexicographic, worst_case

DROP: Final = "drop-inconsistent"


@frozen
class PairReading:
    """What the votes on one topic (or on the whole standard) say of a pair.

    Attributes:
        outcome: weights on (first candidate, second candidate, tie), debiased.
        logit: of the first candidate being better, finite.
        sides: each order's own winner: 1, -1 or 0.
        alone: what each order says by itself, in the same sequence.
        votes: how many votes each order has.
    """

    outcome: Outcome
    logit: float
    sides: tuple[int, ...]
    alone: tuple[Outcome, ...]
    votes: tuple[int, ...]
    bias: float | None
    evidence: Evidence


def settle(
    votes: Sequence[Vote],
    ids: tuple[str, str],
    orders: int,
    topics: Sequence[str | None],
    combine: str,
    standard: Standard,
    bias: float | None = None,
) -> Finding:
    """The finding on a pair.

    Args:
        ids: the pair's candidates, the one that `probability` is about first.
        orders: how many orders were required.
        topics: names of the criteria or principles that were asked about; a lone None is the whole standard.
        bias: the judge's lean to the first-shown, known from other pairs, in logits; it is taken off a single order.
    """
    kept = tuple(votes)
    readings: dict[str | None, PairReading] = {}
    complete = True
    for topic, usable in _by_topic(kept, topics).items():
        by_order = _by_order(usable)
        complete = complete and len(by_order) == orders
        if by_order:
            readings[topic] = _read_pair(by_order, ids, combine, bias or 0.0)
    if not complete:
        evidence = next((r.evidence for r in readings.values()), None)
        unsettled = Preference(None, None, None, None, None, evidence, combine)
        return Finding(
            unsettled, "partial" if readings else "unscored", kept, None if readings else first_failure(kept)
        )
    together = _joined(readings, standard, combine)
    return _finding(together, kept, ids, orders, combine, _criteria(readings))


def first_failure(votes: Sequence[Vote]) -> Failure | None:
    """The first vote's failure, to stand for a case in which no vote was usable."""
    return next((vote.failure for vote in votes if vote.failure), None)


def outcome_of(vote: Vote, ids: tuple[str, str]) -> Outcome:
    """A usable pair vote as weights on (ids[0], ids[1], tie)."""
    assert vote.probabilities is not None
    return Outcome(vote.probabilities[ids[0]], vote.probabilities[ids[1]], vote.tie or 0.0)


def _by_topic(votes: Sequence[Vote], topics: Sequence[str | None]) -> dict[str | None, list[Vote]]:
    sorted_out: dict[str | None, list[Vote]] = {topic: [] for topic in topics}
    for vote in votes:
        if vote.failure is None:
            sorted_out.setdefault(vote.criterion or vote.principle if None not in sorted_out else None, []).append(vote)
    return sorted_out


def _by_order(votes: Sequence[Vote]) -> dict[str, list[Vote]]:
    """Usable votes by the candidate shown first."""
    sorted_out: dict[str, list[Vote]] = {}
    for vote in votes:
        sorted_out.setdefault(vote.order[0], []).append(vote)
    return sorted_out


def _read_pair(by_order: Mapping[str, Sequence[Vote]], ids: tuple[str, str], combine: str, bias: float) -> PairReading:
    shown_first = [by_order[first] for first in ids if first in by_order]
    orders = [[outcome_of(vote, ids) for vote in votes] for votes in shown_first]
    exact = all([vote.is_exact for votes in shown_first for vote in votes])
    counted = not exact or combine == "vote"
    tilts = debias.tilts(orders) if exact else []
    if bias and len(tilts) == 1:
        tilts = [tilts[0].without(bias if ids[0] in by_order else -bias)]
    if counted or combine == "mean-probability":
        weights = [[debias.one_hot(o) for o in votes] for votes in orders] if combine == "vote" else orders
        alone = [debias.mean_outcome(votes) for votes in weights]
        outcome = debias.combine_shares(weights)
    else:
        alone = [debias.level([tilt]) for tilt in tilts]
        outcome = debias.level(tilts)
    return PairReading(
        outcome=outcome,
        logit=_logit(outcome, sum(map(len, orders)), counted),
        sides=tuple(map(debias.winner, alone)),
        alone=tuple(alone),
        votes=tuple(map(len, orders)),
        bias=debias.position_bias(*tilts) if len(tilts) == 2 else None,
        evidence="logprobs" if exact else "text",
    )


def _logit(outcome: Outcome, votes: int, counted: bool) -> float:
    p = debias.share(outcome)
    return debias.smoothed_logit(p, votes) if counted else debias.logit(p)


def _criteria(readings: Mapping[str | None, PairReading]) -> dict[str, float] | None:
    named = {topic: debias.share(reading.outcome) for topic, reading in readings.items() if topic is not None}
    return named if len(named) > 1 else None


def _joined(readings: Mapping[str | None, PairReading], standard: Standard, combine: str) -> PairReading:
    """Several topics as one reading; each order's own winner is found by the same rule as the winner of all."""
    if len(readings) == 1:
        return next(iter(readings.values()))
    logit = joined_logit({t: r.logit for t, r in readings.items() if t}, standard)
    outcome = _sided(logit)
    counted = combine == "vote" or any(r.evidence == "text" for r in readings.values())
    orders = range(len(next(iter(readings.values())).alone))
    leans = [
        joined_logit({t: _logit(r.alone[k], r.votes[k], counted) for t, r in readings.items() if t}, standard)
        for k in orders
    ]
    biases = [r.bias for r in readings.values() if r.bias is not None]
    exact = all(r.evidence == "logprobs" for r in readings.values())
    return PairReading(
        outcome=outcome,
        logit=logit,
        sides=tuple(debias.winner(_sided(lean)) for lean in leans),
        alone=tuple(map(_sided, leans)),
        votes=tuple(len(readings) for _ in orders),
        bias=debias.mean(biases) if len(biases) == len(readings) else None,
        evidence="logprobs" if exact else "text",
    )


def _sided(logit: float) -> Outcome:
    p = debias.sigmoid(logit)
    return Outcome(p, 1.0 - p, 0.0)


def joined_logit(logits: Mapping[str, float], standard: Standard) -> float:
    """The weighted mean, the worst case, the first clear criterion, or simply the first."""
    clipped = {name: debias.clipped(value) for name, value in logits.items()}
    criteria = {c.name: c.weight for c in standard.criteria} if isinstance(standard, Rubric) else {}
    in_order = [clipped[name] for name in (criteria or clipped) if name in clipped]
    if standard.aggregate == "first":
        return in_order[0]
    if standard.aggregate == "lexicographic":
        return float(lexicographic(in_order, [standard.margin] * len(in_order)))
    if standard.aggregate == "min":
        return float(worst_case(in_order))
    weights = [criteria.get(name, 1.0) for name in clipped]
    return sum(w * z for w, z in zip(weights, clipped.values(), strict=True)) / sum(weights)


def _finding(
    reading: PairReading,
    votes: tuple[Vote, ...],
    ids: tuple[str, str],
    orders: int,
    combine: str,
    criteria: dict[str, float] | None,
) -> Finding:
    consistent = len(set(reading.sides)) == 1 if orders == 2 else None
    outcome, logit = reading.outcome, reading.logit
    dropped = combine == DROP and consistent is False
    if combine == "tie-on-disagreement" and consistent is False:
        outcome, logit = debias.EVEN, 0.0
    side = debias.winner(outcome)
    winner = None if dropped else ids[0] if side > 0 else ids[1] if side < 0 else "tie"
    preference = Preference(
        winner=winner,
        probability=debias.share(outcome),
        logit=logit,
        consistent=consistent,
        position_bias=reading.bias,
        evidence=reading.evidence,
        combine=combine,
        criteria=criteria,
        agreement=agreement_of(votes, ids, winner),
    )
    return Finding(preference, "dropped" if dropped else "judged", votes, dropped_by=DROP if dropped else None)
