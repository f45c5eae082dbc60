"""Comparisons of many models become one table: strengths, ranks, and which differences are more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from judge_service.domain.frozen import frozen
from judge_service.errors import InvalidRequest
from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.evaluation.contests.rates import Rate, Unscored, filled, in_one_order, rate_of
from judge_service.evaluation.contests.strengths import Beside, Found, Ranks, strengths_of
from judge_service.evaluation.contests.style import style_differences
from judge_service.evaluation.contests.win_matrix import Met, WinMatrix, missing, total, win_matrix
from judge_service.statistics.holm import holm
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
        is_in_one_style: whether strengths are those of answers that are laid out alike and are as long (style control).
    """

    is_soft: bool = False
    baseline: str = ""
    unscored: Unscored = "bounds"
    confidence: float = 0.95
    draws: int = 1000
    seed: int = 0
    is_in_one_style: bool = False


@frozen
class Row:
    """A model.

    Attributes:
        strength: in logits, zero on average over all that have one; None where none is finite, and `why` says so.
        standard_error: of the strength, with its interval by Student's t over prompts; an end is None where draws of
            other prompts leave it without a bound.
        drawn: between which strengths it lies in draws of prompts; None for an end without a bound.
        ranks: its rank, where Holm's differences leave it (for all models at once), and where draws of prompts do.
        expected: the share that it would win on average against each other one with a strength, a tie counting half.
        rate: over its own comparisons, whomever it met.
        against_baseline: over those with the baseline; None where there are none.
    """

    model: str
    strength: float | None
    standard_error: float | None
    low: float | None
    high: float | None
    drawn: tuple[float | None, float | None]
    ranks: Ranks | None
    expected: float | None
    rate: Rate
    against_baseline: Rate | None
    met: Met
    why: str = ""


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
        missing: why verdicts that are missing may be missing for a reason; "" where they are few and even.
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
    missing: str
    is_sound: bool
    warnings: tuple[str, ...]


def rating(strength: float | None) -> float | None:
    """Points as in chess: 1000 is average, and 400 more win ten times as often as they lose."""
    return None if strength is None else MEAN_RATING + POINTS * strength


def leaderboard(comparisons: Sequence[Comparison], terms: Terms, unplaced: int = 0) -> Leaderboard:
    """The table of one judge's comparisons.

    Args:
        unplaced: judgments that nobody knows the models of.

    Raises:
        InvalidRequest: a model meets itself, the baseline is unknown, there is no verdict at all, or style is
            asked for and not known.
    """
    matrix = win_matrix(comparisons)
    if terms.baseline and terms.baseline not in matrix:
        raise InvalidRequest(f"there is no model '{terms.baseline}' here; known: {', '.join(matrix)}", "baseline")
    ordered = in_one_order(comparisons)
    kept = filled(ordered, 0.5) if terms.unscored == "tie" else [each for each in ordered if each.is_judged]
    if not kept:
        raise InvalidRequest("none of these comparisons has a verdict")
    beside = _style(kept) if terms.is_in_one_style else None
    found = strengths_of(kept, list(matrix), terms.is_soft, beside, terms.draws, terms.seed, terms.confidence)
    differences = differences_of(found, terms.confidence)
    rows = tuple(sorted(_rows(ordered, matrix, found, differences, terms), key=_place))
    why = missing(matrix, unplaced)
    unsettled = why if terms.unscored == "bounds" else ""
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
        why,
        not unsettled and bool(found.strengths),
        (*_warnings(rows, found, unsettled), *_of_prompts(kept)),
    )


def _style(kept: Sequence[Comparison]) -> Beside:
    unknown = next((each for each in kept if each.texts is None), None)
    if unknown is not None:
        raise InvalidRequest(f"style control needs the answers, and those of case '{unknown.case_id}' are not known")
    return Beside(*style_differences([each.texts for each in kept]))


def _place(row: Row) -> tuple[int, float, str]:
    sort = {"above": 0, "": 1, "below": 2}.get(row.why.partition(":")[0], 3)
    won = row.rate.discrete.value if row.rate.discrete is not None else 0.0
    return sort, -(won if row.strength is None else row.strength), row.model


def differences_of(found: Found, confidence: float) -> tuple[Difference, ...]:
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
    comparisons: Sequence[Comparison],
    matrix: WinMatrix,
    found: Found,
    differences: Sequence[Difference],
    terms: Terms,
) -> list[Row]:
    own: dict[str, list[Comparison]] = {name: [] for name in matrix}
    for comparison in comparisons:
        for side in (comparison, comparison.turned()):
            own[side.models[0]].append(side)
    sure = [(each.stronger, each.weaker) for each in differences if each.adjusted <= 1.0 - terms.confidence]
    ranks = found.ranks(sure, terms.confidence)
    return [_row(name, own[name], total(matrix[name]), found, ranks.get(name), terms) for name in matrix]


def _row(name: str, own: Sequence[Comparison], met: Met, found: Found, ranks: Ranks | None, terms: Terms) -> Row:
    against = [each for each in own if terms.baseline and each.models[1] == terms.baseline]
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
        rate_of(own, terms.unscored, 0, terms.confidence),
        rate_of(against, terms.unscored, 0, terms.confidence) if against else None,
        met,
        found.whys.get(name, ""),
    )


def _warnings(rows: Sequence[Row], found: Found, unsettled: str) -> list[str]:
    told = []
    if unsettled:
        told.append(f"{unsettled}: the table leaves them out, and --unscored tie or drop says what to make of them")
    if not found.strengths:
        told.append("no two models have each won against the other, not even by others: there is no finite strength")
    if found.halved:
        told.append("ties count as half a win each: too few wins go against each other to tell how ready it is to tie")
    if {row.model for row in rows} <= {"a", "b"}:
        told.append("the answers' authors are not named: these are the first and second answers of the cases")
    return told


def _of_prompts(kept: Sequence[Comparison]) -> list[str]:
    """What is not known of prompts: comparisons that share one are taken for more than they are."""
    several = len({name for each in kept for name in each.models}) > 2
    apart = len({each.prompt for each in kept}) == len(kept)
    if not several or not apart or any(each.texts is not None for each in kept):
        return []
    return ["each comparison counts as a prompt of its own; --cases or --cluster tells which of them share one"]
