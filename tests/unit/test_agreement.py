"""How far rankings agree."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import friedmanchisquare, rankdata

from judge_service.statistics.agreement import kendall_w, mid_ranks

SCORES = st.integers(3, 7).flatmap(
    lambda n: st.lists(st.lists(st.integers(0, 4), min_size=n, max_size=n), min_size=2, max_size=8)
)


@given(st.lists(st.integers(-3, 3) | st.floats(-1e9, 1e9), max_size=12))
def test_mid_ranks_are_those_of_scipy_with_the_highest_score_first(scores):
    assert mid_ranks(scores) == (list(rankdata([-score for score in scores])) if scores else [])


def test_three_executives_ranking_six_applicants_agree_by_016():
    """Siegel, Nonparametric Statistics (1956), chapter 9: s = 25.5, W = .16."""
    executives = [[1, 6, 3, 2, 5, 4], [1, 5, 6, 4, 2, 3], [6, 3, 2, 5, 4, 1]]
    assert kendall_w(executives) == pytest.approx(25.5 / 157.5)


def test_three_rankings_of_ten_with_many_ties_agree_by_0828():
    """Kendall, Rank Correlation Methods (1948), as worked by Siegel (1956): s = 591, sum of T = 9.5, W = .828."""
    tied = [
        [1, 4.5, 2, 4.5, 3, 7.5, 6, 9, 7.5, 10],
        [2.5, 1, 2.5, 4.5, 4.5, 8, 9, 6.5, 10, 6.5],
        [2, 1, 4.5, 4.5, 4.5, 4.5, 8, 8, 8, 10],
    ]
    assert kendall_w(tied) == pytest.approx(591 / (742.5 - 28.5))


@given(SCORES)
def test_w_is_friedmans_chi_square_on_its_scale_with_the_same_correction_for_ties(scores):
    assume(any(len(set(row)) > 1 for row in scores))
    ranks = [mid_ranks(row) for row in scores]
    m, n = len(scores), len(scores[0])
    chi_square = friedmanchisquare(*np.asarray(ranks).T).statistic
    assert kendall_w(ranks) == pytest.approx(chi_square / (m * (n - 1)), abs=1e-9)


@pytest.mark.parametrize(
    "ranks", [[], [[1.0, 2.0, 3.0]], [[1.0], [1.0]], [[2.0, 2.0, 2.0]] * 4, [[1.5, 1.5], [1.5, 1.5]]]
)
def test_w_is_none_where_there_is_nothing_to_agree_on(ranks):
    assert kendall_w(ranks) is None


def test_identical_rankings_agree_fully_and_opposite_ones_not_at_all():
    assert kendall_w([[1, 2, 3, 4]] * 3) == 1.0
    assert kendall_w([[1, 2, 3, 4], [4, 3, 2, 1]]) == 0.0


def test_one_ranking_among_ties_counts_for_what_it_says():
    assert kendall_w([[1, 2, 3], [2, 2, 2]]) == pytest.approx(1.0 / 2)


@pytest.mark.parametrize("m", [2, 3, 5, 10])
def test_random_rankings_have_a_mean_w_of_one_over_m(m):
    dice = np.random.default_rng(m)
    found = [kendall_w([dice.permutation(6) + 1 for _ in range(m)]) for _ in range(1500)]
    assert np.mean(found) == pytest.approx(1 / m, abs=0.02)


@given(SCORES, st.randoms(use_true_random=False))
def test_w_depends_neither_on_the_order_of_raters_nor_on_that_of_things(scores, dice):
    table = np.asarray([mid_ranks(row) for row in scores])
    raters, things = list(range(table.shape[0])), list(range(table.shape[1]))
    dice.shuffle(raters)
    dice.shuffle(things)
    here = kendall_w(table)
    there = kendall_w(table[raters][:, things])
    assert there == (None if here is None else pytest.approx(here))


@given(SCORES)
def test_w_is_none_or_between_0_and_1(scores):
    w = kendall_w([mid_ranks(row) for row in scores])
    assert w is None or 0.0 <= w <= 1.0
