"""The win rate of a model over a baseline, by category, and what the order in which answers were shown did to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from judge_service.domain.frozen import frozen
from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.evaluation.contests.rates import Rate, Unscored, in_one_order, rate_of
from judge_service.statistics.intervals import Interval, clustered_mean, clustered_share

MOST_APART: Final = 0.005
"""Shares of missing verdicts that differ by this much between models make their rates no rates of the same thing."""
_ROUNDING: Final = 1e-9


@frozen
class PositionEffect:
    """What being shown first did.

    Attributes:
        lean: the judge's lean to the first-shown, in logits; None where verdicts have none.
        baseline_first, model_first: the soft win rate by that order alone; None where `why_not` says why.
        gained: by how much the rate is higher with the model first than with the baseline first.
        inconsistent: the share of comparisons whose two orders name different winners; None with one order.
    """

    lean: Interval | None
    baseline_first: Interval | None
    model_first: Interval | None
    gained: Interval | None
    inconsistent: Interval | None
    why_not: str


@frozen
class WinRate:
    """One model against one baseline.

    Attributes:
        comparisons: the model's answer first, in an order of their own.
        categories: by name, where any comparison has a category.
        measures: what soft verdicts rest on, and how often: "probability", "vote share", "reward".
        identical: comparisons of two answers that were the same: draws that no judge was asked about.
    """

    model: str
    baseline: str
    rate: Rate
    comparisons: tuple[Comparison, ...]
    categories: Mapping[str, Rate]
    position: PositionEffect
    measures: Mapping[str, int]
    identical: int


class Unclear(ValueError):
    """Which model is to be compared with which cannot be told; the message names the choices."""


def pairings(comparisons: Iterable[Comparison], model: str = "", baseline: str = "") -> list[tuple[str, str]]:
    """Each model that was compared and its baseline.

    A lone pair's baseline is the model that is mostly named first; of several pairs it is the one they all have.

    Args:
        model, baseline: to go by these only; "" for any.

    Raises:
        Unclear: there are several baselines, or none of these names.
    """
    named = Counter(c.models for c in comparisons)
    pairs = {tuple(sorted(names)) for names in named}
    wanted = {name for name in (model, baseline) if name}
    pairs = {pair for pair in pairs if wanted <= set(pair)}
    if not pairs:
        raise Unclear(f"no comparison of {' and '.join(sorted(wanted))}; there are {_told(named)}")
    if not baseline:
        baseline = _baseline(pairs, named, model)
    found = []
    for one, other in sorted(pairs):
        found.append((one if other == baseline else other, baseline))
    return found


def _baseline(pairs: set[tuple[str, ...]], named: Counter[tuple[str, str]], model: str) -> str:
    if len(pairs) == 1:
        one, other = next(iter(pairs))
        if model:
            return other if one == model else one
        return one if (named[one, other], one) >= (named[other, one], other) else other
    shared = set.intersection(*map(set, pairs)) - {model}
    if len(shared) != 1:
        raise Unclear(f"there are several baselines: say which with --baseline ({_told(named)})")
    return shared.pop()


def _told(named: Iterable[tuple[str, str]]) -> str:
    told = [f"{second} against {first}" for first, second in sorted(set(named))]
    return ", ".join(told[:6]) + (f" and {len(told) - 6} more" if len(told) > 6 else "")


def win_rate(
    comparisons: Iterable[Comparison],
    model: str,
    baseline: str,
    unscored: Unscored = "bounds",
    unplaced: int = 0,
    confidence: float = 0.95,
) -> WinRate:
    """The model's win rate over all comparisons of these two; those of others are left out.

    Args:
        unscored, unplaced: as for `rate_of`.
    """
    own = in_one_order(oriented(comparisons, model, baseline))
    categories = sorted({c.category for c in own if c.category})
    by_category = {
        name: rate_of([c for c in own if c.category == name], unscored, 0, confidence) for name in categories
    }
    judged = [c for c in own if c.is_judged]
    return WinRate(
        model,
        baseline,
        rate_of(own, unscored, unplaced, confidence),
        tuple(own),
        by_category,
        position_effect(judged, confidence),
        dict(Counter(c.measure for c in judged if c.measure is not None)),
        sum(c.evidence is None for c in judged),
    )


def oriented(comparisons: Iterable[Comparison], model: str, baseline: str) -> list[Comparison]:
    """The comparisons of two models, the first of them first."""
    own = []
    for comparison in comparisons:
        if comparison.models == (baseline, model):
            own.append(comparison.turned())
        elif comparison.models == (model, baseline):
            own.append(comparison)
    return own


def position_effect(judged: Sequence[Comparison], confidence: float = 0.95) -> PositionEffect:
    """What being shown first did, over comparisons with a verdict, the evaluated model's answer first."""
    asked = [c for c in judged if c.evidence is not None]
    both = [c for c in asked if c.by_order is not None]
    lean = _mean([(c, c.lean) for c in asked if c.lean is not None], confidence)
    inconsistent = _share([(c, 1.0 - c.consistent) for c in asked if c.consistent is not None], confidence)
    why_not = _why_no_orders(asked, len(both))
    if why_not:
        return PositionEffect(lean, None, None, None, inconsistent, why_not)
    # Answers that are the same are draws in either order, as they are in the rate.
    by_order = [(c, c.by_order or (0.5, 0.5)) for c in judged]
    return PositionEffect(
        lean,
        _share([(c, baseline_first) for c, (_, baseline_first) in by_order], confidence),
        _share([(c, model_first) for c, (model_first, _) in by_order], confidence),
        _mean([(c, first - second) for c, (first, second) in by_order], confidence),
        inconsistent,
        "",
    )


def _why_no_orders(asked: Sequence[Comparison], both: int) -> str:
    if not asked:
        return "no judge was asked"
    if all(c.consistent is None for c in asked):
        return "pairs were shown in one order"
    if both == 0:
        return "the votes are not kept with the judgments, or are of several judges or criteria"
    if both < len(asked):
        return f"only {both:,} of {len(asked):,} were shown in both orders, and not by chance"
    return ""


def _mean(values: Sequence[tuple[Comparison, float]], confidence: float) -> Interval | None:
    """The mean by prompts; of logits, or of differences of shares."""
    return clustered_mean(*_by_prompt(values), confidence) if values else None


def _share(values: Sequence[tuple[Comparison, float]], confidence: float) -> Interval | None:
    return clustered_share(*_by_prompt(values), confidence) if values else None


def _by_prompt(values: Sequence[tuple[Comparison, float]]) -> tuple[list[float], list[str]]:
    return [value for _, value in values], [c.prompt for c, _ in values]


def evenly_missing(found: Sequence[WinRate], unscored: Unscored) -> list[WinRate]:
    """The same rates; none has a headline if their shares of missing verdicts are half a point apart or more."""
    shares = {one.model: one.rate.missing_share for one in found}
    if unscored != "bounds" or len(found) < 2 or max(shares.values()) - min(shares.values()) < MOST_APART - _ROUNDING:
        return list(found)
    low, high = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
    why = f"verdicts are missing unevenly: {shares[low]:.1%} of {low}, {shares[high]:.1%} of {high}"
    return [replace(one, rate=one.rate.without_headline(why)) for one in found]
