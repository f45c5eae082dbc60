"""A leaderboard as a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from judge_service.cli.contests.leaderboard_page import fit_of, neighbours, rating_gap, sure
from judge_service.evaluation.contests.leaderboard import MEAN_RATING, Leaderboard, rating
from judge_service.reports.page import Cell, Intervals, Matrix, Ranged, Report, Section, Table


def report_on(told: Leaderboard, facts: Mapping[str, str], numbers: Mapping[str, Any]) -> Report:
    """The page: ratings with their intervals, who won against whom, and which differences hold."""
    return Report("Leaderboard", _summary(told), (_standing(told), _met(told), _gaps(told)), facts, numbers)


def _summary(told: Leaderboard) -> tuple[str, ...]:
    ranked = [row.model for row in told.rows if row.strength is not None]
    lines = [f"{len(told.rows)} models in {told.judged:,} comparisons on {told.prompts:,} prompts."]
    if ranked:
        lines.append(f"{ranked[0]} is the strongest of those with a strength, {ranked[-1]} the weakest.")
    if told.differences:
        held, every = len(sure(told)), len(told.differences)
        lines.append(f"{held:,} of {every:,} differences hold for all at once (Holm).")
    return (*lines, *told.warnings)


def _standing(told: Leaderboard) -> Section:
    columns = (
        "rank", "model", "rating", "from", "to", "rank from", "rank to", "win rate %", "discrete %", "n", "ties",
        "unscored %",
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for row in told.rows:
        ranks, soft, discrete = row.ranks, row.rate.soft, row.rate.discrete
        rows.append(
            (
                None if ranks is None else ranks.rank,
                row.model,
                rating(row.strength),
                rating(row.low),
                rating(row.high),
                None if ranks is None else ranks.low,
                None if ranks is None else ranks.high,
                None if soft is None else 100.0 * soft.value,
                None if discrete is None else 100.0 * discrete.value,
                row.met.judged,
                row.met.ties,
                100.0 * row.met.unscored_share,
            )
        )
    ranged = tuple(
        Ranged(row.model, rating(row.strength) or 0.0, rating(row.low), rating(row.high))
        for row in told.rows
        if row.strength is not None
    )
    text = (
        f"{fit_of(told)}. 1000 is the mean, and 400 points are odds of ten to one. Intervals are at"
        f" {told.terms.confidence:.0%}, by prompts; ranks are where Holm's differences leave them, for all at once.",
        *(f"{row.model} is {row.why}." for row in told.rows if row.why),
    )
    plots = (Intervals("Ratings", ranged, "rating", MEAN_RATING),) if ranged else ()
    return Section("Standing", text, (Table("Models", columns, tuple(rows), digits=1),), plots)


def _met(told: Leaderboard) -> Section:
    names = tuple(row.model for row in told.rows)
    values = tuple(
        tuple(
            None if (met := told.matrix[one].get(other)) is None or met.rate is None else 100.0 * met.rate
            for other in names
        )
        for one in names
    )
    return Section(
        "Who won against whom",
        plots=(Matrix("Win rate of the row against the column, percent", names, names, values, 0.0, 100.0),),
    )


def _gaps(told: Leaderboard) -> Section:
    columns = ("stronger", "weaker", "points", "from", "to", "p", "Holm's p")
    rows = tuple(
        (
            each.stronger,
            each.weaker,
            rating_gap(each.difference),
            rating_gap(each.low),
            rating_gap(each.high),
            each.p,
            each.adjusted,
        )
        for each in neighbours(told)
    )
    note = "Between neighbours; the interval is of each difference by itself. The JSON has all of them."
    style = Table(
        "What style is worth, in logits to a standard difference",
        ("style", "logits", "standard error"),
        tuple((slope.name, slope.slope, slope.standard_error) for slope in told.slopes),
    )
    tables = (Table("Differences", columns, rows, note, digits=3), *([style] if told.slopes else []))
    return Section("Which differences hold", (), tables)
