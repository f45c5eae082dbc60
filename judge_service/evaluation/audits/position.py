"""Pairs that were judged in both orders become the estimate of a judge's position bias that a run goes by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from judge_service.domain.cards import DomainBias, PositionEstimate
from judge_service.domain.digests import digest, draw
from judge_service.statistics.position import FLIPS, LEAST_AUDITS, Audit, Bias, bias_of, one_order_band

LEAST_OF_A_DOMAIN: Final = 50
"""So many audited pairs make a domain's mean bias good enough to be taken off (0.1 points of accuracy at 50)."""


class Audited(NamedTuple):
    """An audited pair and the domain of its case; "" where the case names none."""

    audit: Audit
    domain: str


def audited_pair(case_digest: str, leans: tuple[float, float], domain: str | None) -> Audited:
    """A pair that was judged in both orders.

    Which order would have been the one is drawn as it is for a case, by what it holds.

    Args:
        leans: to the first-shown, with the first candidate first and with the second.
    """
    return Audited(Audit(*leans, draw("order", case_digest) % 2 == 0), domain or "")


def estimate_of(audited: Sequence[Audited], flips: float = FLIPS) -> PositionEstimate:
    """The estimate from two audited pairs or more.

    Each domain with 50 pairs or more has a bias of its own. Where one order is enough is decided over all of them
    together, and for a domain with 500 pairs by its own; a domain with fewer than 50 is always asked both orders, as is
    one that was never audited.
    """
    overall = bias_of([pair.audit for pair in audited])
    by_domain: dict[str, list[Audit]] = {}
    for pair in audited:
        by_domain.setdefault(pair.domain, []).append(pair.audit)
    means = {name: bias_of(own).mean for name, own in by_domain.items() if len(own) >= LEAST_OF_A_DOMAIN}
    known = [pair for pair in audited if pair.domain in means]
    together = one_order_band([pair.audit for pair in known], [means[pair.domain] for pair in known], flips)
    domains = {name: _domain(by_domain[name], mean, together, flips) for name, mean in means.items()}
    return _versioned(overall, len(audited), domains, flips)


def _domain(own: Sequence[Audit], mean: float, together: float | None, flips: float) -> DomainBias:
    band = one_order_band(own, [mean] * len(own), flips) if len(own) >= LEAST_AUDITS else together
    return DomainBias(len(own), mean, band)


def _versioned(overall: Bias, audited: int, domains: Mapping[str, DomainBias], flips: float) -> PositionEstimate:
    estimate = PositionEstimate("", audited, *overall, domains, flips)
    told = {**vars(estimate), "domains": {name: vars(domain) for name, domain in domains.items()}}
    return replace(estimate, version="pos_" + digest(told).removeprefix("sha256:")[:12])


class PositionReport(NamedTuple):
    """What audited pairs come to.

    Attributes:
        consistent: the share of pairs whose orders name the same winner.
        standard_error: of the estimate's bias, in logits.
        calls: what a pair would have cost by audited orders, from 1 to 2.
        flips: the share of the pairs left at one order whose winner is not that of both; None where none was left.
    """

    estimate: PositionEstimate
    consistent: float
    standard_error: float
    calls: float
    flips: float | None


def report_on(audited: Sequence[Audited], estimate: PositionEstimate) -> PositionReport:
    """How a judge leans, and how far one order goes by that estimate on the audits themselves."""
    left = flips = consistent = 0
    for pair in audited:
        (one, other, _), _ = pair
        consistent += (one > 0) != (other > 0)
        margin, is_enough = _one_order(pair, estimate)
        if is_enough:
            left += 1
            flips += (margin > 0) != (one > other)
    pairs = len(audited)
    return PositionReport(
        estimate,
        consistent / pairs,
        estimate.spread / math.sqrt(pairs),
        2 - left / pairs,
        flips / left if left else None,
    )


def _one_order(pair: Audited, estimate: PositionEstimate) -> tuple[float, bool]:
    """The corrected logit of *one* in the order that would have been asked, and whether that would have been enough."""
    (one, other, one_first), domain = pair
    known = estimate.of(domain)
    bias = known.bias if known is not None else estimate.bias
    margin = one - bias if one_first else bias - other
    return margin, known is not None and known.band is not None and abs(margin) >= known.band


class Accuracy(NamedTuple):
    """How often people's labels were met on audited pairs, by the orders that would have been asked; a tie is half.

    Attributes:
        one: by one order as it is.
        corrected: by one order with the bias taken off.
        audited: by audited orders, at `PositionReport.calls`.
        both: by both orders.
    """

    labels: int
    one: float
    corrected: float
    audited: float
    both: float


def accuracy_on(labelled: Sequence[tuple[Audited, float]], estimate: PositionEstimate) -> Accuracy:
    """The accuracy of each way on pairs with labels, one or more.

    Args:
        labelled: pairs, and P(the first candidate is better) by people: 1, 0, or 0.5 for a tie.
    """
    right = [0.0] * 4
    for pair, label in labelled:
        one, other, one_first = pair.audit
        corrected, is_enough = _one_order(pair, estimate)
        single = one if one_first else -other
        both = (one - other) / 2
        for way, margin in enumerate((single, corrected, corrected if is_enough else both, both)):
            right[way] += 1 - abs((0.5 if margin == 0 else float(margin > 0)) - label)
    return Accuracy(len(labelled), *(total / len(labelled) for total in right))
