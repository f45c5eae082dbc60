"""Votes on options become an answer: every way of showing them counts alike, and what a place adds is taken off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Literal

from judge_service.domain.decisions import DecisionAnswer, DecisionQuestion, OptionVote
from judge_service.domain.verdicts import Failure
from judge_service.statistics.arrangements import Arrangement
from judge_service.statistics.luce import clipped_logs, fitted, softmax
from judge_service.statistics.plackett_luce import plackett_luce

SAME: Final = 1e-9
_PRIOR: Final = 0.5
"""Wins and losses that are added where texts alone name one of each group: nothing is certain after so few."""


def weighed(
    question: DecisionQuestion,
    order: Sequence[int],
    shown: Sequence[Arrangement],
    votes: Sequence[OptionVote],
    combine: str,
) -> DecisionAnswer:
    """The answer, from a vote to each way of showing the options and each repeat.

    Everything is worked out in the order drawn by content and told in the caller's at the end, so that it is the same
    to the last bit whatever order the options were given in.

    Args:
        order: the place of each option in the caller's list, in the order drawn.
        shown: the ways, in places of the order drawn; of each vote in turn, repeat after repeat.
    """
    failure = next((vote.failure for vote in votes if vote.failure), None)
    if failure is not None:
        return DecisionAnswer(question, None, votes=tuple(votes), failure=_told(failure, votes))
    weights = _by_way(shown, votes)
    exact = all(vote.evidence == "logprobs" for vote in votes)
    found, lean = _combined(len(order), weights, _places(question, weights), combine if exact else "shares")
    in_place = dict(zip(order, found, strict=True))
    masses = [vote.label_mass for vote in votes if vote.label_mass is not None]
    return DecisionAnswer(
        question,
        tuple([in_place[place] for place in range(len(order))]),
        math.fsum(masses) / len(masses) if masses and exact else None,
        _are_consistent(weights),
        lean if exact else None,
        "logprobs" if exact else "text",
        tuple(votes),
    )


Way = tuple[Arrangement, tuple[float, ...]]
"""One way of showing options, and the mean weights of its repeats in the same order."""


def _by_way(shown: Sequence[Arrangement], votes: Sequence[OptionVote]) -> list[Way]:
    ways: dict[Arrangement, list[tuple[float, ...]]] = {}
    for way, vote in zip(shown, votes, strict=True):
        assert vote.weights is not None
        ways.setdefault(way, []).append(vote.weights)
    return [(way, tuple([math.fsum(w) / len(w) for w in zip(*told, strict=True)])) for way, told in ways.items()]


def _places(question: DecisionQuestion, ways: Sequence[Way]) -> Literal["none", "even", "first"]:
    """What can be told apart of what places add: levels, shown both ways, allow no more than an even slope."""
    if not _is_several(ways):
        return "none"
    return "even" if question.type == "score" else "first"


def _is_several(ways: Sequence[Way]) -> bool:
    """Whether options were shown in more than one order."""
    return len({frozenset(way) for way, _ in ways}) < len(ways)


def _combined(n: int, ways: Sequence[Way], places: str, combine: str) -> tuple[Sequence[float], float | None]:
    """Probabilities in the order drawn, and the lean to the first-shown."""
    fit = fitted(n, tuple([way for way, _ in ways]), [clipped_logs(weights) for _, weights in ways], places)
    if combine == "mean-logit":
        return softmax(fit.strengths), fit.lean
    if len(ways[0][0]) < n:
        return softmax(_from_tops(n, ways)), fit.lean
    shares = [0.0] * n
    for way, weights in ways:
        for place, weight in zip(way, _one_hot(weights) if combine == "vote" else weights, strict=True):
            shares[place] += weight
    total = math.fsum(shares)
    return [share / total for share in shares], fit.lean


def _one_hot(weights: Sequence[float]) -> tuple[float, ...]:
    """All on the largest; on all that are as large, in equal parts."""
    most = max(weights)
    tops = [weight > most - SAME for weight in weights]
    return tuple([top / sum(tops) for top in tops])


def _from_tops(n: int, ways: Sequence[Way]) -> Sequence[float]:
    """Strengths from which option of each group was named: the rest of the group stands behind it, tied."""
    rankings = []
    for way, weights in ways:
        best = max(range(len(way)), key=weights.__getitem__)
        rankings.append((way[best], tuple([place for i, place in enumerate(way) if i != best])))
    return tuple(plackett_luce(n, rankings, _PRIOR).tolist())


def _are_consistent(ways: Sequence[Way]) -> bool | None:
    """Whether those who show the same options name the same one."""
    if not _is_several(ways):
        return None
    named: dict[frozenset[int], set[int | None]] = {}
    for way, weights in ways:
        named.setdefault(frozenset(way), set()).add(_named(way, weights))
    return all(len(tops) == 1 for tops in named.values())


def _named(way: Arrangement, weights: Sequence[float]) -> int | None:
    """The option that has most; None where several have."""
    most = max(weights)
    tops = [place for place, weight in zip(way, weights, strict=True) if weight > most - SAME]
    return tops[0] if len(tops) == 1 else None


def _told(failure: Failure, votes: Sequence[OptionVote]) -> Failure:
    """The first failure, and how many of the ways failed."""
    failed = sum(vote.failure is not None for vote in votes)
    if len(votes) == 1:
        return failure
    return Failure(failure.kind, f"{failed} of {len(votes)} calls: {failure.message}", failure.param, failure.raw)
