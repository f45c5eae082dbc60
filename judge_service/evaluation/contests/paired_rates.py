"""Two models that were compared with the same baseline, prompt by prompt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from judge_service.domain.frozen import frozen
from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.evaluation.contests.rates import filled
from judge_service.evaluation.contests.win_rates import WinRate
from judge_service.statistics.intervals import Interval, clustered_share, p_value
from judge_service.statistics.students import t_critical

Named = Literal["soft", "won"]


@frozen
class Difference:
    """How much oftener one model beats the baseline than another does, over the prompts that both answered.

    Attributes:
        models: the one, and the other that is taken off it.
        soft, discrete: in [-1, 1], with a paired interval over prompts; None where there are no common prompts.
        soft_p, discrete_p: the chance of a difference as large were there none (Student's t); None with fewer than two
            prompts.
        low, high: `soft` if every missing verdict went against the one, and if every one went for it.
        prompts: prompts that both have a verdict on.
        apart: prompts that only one of them has a verdict on.
        disagreeing: the share of common prompts on which the baseline is beaten, met or lost to by one and not so by
            the other.
        withheld: why there is no single difference; "" where there is one.
    """

    models: tuple[str, str]
    baseline: str
    soft: Interval | None
    discrete: Interval | None
    soft_p: float | None
    discrete_p: float | None
    low: Interval | None
    high: Interval | None
    prompts: int
    apart: int
    disagreeing: Interval | None
    withheld: str


def difference_of(one: WinRate, other: WinRate, confidence: float = 0.95) -> Difference:
    """The difference of two win rates over the same baseline."""
    judged = [[c for c in found.comparisons if c.is_judged] for found in (one, other)]
    prompts = [{c.prompt for c in comparisons} for comparisons in judged]
    common = prompts[0] & prompts[1]
    withheld = one.rate.withheld or other.rate.withheld or ("" if common else "they have no prompt in common")
    soft, discrete = (paired(judged[0], judged[1], name, confidence) for name in ("soft", "won"))
    lacking = any(found.rate.missing for found in (one, other))
    low, high = (_completed(one, other, value, confidence) if lacking else None for value in (0.0, 1.0))
    return Difference(
        (one.model, other.model), one.baseline, soft, discrete, p_value(soft), p_value(discrete), low, high,
        len(common), len(prompts[0] ^ prompts[1]), _disagreeing(judged, common, confidence), withheld,
    )  # fmt: skip


def paired(
    one: Sequence[Comparison], other: Sequence[Comparison], name: Named, confidence: float = 0.95
) -> Interval | None:
    """The difference of two means over the prompts of both, with Student's t over prompts; None without any.

    A prompt's share in the difference is the sum of its residuals over the number of values, of the one less the other,
    and the variance is G / (G - 1) times the sum of the squares of these, as in `clustered_mean`. Where each has one
    value to a prompt that is the paired t-test.

    Args:
        one, other: comparisons with a verdict.
        name: which verdict.
    """
    common = sorted({c.prompt for c in one} & {c.prompt for c in other})
    if not common:
        return None
    means, shares, n = [], dict.fromkeys(common, 0.0), 0
    for sign, comparisons in ((1.0, one), (-1.0, other)):
        values = [(c.prompt, float(getattr(c, name))) for c in comparisons if c.prompt in shares]
        mean = math.fsum(value for _, value in values) / len(values)
        for prompt, value in values:
            shares[prompt] += sign * (value - mean) / len(values)
        means.append(mean)
        n += len(values)
    value, groups = means[0] - means[1], len(common)
    if groups < 2:
        return Interval(value, None, None, None, n, groups)
    error = math.sqrt(groups / (groups - 1) * math.fsum(share * share for share in shares.values()))
    reach = t_critical(groups - 1, confidence) * error
    return Interval(value, value - reach, value + reach, error, n, groups)


def _completed(one: WinRate, other: WinRate, value: float, confidence: float) -> Interval | None:
    """The soft difference with every missing verdict of the one so, and every one of the other not so."""
    return paired(filled(one.comparisons, value), filled(other.comparisons, 1.0 - value), "soft", confidence)


def _disagreeing(judged: Sequence[Sequence[Comparison]], common: Iterable[str], confidence: float) -> Interval | None:
    sides = [_sides(comparisons) for comparisons in judged]
    differ = [(prompt, float(sides[0][prompt] != sides[1][prompt])) for prompt in sorted(common)]
    return clustered_share([v for _, v in differ], [p for p, _ in differ], confidence) if differ else None


def _sides(comparisons: Iterable[Comparison]) -> Mapping[str, int]:
    """By prompt, whether a model won more often than it lost (1), less often (-1) or as often (0)."""
    sums: dict[str, float] = {}
    for comparison in comparisons:
        assert comparison.won is not None
        sums[comparison.prompt] = sums.get(comparison.prompt, 0.0) + comparison.won - 0.5
    return {prompt: (value > 0.0) - (value < 0.0) for prompt, value in sums.items()}
