"""A leaderboard for a terminal, and as a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from judge_service.cli.plain import on_one_line
from judge_service.evaluation.contests.leaderboard import Difference, Leaderboard, Row, rating
from judge_service.evaluation.contests.rates import Rate
from judge_service.statistics.intervals import Interval

_MANY: Final = 12
_HEADS: Final = ("rank", "model", "rating", "from", "to", "ranks", "soft rate", "discrete", "n", "ties", "unscored")


def record(told: Leaderboard, facts: Mapping[str, str], notes: Sequence[str]) -> dict[str, Any]:
    """The table as JSON-like values: win rates in percent as AlpacaEval has them, other shares in [0, 1]."""
    terms = told.terms
    return {
        "object": "leaderboard",
        "models": [_model(row) for row in told.rows],
        "differences": [{**vars(each), "rating": rating_gap(each.difference)} for each in told.differences],
        "win_matrix": [
            {
                "model": name,
                "against": other,
                "n": met.judged,
                "wins": met.wins,
                "losses": met.losses,
                "ties": met.ties,
                "unscored": met.unscored,
                "win_rate": _percent(met.rate),
                "discrete_win_rate": _percent(met.discrete_rate),
            }
            for name, row in told.matrix.items()
            for other, met in row.items()
        ],
        "fit": fit_of(told),
        "tie_parameter": told.nu,
        "style": [slope._asdict() for slope in told.slopes],
        "baseline": terms.baseline or None,
        "comparisons": told.comparisons,
        "judged": told.judged,
        "prompts": told.prompts,
        "unscored": terms.unscored,
        "missing": told.missing or None,
        "is_sound": told.is_sound,
        "confidence": terms.confidence,
        "draws": terms.draws,
        "seed": terms.seed,
        "warnings": [*told.warnings, *notes],
        "judged_by": dict(facts),
    }


def _model(row: Row) -> dict[str, Any]:
    ranks = row.ranks
    return {
        "model": row.model,
        "rank": None if ranks is None else ranks.rank,
        "rank_low": None if ranks is None else ranks.low,
        "rank_high": None if ranks is None else ranks.high,
        "rank_drawn": None if ranks is None else ranks.drawn,
        "strength": row.strength,
        "standard_error": row.standard_error,
        "low": row.low,
        "high": row.high,
        "drawn": row.drawn,
        "rating": rating(row.strength),
        "rating_low": rating(row.low),
        "rating_high": rating(row.high),
        "expected_win_rate": _percent(row.expected),
        **_rates(row.rate, ""),
        "n_wins": row.rate.wins,
        "n_losses": row.rate.losses,
        "n_draws": row.rate.draws,
        "n_total": row.rate.total,
        **_rates(row.against_baseline, "baseline_"),
        "unscored": row.met.unscored,
        "unscored_share": row.met.unscored_share,
        "reason": row.why or None,
    }


def _rates(rate: Rate | None, before: str) -> dict[str, Any]:
    soft, discrete = (None, None) if rate is None else (rate.soft, rate.discrete)
    return {
        f"{before}win_rate": _percent(None if soft is None else soft.value),
        f"{before}win_rate_low": _percent(None if soft is None else soft.low),
        f"{before}win_rate_high": _percent(None if soft is None else soft.high),
        f"{before}discrete_win_rate": _percent(None if discrete is None else discrete.value),
        f"{before}n": 0 if soft is None else soft.n,
    }


def _percent(share: float | None) -> float | None:
    return None if share is None else 100.0 * share


def rating_gap(logits: float) -> float:
    """A difference of strengths in points of the rating."""
    return (rating(logits) or 0.0) - (rating(0.0) or 0.0)


def fit_of(told: Leaderboard) -> str:
    """By what strengths were fitted."""
    way = "Bradley-Terry on probabilities" if told.terms.is_soft else "Bradley-Terry"
    if told.nu:
        way = "Bradley-Terry with ties (Davidson)"
    return f"{way}, style held alike" if told.terms.is_in_one_style else way


def page(told: Leaderboard, facts: Mapping[str, str], notes: Sequence[str]) -> str:
    """The same for a person."""
    terms = told.terms
    lines = [
        f"{len(told.rows)} models, {told.judged:,} comparisons on {told.prompts:,} prompts"
        + (f" ({told.comparisons - told.judged:,} without a verdict)" if told.comparisons > told.judged else ""),
        *(f"  {name}: {on_one_line(value)}" for name, value in facts.items()),
        "",
        *_table(told),
        "",
        f"rating: {fit_of(told)}; 1000 is the mean, 400 points are odds of ten to one; from … to at"
        f" {terms.confidence:.0%}, by prompts. ranks: where Holm's differences leave it, all at once.",
        *_sure(told),
        *_style(told),
        *(f"note: {on_one_line(note)}" for note in (*told.warnings, *notes)),
    ]
    return "\n".join(lines)


def _table(told: Leaderboard) -> list[str]:
    heads = (*_HEADS, f"against {told.terms.baseline}") if told.terms.baseline else _HEADS
    rows = [heads, *(_cells(row, bool(told.terms.baseline)) for row in told.rows)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(heads))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if place == 1 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    reasons = [f"  {on_one_line(row.model)} is {row.why}" for row in told.rows if row.why]
    return [*lines, *reasons]


def _cells(row: Row, has_baseline: bool) -> tuple[str, ...]:
    ranks = row.ranks
    cells = (
        "-" if ranks is None else str(ranks.rank),
        on_one_line(row.model),
        _points(row.strength),
        _points(row.low),
        _points(row.high),
        "-" if ranks is None else f"{ranks.low}-{ranks.high}",
        rate_shown(row.rate.soft),
        rate_shown(row.rate.discrete),
        f"{row.met.judged:,}",
        f"{row.met.ties:,}",
        f"{row.met.unscored_share:.1%}" if row.met.unscored else "0",
    )
    against = None if row.against_baseline is None else row.against_baseline.soft
    return (*cells, rate_shown(against)) if has_baseline else cells


def _points(strength: float | None) -> str:
    value = rating(strength)
    return "-" if value is None else f"{value:.0f}"


def rate_shown(rate: Interval | None) -> str:
    """A win rate in percent, with how far its interval reaches."""
    if rate is None:
        return "-"
    reach = "" if rate.high is None else f" ±{100.0 * (rate.high - rate.value):.1f}"
    return f"{100.0 * rate.value:.1f}%{reach}"


def sure(told: Leaderboard) -> list[Difference]:
    """The differences that hold for all models at once."""
    return [each for each in told.differences if each.adjusted <= 1.0 - told.terms.confidence]


def neighbours(told: Leaderboard) -> list[Difference]:
    """The differences between models that stand next to each other in the table."""
    names = [row.model for row in told.rows if row.strength is not None]
    next_to = set(pairwise(names))
    between = [
        each for each in told.differences if next_to & {(each.stronger, each.weaker), (each.weaker, each.stronger)}
    ]
    return sorted(between, key=lambda each: names.index(each.stronger))


def _sure(told: Leaderboard) -> list[str]:
    if not told.differences:
        return []
    alpha = 1.0 - told.terms.confidence
    lines = [f"{len(sure(told)):,} of {len(told.differences):,} differences hold at {alpha:.0%} for all at once (Holm)"]
    if len(told.rows) > _MANY:
        return lines
    return lines + [
        f"  {on_one_line(each.stronger)} over {on_one_line(each.weaker)}: {rating_gap(each.difference):+.0f} points"
        f" ({rating_gap(each.low):+.0f} to {rating_gap(each.high):+.0f} by itself), Holm's p {each.adjusted:.2g}"
        for each in neighbours(told)
    ]


def _style(told: Leaderboard) -> list[str]:
    if not told.terms.is_in_one_style:
        return []
    worth = [
        f"{name} {slope:+.2f}" + ("" if error is None else f" (standard error {error:.2f})")
        for name, slope, error in told.slopes
    ]
    return [f"taken off, in logits to a standard difference: {', '.join(worth) or 'nothing differs'}"]
