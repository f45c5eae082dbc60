"""Win rates as a report with plots."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

from judge_service.cli.contests.win_rate_page import SOFT, in_percent
from judge_service.cli.contests.win_rate_record import Controls, Found
from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.evaluation.contests.length_control import length_curve, length_lines, length_points
from judge_service.evaluation.contests.paired_rates import Difference
from judge_service.evaluation.contests.rates import Rate
from judge_service.evaluation.contests.win_rates import WinRate
from judge_service.reports.gathering import counted, trend
from judge_service.reports.page import Histogram, Intervals, Plot, Ranged, Report, Scatter, Section, Table
from judge_service.statistics.intervals import Interval

EVEN: Final = 50.0
_BINS: Final = 20
_CURVE: Final = 60
_MOST: Final = 1.0 - 1e-6
_METHOD: Final = (
    "Intervals are Student's t over prompts: all answers to one prompt are one draw. A soft win rate is the mean of the"
    " judge's soft verdicts, a discrete one that of 1, 0.5 and 0.",
    "What was not judged is left out only as long as it is 1% of the comparisons or less, and differs between models by"
    " less than half a point; else there are bounds: every missing verdict lost, and every one won.",
)


def win_rate_report(found: Found, numbers: Any) -> Report:
    """The finding, a section for each model.

    Args:
        numbers: the same as `--json` prints it.
    """
    sections = [_section(one, found.controls.get(one.model)) for one in found.rates]
    if len(found.rates) > 1:
        sections.insert(0, Section("All models", (), (_counts(found.rates),), (_all_models(found.rates),)))
    if found.difference is not None:
        sections.append(_difference_section(found.difference))
    names = ", ".join(one.model for one in found.rates)
    baselines = ", ".join(dict.fromkeys(one.baseline for one in found.rates))
    return Report(
        f"Win rate of {names} against {baselines}",
        tuple(_sentence(one) for one in found.rates),
        tuple(sections),
        found.compared.facts,
        numbers,
    )


def _sentence(one: WinRate) -> str:
    rate = one.rate
    if rate.withheld or rate.soft is None:
        bounds = rate.soft_bounds
        told = "" if bounds is None else f": it lies between {bounds.lost.value:.1%} and {bounds.won.value:.1%}"
        return f"There is no win rate of {one.model} against {one.baseline}, as {rate.withheld}{told}."
    made_of = " and ".join(SOFT[name] for name in sorted(one.measures)) or "no judge was asked"
    return (
        f"{one.model} wins {in_percent(rate.soft)} against {one.baseline} by {made_of}, and {in_percent(rate.discrete)}"
        f" counting wins and half the draws, over {rate.total:,} comparisons."
    )


def _section(one: WinRate, controls: Controls | None) -> Section:
    text = [] if controls is None else [line.strip() for line in length_lines(controls.length)]
    if one.position.why_not:
        text.append(f"What being shown first did is not known: {one.position.why_not}.")
    return Section(
        f"{one.model} against {one.baseline}",
        tuple(text),
        (_figures(one, controls),),
        tuple(_plots(one, controls)),
        _METHOD,
    )


def _plots(one: WinRate, controls: Controls | None) -> Iterable[Plot]:
    rows = _ranges(one, controls)
    if rows:
        yield Intervals("Win rates", tuple(rows), "Win rate, percent", EVEN)
    judged = [c for c in one.comparisons if c.soft is not None and c.evidence is not None]
    if judged:
        yield _histogram(one, judged)
    points = tuple((_logit(c), c.lean) for c in judged if c.lean is not None)
    if points:
        yield Scatter(
            "Lean to the first-shown",
            points,
            f"For {one.model}, logits",
            "Lean to the first-shown, logits",
            trend(points),
            (0.0,),
            "Above zero the judge leans to whatever is shown first; the win rate has that taken off.",
        )
    if controls is not None:
        yield from _lengths(one, controls)


def _ranges(one: WinRate, controls: Controls | None) -> list[Ranged]:
    told: list[tuple[str, Interval | None]] = []
    if not one.rate.withheld:
        told += [("soft", one.rate.soft), ("discrete", one.rate.discrete)]
    elif one.rate.soft_bounds is not None:
        told += [("if all missing were lost", one.rate.soft_bounds.lost), ("if all were won", one.rate.soft_bounds.won)]
    if controls is not None:
        told += [("at equal length", controls.length.equal.rate), ("at equal length and style", controls.style.rate)]
    effect = one.position
    told += [("baseline shown first", effect.baseline_first), ("model shown first", effect.model_first)]
    told += [(f"in {name}", None if rate.withheld else rate.soft) for name, rate in one.categories.items()]
    return [_ranged(label, interval) for label, interval in told if interval is not None]


def _ranged(label: str, interval: Interval) -> Ranged:
    low, high = (None if end is None else 100.0 * end for end in (interval.low, interval.high))
    return Ranged(label, 100.0 * interval.value, low, high)


def _histogram(one: WinRate, judged: Sequence[Comparison]) -> Histogram:
    edges = tuple(place / _BINS for place in range(_BINS + 1))
    what = " and ".join(sorted(one.measures)) or "verdict"
    softs = [c.soft for c in judged if c.soft is not None]
    return counted("Soft verdicts", softs, edges, f"P({one.model} is better), {what}")


def _lengths(one: WinRate, controls: Controls) -> Iterable[Plot]:
    points = length_points(one.comparisons)
    if not points:
        return
    gaps = [gap for gap, _ in points]
    low, high = min(gaps), max(gaps)
    steps = [low + (high - low) * place / _CURVE for place in range(_CURVE + 1)]
    yield Scatter(
        "Length",
        points,
        f"Characters that {one.model} is longer",
        f"P({one.model} is better)",
        length_curve(controls.length, steps) if high > low else (),
        (0.5,),
        "The line is what length alone makes of the verdicts, as far as a fit tells.",
    )


def _logit(comparison: Comparison) -> float:
    assert comparison.soft is not None
    p = min(_MOST, max(1.0 - _MOST, comparison.soft))
    return math.log(p / (1.0 - p))


def _figures(one: WinRate, controls: Controls | None) -> Table:
    effect = one.position
    rows: list[tuple[str, float | None, float | None, float | None, int | None]] = [
        _row("win rate, soft", None if one.rate.withheld else one.rate.soft),
        _row("win rate, discrete", None if one.rate.withheld else one.rate.discrete),
        _row("orders disagree", effect.inconsistent),
        _row("win rate with the baseline first", effect.baseline_first),
        _row("win rate with the model first", effect.model_first),
        _row("gained by the first place, points", effect.gained),
    ]
    if controls is not None:
        rows.append(_row("win rate at equal length", controls.length.equal.rate))
        rows.append(_row("win rate at equal length and style", controls.style.rate))
    rows += [_row(f"win rate in {name}", None if r.withheld else r.soft) for name, r in one.categories.items()]
    note = _note(one.rate)
    return Table("Figures, in percent", ("", "value", "low", "high", "n"), tuple(rows), note)


def _row(name: str, interval: Interval | None) -> tuple[str, float | None, float | None, float | None, int | None]:
    if interval is None:
        return name, None, None, None, None
    low, high = (None if end is None else 100.0 * end for end in (interval.low, interval.high))
    return name, 100.0 * interval.value, low, high, interval.n


def _note(rate: Rate) -> str:
    told = ", ".join(f"{count:,} {status}" for status, count in sorted(rate.missing.items())) or "none"
    return f"{rate.wins:,} won, {rate.losses:,} lost, {rate.draws:,} draws; without a verdict: {told}."


def _counts(rates: Sequence[WinRate]) -> Table:
    columns = ("model", "win rate", "discrete", "won", "lost", "draws", "without a verdict")
    rows = tuple(
        (
            one.model,
            None if one.rate.withheld or one.rate.soft is None else 100.0 * one.rate.soft.value,
            None if one.rate.withheld or one.rate.discrete is None else 100.0 * one.rate.discrete.value,
            one.rate.wins,
            one.rate.losses,
            one.rate.draws,
            sum(one.rate.missing.values()),
        )
        for one in rates
    )
    return Table("Models", columns, rows)


def _all_models(rates: Sequence[WinRate]) -> Intervals:
    rows = tuple(_ranged(one.model, one.rate.soft) for one in rates if one.rate.soft and not one.rate.withheld)
    return Intervals("Win rates of all models", rows, "Win rate, percent", EVEN)


def _difference_section(difference: Difference) -> Section:
    one, other = difference.models
    if difference.withheld:
        return Section(f"{one} less {other}", (f"There is no difference to tell: {difference.withheld}.",))
    rows = (
        (*_row("soft, points", difference.soft), difference.soft_p),
        (*_row("discrete, points", difference.discrete), difference.discrete_p),
        (*_row("prompts with another outcome, percent", difference.disagreeing), None),
    )
    return Section(
        f"{one} less {other}",
        (f"Both against {difference.baseline}, over the {difference.prompts:,} prompts that both have a verdict on.",),
        (Table("Difference", ("", "value", "low", "high", "n", "p"), rows, digits=3),),
    )
