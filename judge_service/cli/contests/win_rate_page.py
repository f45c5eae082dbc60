"""Win rates on a page for a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from judge_service.cli.contests.win_rate_record import Controls, Found
from judge_service.evaluation.contests.length_control import length_lines
from judge_service.evaluation.contests.paired_rates import Difference
from judge_service.evaluation.contests.rates import Bounds, Rate
from judge_service.evaluation.contests.win_rates import PositionEffect, WinRate
from judge_service.statistics.intervals import Interval

SOFT: dict[str, str] = {
    "probability": "the judge's probabilities",
    "vote share": "vote shares: votes read from text or after a thought, no probabilities",
    "reward": "a reward model's differences",
}
"""What soft verdicts are, in words."""


def page(found: Found) -> str:
    """The whole finding."""
    parts = [[*_model(one), *_controlled(found.controls.get(one.model))] for one in found.rates]
    if found.difference is not None:
        parts.append(_difference(found.difference))
    facts = [_line(name, told) for name, told in found.compared.facts.items()]
    return "\n\n".join(["\n".join(part) for part in (*parts, facts)])


def _model(one: WinRate) -> list[str]:
    return [
        f"{one.model} against {one.baseline}",
        *_rates(one),
        _line("counted", _counts(one.rate, one.identical)),
        *_missing(one.rate),
        *_effect(one.position),
        *[_line(f"  in {name}", _category(rate)) for name, rate in one.categories.items()],
    ]


def _rates(one: WinRate) -> list[str]:
    rate = one.rate
    if rate.withheld:
        return [
            _line("no win rate", rate.withheld),
            *_bound("  soft", rate.soft_bounds),
            *_bound("  discrete", rate.discrete_bounds),
            _line("", "--unscored tie counts the missing as ties, --unscored drop leaves them out"),
        ]
    made_of = " and ".join(SOFT[name] for name in sorted(one.measures)) or "no judge was asked"
    return [
        _line("win rate, soft", f"{in_percent(rate.soft)}: {made_of}"),
        _line("win rate, discrete", f"{in_percent(rate.discrete)}: wins and half the draws"),
    ]


def _bound(name: str, bounds: Bounds | None) -> Iterable[str]:
    if bounds is not None:
        lost, won = bounds.lost, bounds.won
        around = "" if lost.low is None or won.high is None else f" ({lost.low:.1%} to {won.high:.1%} with chance)"
        yield _line(name, f"{lost.value:.1%} if all missing were lost, {won.value:.1%} if all were won{around}")


def _counts(rate: Rate, identical: int) -> str:
    prompts = rate.soft.clusters if rate.soft is not None else 0
    same = f" ({identical:,} of identical answers)" if identical else ""
    return (
        f"{rate.total:,} comparisons of {prompts:,} prompts:"
        f" {rate.wins:,} won, {rate.losses:,} lost, {rate.draws:,} draws{same}"
    )


def _missing(rate: Rate) -> Iterable[str]:
    told = ", ".join(f"{count:,} {status}" for status, count in sorted(rate.missing.items()))
    taken = "" if rate.total == rate.judged else ", counted as ties"
    yield _line("without a verdict", f"{told} ({rate.missing_share:.1%}){taken}" if told else "none")


def _effect(effect: PositionEffect) -> Iterable[str]:
    if effect.inconsistent is not None:
        yield _line("orders disagree", f"in {in_percent(effect.inconsistent)} of {effect.inconsistent.n:,}")
    if effect.lean is not None:
        lean = effect.lean
        yield _line("lean to the first-shown", f"{lean.value:+.2f} logits{_range(lean, '+.2f')}")
    if effect.why_not:
        yield _line("effect of the order", f"not known: {effect.why_not}")
        return
    assert effect.gained is not None
    yield _line(
        "by one order alone",
        f"{in_percent(effect.baseline_first)} with the baseline first, {in_percent(effect.model_first)} with the"
        f" model first: {100 * effect.gained.value:+.1f} points for the first place",
    )


def _category(rate: Rate) -> str:
    if rate.withheld or rate.soft is None:
        told = f"no win rate: {rate.withheld}"
        bounds = rate.soft_bounds
        return told if bounds is None else f"{told}; {bounds.lost.value:.1%} to {bounds.won.value:.1%}"
    missing = sum(rate.missing.values())
    more = f", {missing:,} without a verdict" if missing else ""
    return f"{in_percent(rate.soft)} of {rate.total:,}, discrete {in_percent(rate.discrete)}{more}"


def _controlled(controls: Controls | None) -> Iterable[str]:
    if controls is None:
        return
    yield from (f"  {line}" for line in length_lines(controls.length))
    style = controls.style
    told = f"no win rate: {style.reason}" if style.rate is None else in_percent(style.rate)
    yield _line("at equal length and style", told)


def _difference(difference: Difference) -> list[str]:
    one, other = difference.models
    lines = [f"{one} less {other}, both against {difference.baseline}"]
    if difference.withheld or difference.soft is None or difference.discrete is None:
        lines.append(_line("no difference", difference.withheld))
    else:
        for name, value, p in (
            ("soft", difference.soft, difference.soft_p),
            ("discrete", difference.discrete, difference.discrete_p),
        ):
            chance = "" if p is None else f", p = {p:.2g}"
            lines.append(_line(f"difference, {name}", f"{100 * value.value:+.1f} points{_points(value)}{chance}"))
    if difference.low is not None and difference.high is not None:
        ends = f"{100 * difference.low.value:+.1f} to {100 * difference.high.value:+.1f} points"
        lines.append(_line("whatever is missing", ends))
    apart = f"; {difference.apart:,} prompts have a verdict for one of them only" if difference.apart else ""
    lines.append(_line("prompts of both", f"{difference.prompts:,}{apart}"))
    if difference.disagreeing is not None:
        lines.append(_line("another outcome", f"on {in_percent(difference.disagreeing)} of these"))
    return lines


def in_percent(interval: Interval | None) -> str:
    """A share and where it lies: 53.2% (50.1% to 56.3%)."""
    return "-" if interval is None else f"{interval.value:.1%}{_range(interval, '.1%')}"


def _range(interval: Interval, shape: str) -> str:
    if interval.low is None or interval.high is None:
        return " (one prompt: no interval)"
    return f" ({interval.low:{shape}} to {interval.high:{shape}})"


def _points(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return ""
    return f" ({100 * interval.low:+.1f} to {100 * interval.high:+.1f})"


def _line(name: str, told: str) -> str:
    return f"  {name:<26}{told}"
