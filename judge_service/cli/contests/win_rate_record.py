"""Win rates as plain fields: those that AlpacaEval has too under its names and in percent, others as shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from judge_service.contests.comparisons import Compared
from judge_service.domain.frozen import frozen
from judge_service.evaluation.contests.controls import Controlled
from judge_service.evaluation.contests.length_control import LengthFinding, length_record
from judge_service.evaluation.contests.paired_rates import Difference
from judge_service.evaluation.contests.rates import Bounds, Rate
from judge_service.evaluation.contests.style import style_record
from judge_service.evaluation.contests.win_rates import PositionEffect, WinRate
from judge_service.statistics.intervals import Interval


@frozen
class Controls:
    """The win rate between answers of one length, and between answers of one length and layout."""

    length: LengthFinding
    style: Controlled


@frozen
class Found:
    """What a command found.

    Attributes:
        rates: of each model that was evaluated.
        difference: of two models over the same baseline, where that was asked for.
        compared: where the comparisons come from.
        unscored: what was made of missing verdicts.
        controls: by model, where it has a win rate.
        told: what to say besides.
    """

    rates: tuple[WinRate, ...]
    difference: Difference | None
    compared: Compared
    unscored: str
    controls: Mapping[str, Controls]
    told: tuple[str, ...] = ()

    @property
    def has_headline(self) -> bool:
        """Whether every rate is a single one."""
        return not any(one.rate.withheld for one in self.rates)


def record(found: Found) -> dict[str, Any]:
    """The finding: one model's fields at the top; of several models under `models`, and what they differ by."""
    facts = {"unscored": found.unscored, **_facts(found.compared)}
    if len(found.rates) == 1 and found.difference is None:
        return {**win_rate_record(found.rates[0], found), **facts}
    more = {} if found.difference is None else {"difference": difference_record(found.difference)}
    return {"object": "win_rates", "models": [win_rate_record(one, found) for one in found.rates], **more, **facts}


def win_rate_record(one: WinRate, found: Found) -> dict[str, Any]:
    """One model against its baseline."""
    return {
        "object": "win_rate",
        "model": one.model,
        "baseline": one.baseline,
        **rate_record(one.rate),
        **_controlled(one, found.controls.get(one.model)),
        "soft_is": _measure(one.measures),
        "n_identical": one.identical,
        **_position(one.position),
        "categories": {name: rate_record(rate) for name, rate in one.categories.items()},
    }


def rate_record(rate: Rate) -> dict[str, Any]:
    """A rate and its counts; where it is withheld there are bounds only."""
    soft, discrete = (None, None) if rate.withheld else (rate.soft, rate.discrete)
    error = None if rate.standard_error is None or rate.withheld else 100.0 * rate.standard_error
    return {
        "win_rate": percent(soft),
        "win_rate_interval": percents(soft),
        "standard_error": error,
        "clustered_standard_error": _error(soft),
        "discrete_win_rate": percent(discrete),
        "discrete_win_rate_interval": percents(discrete),
        "n_wins": rate.wins,
        "n_wins_base": rate.losses,
        "n_draws": rate.draws,
        "n_total": rate.total,
        "n_prompts": rate.soft.clusters if rate.soft is not None else 0,
        "n_missing": sum(rate.missing.values()),
        "missing": dict(rate.missing),
        "missing_share": rate.missing_share,
        "withheld": rate.withheld or None,
        "win_rate_bounds": _bounds(rate.soft_bounds),
        "discrete_win_rate_bounds": _bounds(rate.discrete_bounds),
    }


def difference_record(difference: Difference) -> dict[str, Any]:
    """What two models differ by, in percentage points."""
    soft, discrete = (None, None) if difference.withheld else (difference.soft, difference.discrete)
    low, high = difference.low, difference.high
    return {
        "models": list(difference.models),
        "baseline": difference.baseline,
        "win_rate_difference": percent(soft),
        "win_rate_difference_interval": percents(soft),
        "p": None if difference.withheld else difference.soft_p,
        "discrete_win_rate_difference": percent(discrete),
        "discrete_win_rate_difference_interval": percents(discrete),
        "discrete_p": None if difference.withheld else difference.discrete_p,
        "win_rate_difference_bounds": None if low is None or high is None else [percent(low), percent(high)],
        "n_prompts": difference.prompts,
        "n_prompts_of_one": difference.apart,
        "disagreeing": share(difference.disagreeing),
        "withheld": difference.withheld or None,
    }


def share(interval: Interval | None) -> dict[str, Any] | None:
    """An interval as it stands."""
    return None if interval is None else interval._asdict()


def percent(interval: Interval | None) -> float | None:
    """The value of a share, in percent."""
    return None if interval is None else 100.0 * interval.value


def percents(interval: Interval | None) -> list[float] | None:
    """Where the value of a share lies, in percent."""
    if interval is None or interval.low is None or interval.high is None:
        return None
    return [100.0 * interval.low, 100.0 * interval.high]


def _error(interval: Interval | None) -> float | None:
    return None if interval is None or interval.standard_error is None else 100.0 * interval.standard_error


def _bounds(bounds: Bounds | None) -> dict[str, Any] | None:
    if bounds is None:
        return None
    around = [bounds.lost.low, bounds.won.high]
    return {
        "all_lost": percent(bounds.lost),
        "all_won": percent(bounds.won),
        "interval": None if None in around else [100.0 * end for end in around if end is not None],
    }


def _position(effect: PositionEffect) -> dict[str, Any]:
    return {
        "inconsistent": share(effect.inconsistent),
        "position": {
            "lean": share(effect.lean),
            "win_rate_baseline_first": percent(effect.baseline_first),
            "win_rate_baseline_first_interval": percents(effect.baseline_first),
            "win_rate_model_first": percent(effect.model_first),
            "win_rate_model_first_interval": percents(effect.model_first),
            "gained_by_first_place": percent(effect.gained),
            "gained_by_first_place_interval": percents(effect.gained),
            "why_not": effect.why_not or None,
        },
    }


def _controlled(one: WinRate, controls: Controls | None) -> dict[str, Any]:
    if controls is None:
        return {"length_controlled_win_rate": None, "lc_standard_error": None, "lc_reason": one.rate.withheld}
    style = style_record(controls.style)
    left_out = style.pop("left_out")
    return {**length_record(controls.length), **style, "style_left_out": left_out}


def _measure(measures: Mapping[str, int]) -> str | None:
    return " and ".join(sorted(measures)) or None


def _facts(compared: Compared) -> dict[str, Any]:
    return {**facts_record(compared.facts), "statuses": dict(compared.statuses)}


def facts_record(facts: Mapping[str, str]) -> dict[str, Any]:
    """Who judged, by what and how, as plain fields; None for what is not told."""
    return {
        "judge": facts.get("judge"),
        "rubric": facts.get("rubric"),
        "method": facts.get("method"),
        "combine": facts.get("combined by"),
        "orders": facts.get("orders"),
        "note": facts.get("note"),
    }
