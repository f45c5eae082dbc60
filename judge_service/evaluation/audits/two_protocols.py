"""Answers that were rated one by one and also set against each other: what depends on how the judge was asked.

Bansal et al. (2023, arXiv 2308.15812): ratings and rankings of the same answers, by people and by models, contradict
each other in more than half of the cases, and who wins an evaluation depends on which of them is asked for.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Final, NamedTuple

from judge_service.domain.frozen import frozen
from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import Preference, Ranking, Scorecard
from judge_service.evaluation.audits.measures import Measure
from judge_service.statistics.intervals import Interval, clustered_mean, clustered_share

_WORDS: Final = re.compile(r"\w+")
_ALIKE: Final = 1e-9

Scores = Mapping[str, float]
"""By candidate, on the rubric's scale."""


@frozen
class Twice:
    """Two answers to one prompt under both protocols.

    Attributes:
        prompt: the unit that intervals go by.
        models: who wrote them, or their ids where nobody says.
        gap: rating of the first less that of the second, on the rubric's scale; `steps` is the same of ratings to the
            nearest step, as a judge that writes a digit gives them.
        won: 1 where the first won when they were set against each other, 0 where the second did, 0.5 for a tie.
        texts: the two, where they are known.
    """

    case_id: str
    prompt: str
    models: tuple[str, str]
    gap: float
    steps: float
    won: float
    domain: str | None = None
    texts: tuple[str, str] | None = None


class Disagreement(NamedTuple):
    """How often two protocols contradict each other.

    Attributes:
        with_ties: the share of all pairs of which they say another thing, a tie being a thing to say.
        without_ties: of the pairs in which both name a better one, those in which they name different ones.
        rated_ties, compared_ties: shares of pairs that are ties by the one and by the other.
    """

    with_ties: Interval
    without_ties: Interval | None
    rated_ties: float
    compared_ties: float


class Favour(NamedTuple):
    """How often something is favoured, a tie counting half: by ratings, by comparisons, and the one less the other."""

    rated: Interval
    compared: Interval
    apart: Interval


@frozen
class ProtocolAudit:
    """What depends on the protocol.

    Attributes:
        expected: disagreement with ratings as they are, which are means over the scale's steps.
        steps: the same with ratings to the nearest step.
        domains: by domain, `without_ties` of `expected`.
        of: whose win rate `win_rate` is, over the other one; "" where there are not two models, and no win rate.
        longer, richer: how often the longer answer is favoured, and that of more distinct words; None where no texts
            that differ in it are known.
    """

    pairs: int
    prompts: int
    expected: Disagreement
    steps: Disagreement
    domains: Mapping[str, Interval]
    of: str
    win_rate: Favour | None
    longer: Favour | None
    richer: Favour | None


def scores_of(judgment: Judgment) -> Scores | None:
    """The ratings of a case's candidates; None where it has no verdict or only one candidate."""
    verdict = judgment.verdict
    if judgment.status != "judged" or not isinstance(verdict, Scorecard) or verdict.scores is None:
        return None
    return {name: card.score for name, card in verdict.scores.items() if card.score is not None}


def twice_of(scores: Scores, judgment: Judgment, prompt: str, texts: Mapping[str, str] | None = None) -> list[Twice]:
    """Each two candidates of a case that have ratings and were compared; a ranking compares all of its own.

    Args:
        judgment: a judged preference or ranking.
        texts: by candidate, where they are known.
    """
    found = []
    for one, other, won in _compared(judgment):
        if one not in scores or other not in scores:
            continue
        named = judgment.models.get(one) or one, judgment.models.get(other) or other
        gap, steps = scores[one] - scores[other], _nearest(scores[one]) - _nearest(scores[other])
        known = None if texts is None else (texts[one], texts[other])
        found.append(Twice(judgment.case_id, prompt, named, gap, steps, won, judgment.domain, known))
    return found


def _compared(judgment: Judgment) -> list[tuple[str, str, float]]:
    verdict = judgment.verdict
    if isinstance(verdict, Preference) and verdict.winner is not None:
        first, second = judgment.candidates
        return [(first, second, 0.5 if verdict.winner == "tie" else float(verdict.winner == first))]
    if isinstance(verdict, Ranking) and verdict.ranks is not None:
        ranks = verdict.ranks
        return [(a, b, _side(float(ranks[b] - ranks[a]))) for a, b in combinations(ranks, 2)]
    return []


def _nearest(score: float) -> float:
    return math.floor(score + 0.5)


def _side(gap: float) -> float:
    return 0.5 if abs(gap) <= _ALIKE else float(gap > 0.0)


def two_protocols(pairs: Sequence[Twice], confidence: float = 0.95) -> ProtocolAudit:
    """What both protocols say of one or more pairs, with intervals by prompts."""
    ordered = sorted(pairs, key=lambda pair: (pair.prompt, pair.case_id, pair.models))
    domains = sorted({pair.domain for pair in ordered if pair.domain})
    found = {name: _disagreement([p for p in ordered if p.domain == name], _by_mean, confidence) for name in domains}
    of, oriented = _of_two_models(ordered)
    return ProtocolAudit(
        len(ordered),
        len({pair.prompt for pair in ordered}),
        _disagreement(ordered, _by_mean, confidence),
        _disagreement(ordered, _by_step, confidence),
        {name: told.without_ties for name, told in found.items() if told.without_ties is not None},
        of,
        _favour(ordered, oriented, confidence),
        _favour(ordered, [_more(pair, len) for pair in ordered], confidence),
        _favour(ordered, [_more(pair, _distinct_words) for pair in ordered], confidence),
    )


def _by_mean(pair: Twice) -> float:
    return _side(pair.gap)


def _by_step(pair: Twice) -> float:
    return _side(pair.steps)


def _disagreement(pairs: Sequence[Twice], rated: Callable[[Twice], float], confidence: float) -> Disagreement:
    said = [(rated(pair), pair.won, pair.prompt) for pair in pairs]
    decided = [each for each in said if 0.5 not in each[:2]]
    return Disagreement(
        _share_apart(said, confidence),
        _share_apart(decided, confidence) if decided else None,
        sum(one == 0.5 for one, *_ in said) / len(said),
        sum(other == 0.5 for _, other, _ in said) / len(said),
    )


def _share_apart(said: Sequence[tuple[float, float, str]], confidence: float) -> Interval:
    return clustered_share([float(one != other) for one, other, _ in said], [where for *_, where in said], confidence)


def _of_two_models(pairs: Sequence[Twice]) -> tuple[str, list[float]]:
    """Whose win rate can be told, and where it stands: 1 first, 0 second; in no pair where there are not two models."""
    names = sorted({name for pair in pairs for name in pair.models})
    if len(names) != 2 or any(pair.models[0] == pair.models[1] for pair in pairs):
        return "", [0.5] * len(pairs)
    return names[0], [float(pair.models[0] == names[0]) for pair in pairs]


def _more(pair: Twice, measure: Callable[[str], int]) -> float:
    """Which answer has more of something: 1 the first, 0 the second; 0.5 where they are even or not known."""
    return 0.5 if pair.texts is None else _side(float(measure(pair.texts[0]) - measure(pair.texts[1])))


def _distinct_words(text: str) -> int:
    return len(set(_WORDS.findall(text.lower())))


def _favour(pairs: Sequence[Twice], wanted: Sequence[float], confidence: float) -> Favour | None:
    """How often protocols are for the wanted side, where there is one; None where there is none anywhere."""
    told = [(pair, side) for pair, side in zip(pairs, wanted, strict=True) if side != 0.5]
    if not told:
        return None
    rated = [_towards(_by_mean(pair), side) for pair, side in told]
    compared = [_towards(pair.won, side) for pair, side in told]
    prompts = [pair.prompt for pair, _ in told]
    apart = [one - other for one, other in zip(rated, compared, strict=True)]
    return Favour(
        clustered_share(rated, prompts, confidence),
        clustered_share(compared, prompts, confidence),
        clustered_mean(apart, prompts, confidence),
    )


def _towards(said: float, side: float) -> float:
    return said if side == 1.0 else 1.0 - said


def protocol_measures(found: ProtocolAudit) -> tuple[Measure, ...]:
    """What an audit's thresholds may name, each with its interval; gaps are ratings less comparisons."""
    favours = {"win_rate": found.win_rate, "longer": found.longer, "richer": found.richer}
    whys = {"win_rate": "there are not two models", "longer": "texts are not known", "richer": "texts are not known"}
    return (
        _measure("disagreement", found.expected.without_ties, "no pair has a better one by both"),
        _measure("disagreement_with_ties", found.expected.with_ties, ""),
        *(_measure(f"{name}_gap", told and told.apart, whys[name]) for name, told in favours.items()),
    )


def _measure(name: str, told: Interval | None, why: str) -> Measure:
    if told is None:
        return Measure(f"protocol.{name}", None, None, None, 0, "share", why)
    return Measure(f"protocol.{name}", told.value, told.low, told.high, told.n, "share")
