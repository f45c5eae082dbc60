"""A judge's position bias on a page, and as a record."""

from __future__ import annotations

from typing import Any

from judge_service.cards.audits import Gathered
from judge_service.domain.cards import PositionEstimate
from judge_service.statistics.position import CONFIDENCE, LEAST_AUDITS


def card_record(found: Gathered) -> dict[str, Any]:
    """The card as JSON-like values."""
    assert found.report is not None
    judge = found.judge
    return {
        "object": "card",
        "judge": {"name": judge.name, "model": judge.model, "epoch": judge.epoch, "digest": judge.digest},
        "rubric": found.rubric,
        "prompt": found.key.prompt,
        "position": found.report.estimate,
        "consistent": found.report.consistent,
        "standard_error": found.report.standard_error,
        "calls": found.report.calls,
        "flips": found.report.flips,
        "accuracy": None if found.accuracy is None else found.accuracy._asdict(),
        "pairs": len(found.pairs),
        "left_out": dict(found.left_out),
    }


def page(found: Gathered) -> str:
    """The same for a person."""
    assert found.report is not None
    report, estimate = found.report, found.report.estimate
    lines = [
        f"judge {found.judge.name} ({found.judge.model}) under {found.rubric.id}@{found.rubric.version}",
        _line("pairs in both orders", f"{estimate.audited:,}{_left_out(found)}"),
        _line(
            "lean to the first-shown",
            f"{estimate.bias:+.2f} logits, standard error {report.standard_error:.2f}; over pairs it spreads by"
            f" {estimate.spread:.2f}, and what the judge thinks of them by {estimate.signal:.2f}",
        ),
        _line("same winner in both", f"{report.consistent:.1%}"),
        _line("saturated answers", f"{estimate.saturated:.1%} within a tenth of its strongest"),
        *_domains(estimate),
        _line("one order", _one_order(found)),
        *_accuracy(found),
        _line("card", f"{estimate.version}, which --orders audited goes by from now on"),
    ]
    return "\n".join(lines)


def _line(name: str, told: str) -> str:
    return f"  {name:<24}{told}"


def _left_out(found: Gathered) -> str:
    told = ", ".join(f"{count:,} {why}" for why, count in found.left_out.most_common())
    return f" (left out: {told})" if told else ""


def _domains(estimate: PositionEstimate) -> list[str]:
    if len(estimate.domains) < 2:
        return []
    named = sorted(estimate.domains.items())
    return [_line(f"  in {name or 'no domain'}", f"{d.bias:+.2f} logits over {d.audited:,} pairs") for name, d in named]


def _one_order(found: Gathered) -> str:
    assert found.report is not None
    report, estimate = found.report, found.report.estimate
    bands = [domain.band for domain in estimate.domains.values() if domain.band is not None]
    if bands:
        beyond = " to ".join(f"{band:.2f}" for band in sorted({min(bands), max(bands)}))
        flips = "no winner" if report.flips is None else f"the winner in {report.flips:.1%}"
        return (
            f"is enough beyond {beyond} logits once the bias is off: {report.calls:.2f} calls a pair; here it changes"
            f" {flips} (bound: {estimate.flips:.0%}, at {CONFIDENCE:.0%} confidence)"
        )
    if estimate.audited < LEAST_AUDITS:
        return f"is not enough before {LEAST_AUDITS} pairs are audited: both are asked"
    return "is never enough: the bias varies too much from pair to pair, and both are asked"


def _accuracy(found: Gathered) -> list[str]:
    told = found.accuracy
    if told is None:
        return []
    ways = f"one order {told.one:.1%}, its bias taken off {told.corrected:.1%}, audited {told.audited:.1%}"
    return [_line("right", f"{ways}, both {told.both:.1%} of {told.labels:,} labels")]
