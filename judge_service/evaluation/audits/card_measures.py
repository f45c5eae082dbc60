"""What judgments say of the judge that made them, each as a number with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from judge_service.evaluation.audits.arms import Cells
from judge_service.evaluation.audits.measures import Measure
from judge_service.evaluation.audits.measuring import by_slice, mean_of, measured, share_of
from judge_service.evaluation.audits.sights import Sight
from judge_service.statistics.intervals import clustered_mean

_GAPS: Final = (0.0, 0.5, 1.0, 2.0, 4.0, math.inf)
_NEAR_THE_TOP: Final = 0.9
_TERCILES: Final = ("short", "middling", "long")
TOGETHER: Final = "place and label are not told apart: the first-shown is A in either order"
APART: Final = "the labels' part is taken out: both orders were asked with the letters the other way round too"
BY_SCRIPT: Final = "by the script of the prompt where no language is named: languages of one script are not told apart"
NOT_LOGITS: Final = "no votes from log-probabilities in both orders"
NO_LABELS_TURNED: Final = "not identified: the letters were not turned round"


def position_measures(sights: Sequence[Sight], cells: Mapping[str, Cells]) -> Iterator[Measure]:
    """The lean to the first-shown, how it varies, and whose winners it changes.

    Args:
        cells: by case id, what both assignments of the letters tell apart; empty where one was asked.
    """
    exact = [sight for sight in sights if sight.leans is not None and sight.called]
    note = (APART if cells else TOGETHER) if exact else NOT_LOGITS

    def bias(name: str, seen: Sequence[Sight]) -> Measure:
        return mean_of(name, [(s.cluster, _place(s, cells)) for s in seen], "logits", note)

    yield bias("position.bias", exact)
    yield _spread(exact, cells)
    asked = [sight for sight in sights if sight.consistent is not None and sight.called]
    yield flips("position.flips", asked)
    yield from by_slice(exact, _gap_bin, bias, "position.bias")
    yield from by_slice([s for s in asked if s.leans is not None], _gap_bin, flips, "position.flips")
    for slice_of in slices_of(sights):
        yield from by_slice(exact, slice_of, bias, "position.bias")
        yield from by_slice(asked, slice_of, flips, "position.flips")


def flips(name: str, seen: Sequence[Sight]) -> Measure:
    """The share of cases whose orders name different winners."""
    return share_of(name, [(s.cluster, not s.consistent) for s in seen])


def label_measures(families: Mapping[str, Mapping[str, Cells]], clusters: Mapping[str, str], why: str) -> list[Measure]:
    """The lean to a label wherever it stands, for each two labels that were turned round.

    Args:
        why: what to say where none were.
    """
    found = [
        mean_of(
            "label.bias" if place == 0 else f"label.bias[{name}]",
            [(clusters[case_id], each.label) for case_id, each in cells.items()],
            "logits",
            f"to the first of {name}, wherever it stands",
        )
        for place, (name, cells) in enumerate(families.items())
        if cells
    ]
    return found or [measured("label.bias", None, "logits", why or NO_LABELS_TURNED)]


def verdict_measures(sights: Sequence[Sight]) -> Iterator[Measure]:
    """How the judge's answers are: ties, saturation, label mass, failures, cases without a verdict."""
    called = [sight for sight in sights if sight.called]
    judged = [sight for sight in called if sight.won is not None]
    yield share_of("verdicts.ties", [(s.cluster, s.won == 0.5) for s in judged])
    leans = [(s.cluster, abs(lean)) for s in judged for lean in s.leans or ()]
    strongest = max((strength for _, strength in leans), default=0.0)
    near = "answers within a tenth of its strongest logit" if leans else NOT_LOGITS
    yield share_of("verdicts.saturated", [(c, 0 < _NEAR_THE_TOP * strongest <= v) for c, v in leans], near)
    masses = [(s.cluster, mass) for s in called for mass in s.masses]
    yield mean_of("verdicts.label_mass", masses, "share", "" if masses else NOT_LOGITS, most=1.0)
    votes = [(s.cluster, k < s.failures) for s in called for k in range(s.votes)]
    yield share_of("verdicts.failures", votes, "answers that could not be used")

    def unscored(name: str, seen: Sequence[Sight]) -> Measure:
        return share_of(name, [(s.cluster, s.status != "judged") for s in seen])

    yield unscored("verdicts.unscored", called)
    for slice_of in slices_of(sights):
        yield from by_slice(called, slice_of, unscored, "verdicts.unscored")


def slices_of(sights: Sequence[Sight]) -> tuple[Callable[[Sight], str | None], ...]:
    """By what cases are told apart: their domain, their language, and how long their answers are (thirds of them)."""
    lengths = [sight.length for sight in sights if sight.length is not None]
    cuts = [float(cut) for cut in np.quantile(lengths, [1 / 3, 2 / 3])] if lengths else []

    def length(sight: Sight) -> str | None:
        if sight.length is None:
            return None
        return f"length={_TERCILES[sum(sight.length > cut for cut in cuts)]}"

    return (
        lambda sight: None if sight.domain is None else f"domain={sight.domain}",
        lambda sight: None if sight.language is None else f"language={sight.language}",
        length,
    )


def _place(sight: Sight, cells: Mapping[str, Cells]) -> float:
    known = cells.get(sight.case_id)
    assert sight.lean is not None
    return sight.lean if known is None else known.place


def _spread(exact: Sequence[Sight], cells: Mapping[str, Cells]) -> Measure:
    """The standard deviation of the lean over cases, its interval from that of the variance."""
    if len(exact) < 2:
        return measured("position.spread", None, "logits", NOT_LOGITS if not exact else "one case has no spread")
    biases = [_place(sight, cells) for sight in exact]
    mean, more = sum(biases) / len(biases), len(biases) / (len(biases) - 1)
    found = clustered_mean([more * (bias - mean) ** 2 for bias in biases], [sight.cluster for sight in exact])
    rooted = [None if v is None else math.sqrt(max(0.0, v)) for v in (found.value, found.low, found.high)]
    return Measure("position.spread", rooted[0], rooted[1], rooted[2], found.n, "logits")


def _gap_bin(sight: Sight) -> str | None:
    gap = sight.gap
    assert gap is not None
    place = next(k for k in range(len(_GAPS) - 1) if gap < _GAPS[k + 1])
    low, high = _GAPS[place], _GAPS[place + 1]
    return f"gap={low:g}+" if high == math.inf else f"gap={low:g}-{high:g}"
