"""Rankings that were repeated in full: what a filter on Kendall's W keeps of them, and how few of them would tell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from judge_service.errors import InvalidRequest
from judge_service.statistics.agreement import kendall_w, meets
from judge_service.statistics.repeat_ranking import FEWEST, NO_BOUNDS, Bounds, learned_bounds, rankings_read

Ranks = list[list[float]]
"""One case: the (mid-)ranks of its candidates by each ranking, in the sequence in which they were asked for."""
SHOWN: Final = (10, 25, 50, 75, 90)
_DIGITS: Final = 1e6


@dataclass(frozen=True, slots=True)
class Rule:
    """What early stopping by one rule comes to.

    Attributes:
        rankings: mean rankings asked for to a case.
        same: the share of cases that are kept or dropped as all rankings would have it.
    """

    rankings: float
    same: float


@dataclass(frozen=True, slots=True)
class RankingAudit:
    """What the repeated rankings of many cases show.

    Attributes:
        left_out: judgments that are no case whose rankings were all read.
        repeats: rankings to a case.
        random: the mean W of as many random rankings.
        w: percentiles of W; cases whose rankings tie everything have none.
        keep: the least W to keep.
        kept: the share of cases that it keeps.
        exact: stopping as soon as the decision is certain.
        learned: stopping at learned bounds too, learned from one half of the cases and applied to the other, both
            ways; None where there are too few.
        option: what to judge with to stop like that.
    """

    cases: int
    left_out: int
    repeats: int
    random: float
    w: dict[str, float]
    keep: float
    kept: float
    exact: Rule
    learned: Rule | None
    option: dict[str, Any]


def audit(cases: Sequence[Ranks], left_out: int, keep: float | None, share: float, error: float) -> RankingAudit:
    """Counts and learns.

    Args:
        keep: the least W to keep; None: that of the highest `share`.

    Raises:
        InvalidRequest: every ranking ties everything.
    """
    repeats = len(cases[0])
    ws = [kendall_w(ranks) for ranks in cases]
    known = sorted(w for w in ws if w is not None)
    if not known:
        raise InvalidRequest("none of these rankings has a W: they tie all of their candidates")
    if keep is None:
        # Rounded down, so that the case it is taken from is kept.
        keep = math.floor(known[-min(len(known), max(1, round(share * len(cases))))] * _DIGITS) / _DIGITS
    kept = [meets(w, keep) for w in ws]
    bounds = _learned(cases, kept, error)
    found = any(bound is not None for side in bounds for bound in side)
    return RankingAudit(
        cases=len(cases),
        left_out=left_out,
        repeats=repeats,
        random=1 / repeats,
        w={f"{percent}%": round(_percentile(known, percent), 4) for percent in SHOWN},
        keep=keep,
        kept=sum(kept) / len(kept),
        exact=_rule(cases, kept, keep, NO_BOUNDS),
        learned=_held_out(cases, kept, keep, error) if found else None,
        option={"max": repeats, "keep": keep} | ({"below": bounds.below, "above": bounds.above} if found else {}),
    )


def _learned(cases: Sequence[Ranks], kept: Sequence[bool], error: float) -> Bounds:
    early = [[kendall_w(ranks[:read]) for read in range(2, len(ranks))] for ranks in cases]
    return learned_bounds(early, kept, error)


def _rule(cases: Sequence[Ranks], kept: Sequence[bool], keep: float, bounds: Bounds) -> Rule:
    ends = [rankings_read(ranks, keep, bounds) for ranks in cases]
    same = sum(end == whole for (_, end), whole in zip(ends, kept, strict=True))
    return Rule(sum(read for read, _ in ends) / len(cases), same / len(cases))


def _held_out(cases: Sequence[Ranks], kept: Sequence[bool], keep: float, error: float) -> Rule | None:
    """Bounds from every other case, applied to those between, and the other way round."""
    halves = [(cases[start::2], kept[start::2]) for start in (0, 1)]
    if min(len(half) for half, _ in halves) < FEWEST:
        return None
    one, other = [_rule(*halves[1 - start], keep, _learned(*halves[start], error)) for start in (0, 1)]
    return Rule((one.rankings + other.rankings) / 2, (one.same + other.same) / 2)


def _percentile(ascending: Sequence[float], percent: int) -> float:
    """The value at that place, between its neighbours where it falls between them."""
    place = (len(ascending) - 1) * percent / 100
    low = math.floor(place)
    high = min(low + 1, len(ascending) - 1)
    return ascending[low] + (place - low) * (ascending[high] - ascending[low])
