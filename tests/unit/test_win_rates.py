"""Win rates: what turning the models about does, what bounds hold, and what is said of missing verdicts and order."""

import math
import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.evaluation.contests.paired_rates import difference_of
from judge_service.evaluation.contests.rates import alpaca_standard_error, filled, rate_of
from judge_service.evaluation.contests.win_rates import Unclear, WinRate, evenly_missing, oriented, pairings, win_rate
from judge_service.statistics.intervals import p_value

NEW, BASE = "new", "base"


def compared(place: int, soft: float | None, prompt: str | None = None, model: str = NEW, **more: object) -> Comparison:
    """One comparison of the baseline's answer, which is named first, with the model's."""
    won = None if soft is None else 0.5 if soft == 0.5 else float(soft > 0.5)
    base = Comparison(
        f"c{place}", prompt or f"p{place}", (model, BASE), "unscored" if soft is None else "judged", soft, won,
        evidence=None if soft is None else "logprobs", measure=None if soft is None else "probability",
    ).turned()  # fmt: skip
    return replace(base, **more)  # type: ignore[arg-type]


verdicts = st.one_of(st.none(), st.floats(0.0, 1.0), st.just(0.5))
some = st.lists(st.tuples(verdicts, st.integers(0, 8)), min_size=1, max_size=30).map(
    lambda told: [compared(i, soft, f"p{prompt}") for i, (soft, prompt) in enumerate(told)]
)


@example([compared(i, 0.2589093283575055, f"p{i // 2}") for i in range(3)], "bounds")
@given(some, st.sampled_from(["bounds", "tie", "drop"]))
def test_seen_from_the_baseline_everything_is_mirrored(comparisons: list[Comparison], unscored: str) -> None:
    one = win_rate(comparisons, NEW, BASE, unscored).rate
    other = win_rate(comparisons, BASE, NEW, unscored).rate
    assert (one.wins, one.losses, one.draws) == (other.losses, other.wins, other.draws)
    assert (one.missing, one.withheld, one.total) == (other.missing, other.withheld, other.total)
    for ours, theirs in ((one.soft, other.soft), (one.discrete, other.discrete)):
        if ours is not None:
            assert ours.value == pytest.approx(1 - theirs.value)
            if ours.low is not None:
                assert (ours.low, ours.high) == pytest.approx((1 - theirs.high, 1 - theirs.low))
    if one.soft_bounds is not None:
        assert one.soft_bounds.lost.value == pytest.approx(1 - other.soft_bounds.won.value)


@given(some, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing_to_the_last_digit(
    comparisons: list[Comparison], lots: random.Random
) -> None:
    shuffled = lots.sample(comparisons, len(comparisons))
    assert win_rate(shuffled, NEW, BASE) == win_rate(comparisons, NEW, BASE)


@given(some, st.lists(st.floats(0.0, 1.0), min_size=30, max_size=30))
def test_bounds_hold_whatever_the_missing_verdicts_would_have_been(
    comparisons: list[Comparison], might: list[float]
) -> None:
    rate = win_rate(comparisons, NEW, BASE).rate
    whole = [c if c.is_judged else filled([c], might[i])[0] for i, c in enumerate(oriented(comparisons, NEW, BASE))]
    truth = rate_of(whole)
    if rate.missing:
        for bounds, told in ((rate.soft_bounds, truth.soft), (rate.discrete_bounds, truth.discrete)):
            assert bounds.lost.value - 1e-12 <= told.value <= bounds.won.value + 1e-12
    else:
        assert rate.soft == truth.soft


@given(some)
def test_intervals_are_shares_and_hold_the_rate(comparisons: list[Comparison]) -> None:
    soft = win_rate(comparisons, NEW, BASE, "tie").rate.soft
    if soft.clusters > 1:
        assert 0.0 <= soft.low <= soft.value + 1e-12
        assert soft.value - 1e-12 <= soft.high <= 1.0


def test_a_rate_without_a_lost_comparison_is_not_certain() -> None:
    rate = win_rate([compared(i, 0.9) for i in range(20)], NEW, BASE).rate
    assert rate.discrete.value == 1.0
    assert rate.discrete.high == 1.0
    assert rate.discrete.low == pytest.approx(stats.beta.ppf(0.025, 20, 1))


def test_counts_and_alpaca_evals_standard_error_are_pandas_own() -> None:
    soft = [0.9, 0.2, 0.5, 0.7]
    rate = win_rate([compared(i, p) for i, p in enumerate(soft)], NEW, BASE).rate
    assert (rate.wins, rate.losses, rate.draws, rate.total) == (2, 1, 1, 4)
    assert rate.discrete.value == 0.625
    assert rate.standard_error == pytest.approx(np.std(soft, ddof=1) / 2)
    assert alpaca_standard_error([compared(0, 0.3)]) is None


@pytest.mark.parametrize(("missing", "headline"), [(0, True), (1, True), (2, False)])
def test_more_than_one_in_a_hundred_without_a_verdict_leaves_bounds_only(missing: int, headline: bool) -> None:
    told = [compared(i, None if i < missing else 0.7) for i in range(100)]
    rate = win_rate(told, NEW, BASE).rate
    assert (rate.withheld == "") is headline
    assert rate.missing == ({"unscored": missing} if missing else {})
    if not headline:
        assert rate.withheld == "2 of 100 (2.0%) have no verdict"
        assert rate.soft_bounds.lost.value == pytest.approx(0.98 * 0.7)
        assert rate.soft_bounds.won.value == pytest.approx(0.98 * 0.7 + 0.02)


def test_missing_verdicts_are_ties_or_left_out_only_if_that_is_said() -> None:
    told = [compared(0, None), compared(1, 0.9), compared(2, 0.8), compared(3, 0.7)]
    tie, drop = (win_rate(told, NEW, BASE, way).rate for way in ("tie", "drop"))
    assert (tie.withheld, drop.withheld) == ("", "")
    assert (tie.soft.value, drop.soft.value) == (pytest.approx(0.725), pytest.approx(0.8))
    assert (tie.total, tie.draws, drop.total, drop.draws) == (4, 1, 3, 0)
    assert tie.missing_share == drop.missing_share == 0.25


def test_rows_that_were_no_case_are_missing_too() -> None:
    rate = win_rate([compared(i, 0.7) for i in range(98)], NEW, BASE, unplaced=2).rate
    assert rate.missing == {"no case": 2}
    assert rate.withheld
    assert rate.soft_bounds.won.n == 100


def test_models_of_which_not_as_much_is_missing_have_no_headline() -> None:
    first = [compared(i, 0.7) for i in range(200)]
    second = [compared(i, None if i < 1 else 0.6, model="other") for i in range(200)]
    rates = [win_rate([*first, *second], name, BASE) for name in (NEW, "other")]
    assert not any(one.rate.withheld for one in rates)
    assert [one.rate.withheld for one in evenly_missing(rates, "bounds")] == [
        "verdicts are missing unevenly: 0.0% of new, 0.5% of other"
    ] * 2
    assert not any(one.rate.withheld for one in evenly_missing(rates, "drop"))
    assert evenly_missing(rates[:1], "bounds") == rates[:1]


def test_nothing_judged_is_no_rate() -> None:
    rate = win_rate([compared(0, None)], NEW, BASE, "drop").rate
    assert (rate.soft, rate.withheld) == (None, "nothing was judged")


def test_categories_have_rates_and_gaps_of_their_own() -> None:
    told = [compared(i, 0.8, category="maths") for i in range(10)]
    told += [compared(10 + i, None if i < 3 else 0.4, category="prose") for i in range(10)]
    found = win_rate(told, NEW, BASE, "drop")
    assert {name: (rate.total, round(rate.soft.value, 6)) for name, rate in found.categories.items()} == {
        "maths": (10, 0.8),
        "prose": (7, 0.4),
    }
    withheld = {name: bool(rate.withheld) for name, rate in win_rate(told, NEW, BASE).categories.items()}
    assert withheld == {"maths": False, "prose": True}


def test_the_effect_of_the_order_is_told_by_what_each_order_says_alone() -> None:
    both = [compared(i, 0.5, by_order=(0.6, 0.3), lean=0.4, consistent=i > 1) for i in range(8)]
    effect = win_rate(both, NEW, BASE).position
    # The baseline is named first here: it is better with 0.6 where it is shown first.
    assert effect.baseline_first.value == pytest.approx(0.4)
    assert effect.model_first.value == pytest.approx(0.7)
    assert effect.gained.value == pytest.approx(0.3)
    assert (effect.lean.value, effect.inconsistent.value) == (pytest.approx(0.4), pytest.approx(0.25))
    turned = win_rate(both, BASE, NEW).position
    assert turned.baseline_first.value == pytest.approx(1 - effect.model_first.value)
    assert turned.gained.value == pytest.approx(effect.gained.value)
    assert turned.lean == effect.lean


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ([{"consistent": None}] * 2, "pairs were shown in one order"),
        ([{"consistent": True}] * 2, "the votes are not kept"),
        ([{"consistent": True, "by_order": (0.6, 0.4)}, {"consistent": None}], "only 1 of 2"),
        ([{"evidence": None, "measure": None}] * 2, "no judge was asked"),
    ],
)
def test_why_the_effect_of_the_order_is_not_known_is_said(more: list[dict[str, object]], why: str) -> None:
    effect = win_rate([compared(i, 0.8, **own) for i, own in enumerate(more)], NEW, BASE).position
    assert effect.gained is None
    assert effect.why_not.startswith(why)


def named(*pairs: tuple[str, str]) -> list[Comparison]:
    return [Comparison(f"c{i}", f"p{i}", pair, "judged", 0.6, 1.0) for i, pair in enumerate(pairs)]


def test_whom_models_are_compared_with_is_told_by_the_pairs() -> None:
    assert pairings(named((BASE, NEW), (BASE, NEW), (NEW, BASE))) == [(NEW, BASE)]
    assert pairings(named((BASE, "x"), ("y", BASE))) == [("x", BASE), ("y", BASE)]
    assert pairings(named((BASE, "x"), ("y", BASE)), model="y") == [("y", BASE)]
    assert pairings(named((BASE, NEW)), baseline=NEW) == [(BASE, NEW)]
    assert pairings(named(("m", "m"))) == [("m", "m")]
    with pytest.raises(Unclear, match="several baselines"):
        pairings(named(("a", "b"), ("c", "d")))
    with pytest.raises(Unclear, match="no comparison of nobody; there are new against base"):
        pairings(named((BASE, NEW)), model="nobody")


def found(model: str, soft: list[float | None], unscored: str = "bounds") -> WinRate:
    return win_rate([compared(i, p, model=model) for i, p in enumerate(soft)], model, BASE, unscored)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=40))
def test_a_difference_of_two_models_is_the_paired_t_test(both: list[tuple[float, float]]) -> None:
    one, other = ([pair[k] for pair in both] for k in (0, 1))
    difference = difference_of(found("one", list(one)), found("other", list(other)))
    gaps = np.asarray(one) - np.asarray(other)
    error = gaps.std(ddof=1) / math.sqrt(len(gaps))
    assert difference.soft.value == pytest.approx(gaps.mean(), abs=1e-12)
    assert difference.soft.standard_error == pytest.approx(error, abs=1e-9)
    if error > 1e-6:
        assert difference.soft_p == pytest.approx(stats.ttest_rel(one, other).pvalue, rel=1e-6, abs=1e-12)
    turned = difference_of(found("other", list(other)), found("one", list(one)))
    assert turned.soft.value == pytest.approx(-difference.soft.value, abs=1e-12)
    assert turned.disagreeing == difference.disagreeing


def test_several_answers_to_a_prompt_are_no_more_prompts() -> None:
    values = [(0.9, 0.4), (0.2, 0.3), (0.7, 0.5), (0.6, 0.1)]
    models = [
        win_rate(
            [compared(4 * k + i, pair[m], f"p{i}", str(m)) for k in range(4) for i, pair in enumerate(values)],
            str(m), BASE,
        )
        for m in (0, 1)
    ]  # fmt: skip
    difference = difference_of(*models)
    assert (difference.prompts, difference.soft.n, difference.soft.clusters) == (4, 32, 4)
    assert difference.soft_p == pytest.approx(stats.ttest_rel(*zip(*values, strict=True)).pvalue)


def test_prompts_that_one_model_has_no_verdict_on_are_told_and_left_out() -> None:
    difference = difference_of(
        found("one", [0.9, 0.8, None, 0.6], "drop"), found("other", [0.2, 0.6, 0.9, 0.7], "drop")
    )
    assert (difference.prompts, difference.apart, difference.withheld) == (3, 1, "")
    assert difference.disagreeing.value == pytest.approx(1 / 3)
    assert (difference.low.value, difference.high.value) == (pytest.approx(-0.025), pytest.approx(0.225))
    assert (
        difference_of(found("one", [None, 0.9]), found("other", [0.1, 0.2])).withheld
        == "1 of 2 (50.0%) have no verdict"
    )
    far = win_rate([compared(9, 0.3, model="far")], "far", BASE)
    apart = difference_of(found("one", [0.9]), far)
    assert (apart.soft, apart.withheld) == (None, "they have no prompt in common")


def test_a_difference_that_never_varies_is_certain_and_none_is_none() -> None:
    assert p_value(difference_of(found("one", [0.9] * 5), found("other", [0.9] * 5)).soft) == 1.0
    assert p_value(None) is None
