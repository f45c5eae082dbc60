"""Shares in clusters: exact where every trial is its own cluster, honest where they are not."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from judge_service.statistics.least_squares import least_squares
from judge_service.statistics.shares import exact_share


@pytest.mark.parametrize(("hits", "trials"), [(0, 12), (1, 40), (7, 9), (30, 30), (150, 400)])
def test_one_trial_to_a_cluster_has_the_exact_bounds_of_another_library(hits: int, trials: int) -> None:
    found = exact_share([i < hits for i in range(trials)], range(trials))
    exact = stats.binomtest(hits, trials).proportion_ci(0.95, method="exact")
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_trials_that_are_copied_within_clusters_tell_no_more_than_one_of_each() -> None:
    once = [True, False, False, True, False, False, False, True]
    copied = exact_share([hit for hit in once for _ in range(50)], [i for i in range(8) for _ in range(50)])
    exact = exact_share(once, range(8))
    assert copied.low is not None
    assert copied.high is not None
    assert copied.low <= exact.low + 0.05
    assert copied.high >= exact.high - 0.05


def test_a_share_of_none_in_many_trials_of_few_prompts_is_no_certainty() -> None:
    found = exact_share([False] * 1000, [i % 10 for i in range(1000)])
    assert found.low == 0.0
    assert found.high == pytest.approx(stats.binomtest(0, 10).proportion_ci(0.95, method="exact").high)


def test_one_cluster_tells_no_interval() -> None:
    found = exact_share([True, False], ["p", "p"])
    assert (found.value, found.low, found.high) == (0.5, None, None)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=60))
def test_the_share_lies_within_its_bounds_and_these_within_zero_and_one(trials: list[tuple[bool, int]]) -> None:
    found = exact_share([hit for hit, _ in trials], [cluster for _, cluster in trials])
    if found.low is not None and found.high is not None:
        assert 0.0 <= found.low <= found.value + 1e-9
        assert found.value - 1e-9 <= found.high <= 1.0


def test_the_bounds_cover_the_truth_where_prompts_differ() -> None:
    dice = random.Random(5)
    covered = 0
    for _ in range(150):
        rates = [dice.betavariate(1.2, 2.8) for _ in range(40)]
        trials = [(dice.random() < rate, i) for i, rate in enumerate(rates) for _ in range(8)]
        found = exact_share([hit for hit, _ in trials], [i for _, i in trials])
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= 0.3 <= found.high
    assert covered >= 0.93 * 150


def test_coefficients_are_those_of_another_library_and_their_intervals_cover_the_truth() -> None:
    dice = np.random.default_rng(3)
    covered = 0
    for run in range(300):
        clusters = np.repeat(np.arange(30), 3)
        x = np.column_stack([dice.normal(size=90), dice.choice([-1.0, 0.0, 1.0], size=90)])
        y = x @ [0.9, 0.6] + np.repeat(dice.normal(size=30), 3) + dice.normal(size=90)
        found = least_squares(list(y), [list(x[:, 0]), list(x[:, 1])], list(clusters))
        assert found is not None
        if run == 0:
            expected = np.linalg.lstsq(x, y, rcond=None)[0]
            assert [each.value for each in found] == pytest.approx(list(expected))
        covered += found[1].low <= 0.6 <= found[1].high
    assert 0.92 * 300 <= covered <= 0.985 * 300


def test_columns_that_say_the_same_have_no_coefficients_of_their_own() -> None:
    assert least_squares([1.0, 2.0, 3.0, 1.0], [[1, 2, 3, 4], [2, 4, 6, 8]], range(4)) is None
    assert least_squares([1.0, 2.0], [[1, 2], [1, 1]], range(2)) is None
