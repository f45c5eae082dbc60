"""Whether a judge prefers what is long, beyond what people prefer or what is better."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from judge_service.domain.cases import Case, content_length
from judge_service.domain.frozen import frozen
from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import Preference
from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.evaluation.people.raters import Said, majority, sides_of
from judge_service.statistics.contrasts import clustered_difference, clustered_estimate, clustered_rate
from judge_service.statistics.estimates import Estimate, unknown

EDGES: Final = (1.0, 1.1, 1.25, 1.5, 2.0, math.inf)
"""Bins of how many times as long the longer answer is."""
UNIDENTIFIED: Final = (
    "without people's labels, or scores of quality, a longer answer may win because it is better: not identified"
)


@frozen
class Sized:
    """A judged pair of answers with their lengths.

    Attributes:
        prompt: the cluster: pairs of one prompt are alike.
        judge: 1 where the judge has the first, 0 for the second, 0.5 for a tie.
        lengths: of the two, in characters.
        label: people's, as `judge`; None where nobody was asked.
        quality: scores of the two that know nothing of length, such as a checker's; None where there are none.
    """

    prompt: str
    judge: float
    lengths: tuple[int, int]
    label: float | None = None
    quality: tuple[float, float] | None = None

    @property
    def ratio(self) -> float:
        """How many times as long the longer is, 1 or more; empty answers count as one character."""
        short, long = sorted(max(1, length) for length in self.lengths)
        return long / short

    def longer(self, side: float) -> float:
        """A side as P(the longer one)."""
        return side if self.lengths[0] > self.lengths[1] else 1.0 - side


@frozen
class GapBin:
    """Pairs by how many times as long the longer answer is: from `low` to below `high`.

    Attributes:
        picks_longer: how often the judge has the longer one; a tie is half.
        people_pick_longer: the same of people, on pairs with labels.
        bias: as `Verbosity.bias`.
    """

    low: float
    high: float
    pairs: int
    picks_longer: Estimate
    people_pick_longer: Estimate
    bias: Estimate


@frozen
class Verbosity:
    """A judge's preference for length.

    Attributes:
        on_longer, on_shorter: how often the judge agrees with people where they preferred the longer, the shorter
            answer; a judge's tie is half.
        bias: the first less the second (P145, Saito et al. 2023: the difference of equal opportunity). Above 0 the
            judge prefers what is long. A judge that is merely noisy has one too where people mostly prefer one side.
        more_than_people: how much more often the judge picks the longer than people do, on the same pairs.
        matched: how much more often than half the judge picks the longer, of two of the same quality.
        identified: "labels", "quality", or None where the verdicts alone cannot tell.
        left_out: pairs by why.
    """

    pairs: int
    labels: int
    identified: str | None
    on_longer: Estimate
    on_shorter: Estimate
    bias: Estimate
    more_than_people: Estimate
    matched: Estimate
    picks_longer: Estimate
    people_pick_longer: Estimate
    bins: tuple[GapBin, ...]
    left_out: Mapping[str, int]


def sized_of(
    comparison: Comparison, label: float | None = None, quality: tuple[float, float] | None = None
) -> Sized | None:
    """A comparison as verbosity is told by it; None where it has no verdict or no texts.

    Args:
        label: people's, as P(the first is better).
    """
    if comparison.won is None or comparison.texts is None:
        return None
    first, second = comparison.texts
    return Sized(comparison.prompt, comparison.won, (len(first), len(second)), label, quality)


def verbosity_of(
    pairs: Sequence[Sized], confidence: float = 0.95, tolerance: float = 0.0, left_out: Mapping[str, int] | None = None
) -> Verbosity:
    """How a judge treats length.

    Args:
        tolerance: qualities this near to each other are the same, in their own unit.
        left_out: pairs that had no verdict or no texts, by why.
    """
    unequal = [pair for pair in pairs if pair.lengths[0] != pair.lengths[1]]
    told = [pair for pair in unequal if pair.label is not None]
    decided = [pair for pair in told if pair.label != 0.5]
    alike = [pair for pair in unequal if pair.quality and abs(pair.quality[0] - pair.quality[1]) <= tolerance]
    sides = {longer: [pair for pair in decided if _label(pair) == longer] for longer in (1.0, 0.0)}
    gone = {**(left_out or {}), "of the same length": len(pairs) - len(unequal)}
    return Verbosity(
        pairs=len(unequal),
        labels=len(told),
        identified="labels" if decided else "quality" if alike else None,
        on_longer=_agreement(sides[1.0], confidence),
        on_shorter=_agreement(sides[0.0], confidence),
        bias=_bias(decided, confidence),
        more_than_people=_more(told, confidence),
        matched=_matched(alike, confidence),
        picks_longer=_picked(unequal, confidence),
        people_pick_longer=_people(told, confidence),
        bins=tuple(_binned(unequal, confidence)),
        left_out={why: count for why, count in gone.items() if count},
    )


def _label(pair: Sized) -> float:
    assert pair.label is not None
    return pair.longer(pair.label)


def _agrees(pair: Sized) -> float:
    return 1.0 - abs(pair.longer(pair.judge) - _label(pair))


def _prompts(pairs: Sequence[Sized]) -> list[str]:
    return [pair.prompt for pair in pairs]


def _agreement(pairs: Sequence[Sized], confidence: float) -> Estimate:
    return clustered_rate([_agrees(pair) for pair in pairs], _prompts(pairs), confidence)


def _bias(decided: Sequence[Sized], confidence: float) -> Estimate:
    if not decided:
        return unknown(0, "no pair has a label that prefers one of the two")
    on_longer = [_label(pair) == 1.0 for pair in decided]
    if len(set(on_longer)) == 1:
        side = "longer" if on_longer[0] else "shorter"
        return unknown(len(decided), f"people always preferred the {side} answer")
    return clustered_difference([_agrees(pair) for pair in decided], on_longer, _prompts(decided), confidence)


def _more(told: Sequence[Sized], confidence: float) -> Estimate:
    gaps = [pair.longer(pair.judge) - _label(pair) for pair in told]
    return clustered_estimate(gaps, _prompts(told), confidence)


def _matched(alike: Sequence[Sized], confidence: float) -> Estimate:
    if not alike:
        return unknown(0, "no pair of two answers with the same score of quality")
    value, low, high, n, why = _picked(alike, confidence)
    return Estimate(_less_half(value), _less_half(low), _less_half(high), n, why)


def _less_half(share: float | None) -> float | None:
    return None if share is None else share - 0.5


def _picked(pairs: Sequence[Sized], confidence: float) -> Estimate:
    return clustered_rate([pair.longer(pair.judge) for pair in pairs], _prompts(pairs), confidence)


def _people(told: Sequence[Sized], confidence: float) -> Estimate:
    return clustered_rate([_label(pair) for pair in told], _prompts(told), confidence)


def _binned(unequal: Sequence[Sized], confidence: float) -> list[GapBin]:
    bins = []
    for low, high in pairwise(EDGES):
        own = [pair for pair in unequal if low <= pair.ratio < high]
        told = [pair for pair in own if pair.label is not None]
        bias = _bias([pair for pair in told if pair.label != 0.5], confidence)
        bins.append(GapBin(low, high, len(own), _picked(own, confidence), _people(told, confidence), bias))
    return bins


def verbosity_record(found: Verbosity) -> dict[str, Any]:
    """The same as plain fields; all rates are shares."""
    named = ("on_longer", "on_shorter", "bias", "more_than_people", "matched", "picks_longer", "people_pick_longer")
    return {
        "pairs": found.pairs,
        "labels": found.labels,
        "identified": found.identified,
        "why": None if found.identified else UNIDENTIFIED,
        **{name: getattr(found, name)._asdict() for name in named},
        "bins": [_bin_record(each) for each in found.bins],
        "left_out": dict(found.left_out),
    }


def _bin_record(found: GapBin) -> dict[str, Any]:
    return {
        "ratio": [found.low, None if math.isinf(found.high) else found.high],
        "pairs": found.pairs,
        "picks_longer": found.picks_longer._asdict(),
        "people_pick_longer": found.people_pick_longer._asdict(),
        "bias": found.bias._asdict(),
    }


def sized_judgment(
    judgment: Judgment, prompt: str, case: Case | None, said: Sequence[Said] = (), quality: str = ""
) -> Sized | str:
    """A stored pair as verbosity is told by it, or why it is none.

    Args:
        prompt: its cluster.
        said: what people said of it.
        quality: a field of the metadata with the two qualities, in the candidates' order or by their ids; "" for none.

    Raises:
        InvalidRequest: a label cannot be read.
    """
    verdict = judgment.verdict
    if judgment.status != "judged" or not isinstance(verdict, Preference) or verdict.winner is None:
        return "not judged"
    if case is None:
        return "without texts"
    first, second = (content_length(candidate.content) for candidate in case.candidates)
    side = 0.5 if verdict.winner == "tie" else float(verdict.winner == judgment.candidates[0])
    label = majority(list(sides_of(said, judgment.candidates).values())) if said else None
    return Sized(prompt, side, (first, second), label, _quality(judgment, quality))


def _quality(judgment: Judgment, field: str) -> tuple[float, float] | None:
    told = judgment.metadata.get(field) if field else None
    if isinstance(told, Mapping):
        told = [told.get(name) for name in judgment.candidates]
    if not isinstance(told, Sequence) or isinstance(told, str) or len(told) != 2:
        return None
    one, other = told
    return (float(one), float(other)) if isinstance(one, int | float) and isinstance(other, int | float) else None
