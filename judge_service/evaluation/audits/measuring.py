"""Intervals become measures."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from judge_service.evaluation.audits.measures import Measure
from judge_service.statistics.intervals import Interval, clustered_mean
from judge_service.statistics.shares import exact_share

T = TypeVar("T")
NO_CASES = "no case tells of it"


def measured(name: str, found: Interval | None, unit: str, note: str = "") -> Measure:
    """A measure from an estimate; None becomes one that says why there is none."""
    if found is None:
        return Measure(name, None, None, None, 0, unit, note or NO_CASES)
    return Measure(name, found.value, found.low, found.high, found.n, unit, note)


def mean_of(
    name: str, seen: Sequence[tuple[Hashable, float]], unit: str, note: str = "", most: float | None = None
) -> Measure:
    """The mean of values.

    Args:
        seen: each with its cluster.
        most: an upper bound of the values, which the interval does not go beyond; 0 is then the lower one.
    """
    if not seen:
        return measured(name, None, unit, note)
    found = clustered_mean([value for _, value in seen], [cluster for cluster, _ in seen])
    if most is not None and found.low is not None and found.high is not None:
        found = found._replace(low=max(0.0, found.low), high=min(most, found.high))
    return measured(name, found, unit, note)


def share_of(name: str, seen: Sequence[tuple[Hashable, bool]], note: str = "") -> Measure:
    """The share of what is so, each with its cluster."""
    if not seen:
        return measured(name, None, "share", note)
    return measured(name, exact_share([is_so for _, is_so in seen], [cluster for cluster, _ in seen]), "share", note)


def parted(name: str) -> tuple[str, str]:
    """What was measured: `position.bias[gap=4+]` is bias[gap=4+] of position; a lone name is its own suite."""
    suite, dot, rest = name.partition(".")
    return (suite, rest) if dot else (name.partition("[")[0], name)


def by_suite(measures: Sequence[Measure]) -> list[Measure]:
    """The measures with those of one suite together, suites in the order in which they first come."""
    places = {suite: place for place, suite in enumerate(dict.fromkeys(parted(m.name)[0] for m in measures))}
    return sorted(measures, key=lambda measure: places[parted(measure.name)[0]])


def by_slice(
    seen: Sequence[T], slice_of: Callable[[T], str | None], measure: Callable[[str, Sequence[T]], Measure], name: str
) -> list[Measure]:
    """The same measure in each slice, named with it; none where there is only one slice.

    Args:
        slice_of: which slice something belongs to, such as `language=latin`; None for none.
    """
    sorted_out: dict[str, list[T]] = {}
    for each in seen:
        told = slice_of(each)
        if told is not None:
            sorted_out.setdefault(told, []).append(each)
    if len(sorted_out) < 2:
        return []
    return [measure(f"{name}[{told}]", own) for told, own in sorted(sorted_out.items())]
