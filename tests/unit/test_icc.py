"""Intraclass correlations beside the worked example they were published with, and F beside another library's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from judge_service.statistics.icc import Icc, icc
from judge_service.statistics.variance_ratios import f_below, f_quantile

SHROUT_AND_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
COEFFICIENTS = Icc._fields[:6]


def test_the_published_example_of_six_subjects_and_four_judges_comes_out():
    """Shrout and Fleiss 1979, tables 2 to 4; intervals as the R package psych prints them for it."""
    found = icc(SHROUT_AND_FLEISS)
    values = [round(getattr(found, name).value, 2) for name in COEFFICIENTS]
    assert values == [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]
    assert [round(bound, 2) for bound in found.one_way[1:3]] == [-0.13, 0.72]
    assert [round(bound, 2) for bound in found.agreement[1:3]] == [0.02, 0.76]
    assert [round(bound, 2) for bound in found.consistency[1:3]] == [0.34, 0.95]
    assert [round(bound, 2) for bound in found.agreement_mean[1:3]] == [0.07, 0.93]
    assert (found.subjects, found.raters, found.left_out) == (6, 4, 0)


@pytest.mark.parametrize("above", [1, 2.5, 10, 300])
@pytest.mark.parametrize("below", [1, 3, 7.25, 1000])
def test_f_is_that_of_another_library(above, below):
    for probability in (0.005, 0.5, 0.975):
        ratio = f_quantile(probability, above, below)
        assert ratio == pytest.approx(stats.f.ppf(probability, above, below), rel=1e-8)
        assert f_below(ratio, above, below) == pytest.approx(probability, rel=1e-7)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 12), st.integers(2, 5))
def test_intervals_hold_their_value_and_no_order_matters(seed, n, k):
    rng = np.random.default_rng(seed)
    ratings = rng.integers(1, 6, size=(n, k)).astype(float)
    found = icc(ratings)
    turned = icc(rng.permutation(ratings, axis=0)[:, rng.permutation(k)])
    for name in COEFFICIENTS:
        value, low, high, *_ = getattr(found, name)
        again = getattr(turned, name).value
        assert (value is None) == (again is None)
        if value is not None:
            assert again == pytest.approx(value, abs=1e-9)
            assert value <= 1 + 1e-12
        if low is not None and high is not None:
            assert low <= value + 1e-9 <= high + 2e-9


def test_a_strict_rater_hurts_agreement_and_not_consistency():
    found = icc([[1, 3], [2, 4], [3, 5], [5, 7]])
    assert found.consistency[:3] == (1.0, None, None)
    assert found.agreement.value < 0.7
    assert "never differ" in found.consistency.why


def test_what_cannot_be_told_is_none_and_says_why():
    same = icc([[3, 3], [3, 3], [3, 3]])
    assert (same.one_way.value, same.one_way.why) == (None, "all ratings are the same")
    assert icc([[1, 2]]).agreement.value is None
    partly = icc([[1, 2], [3, float("nan")], [4, 4], [2, 1]])
    assert (partly.subjects, partly.left_out) == (3, 1)
    with pytest.raises(ValueError, match="1 dimensions"):
        icc([1, 2, 3])


def test_intervals_over_repeats_cover_the_truth():
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(500):
        ratings = rng.normal(0, 1, (40, 1)) * 0.8**0.5 + rng.normal(0, 0.2**0.5, (40, 3))
        low, high = icc(ratings).one_way[1:3]
        covered += low <= 0.8 <= high
    assert 0.93 <= covered / 500 <= 0.97
