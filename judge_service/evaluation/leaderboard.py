"""Comparisons of many models become one table: strengths, ranks, and which differences are more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from judge_service.domain.frozen import frozen
from judge_service.errors import InvalidRequest
from judge_service.evaluation.comparisons import Comparison
from judge_service.evaluation.strengths import Found, Ranks, Style, strengths_of
from judge_service.evaluation.win_matrix import (
    Unscored,
    WinMatrix,
    is_missing_at_random,
    total,
    win_matrix,
    win_rate,
    with_verdicts,
)
from judge_service.statistics.holm import holm
from judge_service.statistics.intervals import Interval
from judge_service.statistics.students import t_critical, t_tails

MEAN_RATING: Final = 1000.0
POINTS: Final = 400.0 / math.log(10.0)
"""Points of an Elo-like rating to a logit: 400 make odds of ten to one."""


@frozen
class Terms:
    """How a leaderboard is made.

    Attributes:
        is_soft: whether strengths come from probabilities, a tie being a half, and not from wins, losses and ties.
        baseline: a model that all others are also shown against; "" for none.
        confidence: of each interval, in (0, 1); Holm's differences are significant at 1 - confidence.
        draws: of prompts, for intervals of ranks.
    """

    is_soft: bool = False
    baseline: str = ""
    unscored: Unscored | None = None
    confidence: float = 0.95
    draws: int = 1000
    seed: int = 0


@frozen
class Row:
    """A model.

    Attributes:
        strength: in logits, zero on average over all that have one; None where none is finite, and `why` says so.
        standard_error: of the strength, with its interval by Student's t over prompts; an end is None where draws of
            other prompts leave it without a bound.
        drawn: between which strengths it lies in draws of prompts; None for an end without a bound.
        ranks: its rank, where Holm's differences leave it (for all models at once), and where draws of prompts do.
        expected: percent that it would win on average against each other one with a strength, a tie counting half.
        win_rate, discrete_win_rate: percent of its own comparisons, by probability and by winners, a tie counting half.
        against_baseline: the same as `win_rate` over its comparisons with the baseline.
        judged, wins, losses, ties, unscored: how many comparisons.
    """

    model: str
    strength: float | None
    standard_error: float | None
    low: float | None
    high: float | None
    drawn: tuple[float | None, float | None]
    ranks: Ranks | None
    expected: float | None
    win_rate: Interval | None
    discrete_win_rate: Interval | None
    against_baseline: Interval | None
    judged: int
    wins: int
    losses: int
    ties: int
    unscored: int
    why: str = ""

    @property
    def unscored_share(self) -> float:
        """Of its comparisons, those without a verdict, in [0, 1]."""
        every = self.judged + self.unscored
        return self.unscored / every if every else 0.0


@frozen
class Difference:
    """How much stronger one model is than another, in logits.

    Attributes:
        p: of a difference as large by chance; `adjusted` is Holm's, for all differences of the table together.
    """

    stronger: str
    weaker: str
    difference: float
    standard_error: float
    low: float
    high: float
    p: float
    adjusted: float


class Slope(NamedTuple):
    """What a difference in style is worth, in logits to its unit."""

    name: str
    slope: float
    standard_error: float | None


@frozen
class Leaderboard:
    """The whole table.

    Attributes:
        rows: by strength, those without a finite one where they belong, and those apart at the end.
        differences: between all that have a strength, the surest first.
        nu: the readiness to call a tie: equals tie with probability nu / (2 + nu); None where ties count as halves.
        is_random: whether so few verdicts are missing, and so evenly, that it hardly matters which.
        is_sound: whether the table may be read as it stands.
        warnings: what to know before one reads it.
    """

    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]
    matrix: WinMatrix
    slopes: tuple[Slope, ...]
    nu: float | None
    terms: Terms
    comparisons: int
    judged: int
    prompts: int
    is_random: bool
    is_sound: bool
    warnings: tuple[str, ...]


def rating(strength: float | None) -> float | None:
    """Points as in chess: 1000 is average, and 400 more win ten times as often as they lose."""
    return None if strength is None else MEAN_RATING + POINTS * strength


def leaderboard(
    comparisons: Sequence[Comparison], terms: Terms, style: Style | None = None, unplaced: int = 0
) -> Leaderboard:
    """The table of one judge's comparisons.

    Args:
        style: how the two answers of each comparison differ besides who wrote them; strengths are then those of answers
            in one style.
        unplaced: judgments that nobody knows the models of.

    Raises:
        InvalidRequest: a model meets itself, the baseline is unknown, or there is no verdict at all.
    """
    matrix = win_matrix(comparisons)
    if terms.baseline and terms.baseline not in matrix:
        raise InvalidRequest(f"there is no model '{terms.baseline}' here; known: {', '.join(matrix)}", "baseline")
    kept = with_verdicts(comparisons, terms.unscored)
    if not kept:
        raise InvalidRequest("none of these comparisons has a verdict")
    if style is not None:
        style = style.of([each.is_judged or terms.unscored == "tie" for each in comparisons])
    found = strengths_of(kept, list(matrix), terms.is_soft, style, terms.draws, terms.seed, terms.confidence)
    differences = _differences(found, terms.confidence)
    rows = tuple(sorted(_rows(kept, matrix, found, differences, terms), key=_place))
    is_random = is_missing_at_random(matrix, unplaced)
    return Leaderboard(
        rows,
        differences,
        matrix,
        tuple(Slope(*told) for told in found.slopes),
        found.nu,
        terms,
        len(comparisons) + unplaced,
        sum(each.is_judged for each in comparisons),
        len({each.prompt for each in kept}),
        is_random,
        (is_random or terms.unscored is not None) and bool(found.strengths),
        tuple(_warnings(rows, found, is_random or terms.unscored is not None)),
    )


def _place(row: Row) -> tuple[int, float, str]:
    sort = {"above": 0, "": 1, "below": 2}.get(row.why.partition(":")[0], 3)
    return sort, -(row.strength or 0.0), row.model


def _differences(found: Found, confidence: float) -> tuple[Difference, ...]:
    """All pairs, with Holm's p-values; none where one prompt or fewer tells nothing of chance."""
    if found.covariance is None:
        return ()
    names, spread = list(found.strengths), found.covariance
    reach = t_critical(found.prompts - 1, confidence)
    told = []
    for i, one in enumerate(names):
        for j in range(i + 1, len(names)):
            other = names[j]
            gap = found.strengths[one] - found.strengths[other]
            error = math.sqrt(max(0.0, float(spread[i, i] + spread[j, j] - 2.0 * spread[i, j])))
            p = t_tails(gap / error, found.prompts - 1) if error > 0.0 else float(gap == 0.0)
            stronger, weaker = (one, other) if gap >= 0.0 else (other, one)
            told.append((stronger, weaker, abs(gap), error, abs(gap) - reach * error, abs(gap) + reach * error, p))
    adjusted = holm([each[-1] for each in told])
    made = [Difference(*each, adjusted=holms) for each, holms in zip(told, adjusted, strict=True)]
    return tuple(sorted(made, key=lambda each: (each.adjusted, each.p, -each.difference, each.stronger, each.weaker)))


def _rows(
    kept: Sequence[Comparison],
    matrix: WinMatrix,
    found: Found,
    differences: Sequence[Difference],
    terms: Terms,
) -> list[Row]:
    own: dict[str, list[Comparison]] = {name: [] for name in matrix}
    for comparison in kept:
        for side in (comparison, comparison.turned()):
            own[side.models[0]].append(side)
    sure = [(each.stronger, each.weaker) for each in differences if each.adjusted <= 1.0 - terms.confidence]
    ranks = found.ranks(sure, terms.confidence)
    return [_row(name, own[name], matrix, found, ranks.get(name), terms) for name in matrix]


def _row(
    name: str,
    own: Sequence[Comparison],
    matrix: WinMatrix,
    found: Found,
    ranks: Ranks | None,
    terms: Terms,
) -> Row:
    against = [each for each in own if terms.baseline and each.models[1] == terms.baseline]
    met = total(matrix[name])
    low, high = found.interval(name, terms.confidence)
    return Row(
        name,
        found.strengths.get(name),
        found.standard_error(name),
        low,
        high,
        found.drawn.get(name, (None, None)),
        ranks,
        found.expected.get(name),
        win_rate(own, True, terms.confidence),
        win_rate(own, False, terms.confidence),
        win_rate(against, True, terms.confidence),
        met.judged,
        met.wins,
        met.losses,
        met.ties,
        met.unscored,
        found.whys.get(name, ""),
    )


def _warnings(rows: Sequence[Row], found: Found, is_settled: bool) -> list[str]:
    told = []
    if not is_settled:
        shares = {row.model: row.unscored_share for row in rows}
        most = max(shares, key=lambda name: (shares[name], name))
        told.append(
            f"verdicts are missing, most of all of {most} ({shares[most]:.1%}), and perhaps not by chance: the table"
            " leaves them out; --unscored tie or --unscored drop says what is to be made of them"
        )
    if not found.strengths:
        told.append("no two models have each won against the other, not even by others: there is no finite strength")
    if found.halved:
        told.append("ties count as half a win each: too few wins go against each other to tell how ready it is to tie")
    if {row.model for row in rows} <= {"a", "b"}:
        told.append("the answers' authors are not named: these are the first and second answers of the cases")
    return told
