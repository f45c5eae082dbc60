"""Kappas and alpha beside the examples they were published with, correlations beside another library, and intervals."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from judge_service.statistics.alpha import krippendorff_alpha
from judge_service.statistics.correlations import kendall, spearman
from judge_service.statistics.estimates import share
from judge_service.statistics.fleiss import fleiss_kappa
from judge_service.statistics.kappa import cohens_kappa
from judge_service.statistics.resampling import percentile_interval
from judge_service.statistics.weighted_kappa import kappa

NO = math.nan
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NO, NO, NO],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NO, 3],
        [NO, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NO],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NO],
    ]
).T
DIAGNOSES = (
    "00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031"
    " 00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006"
)
RATINGS = st.lists(st.lists(st.integers(1, 5), min_size=3, max_size=3), min_size=2, max_size=25)


@pytest.mark.parametrize(("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_is_that_of_krippendorffs_four_observers(level, published):
    """Krippendorff 2011, part E: twelve units, of which one has a single rating."""
    found = krippendorff_alpha(KRIPPENDORFF, level)
    assert round(found.value, 3) == published
    assert found.n == 11
    assert found.low < found.value < found.high


def test_fleiss_kappa_is_that_of_the_psychiatric_diagnoses():
    """Fleiss 1971, table 1: thirty patients, six psychiatrists, five diagnoses."""
    found = fleiss_kappa([[int(count) for count in row] for row in DIAGNOSES.split()])
    assert round(found.value, 3) == 0.430
    assert found.low < found.value < found.high


def test_fleiss_kappa_is_that_of_the_usual_textbook_table():
    rows = "0 0 0 0 14,0 2 6 4 2,0 0 3 5 6,0 3 9 2 0,2 2 8 1 1,7 7 0 0 0,3 2 6 3 0,2 5 3 2 2,6 5 2 1 0,0 2 2 3 7"
    assert round(fleiss_kappa([list(map(int, row.split())) for row in rows.split(",")]).value, 3) == 0.210


def test_kappas_and_their_errors_are_those_published():
    """Fleiss, Cohen and Everitt 1969 (kappa 0.429, error 0.054); Landis and Koch 1977's two neurologists in two towns.

    The weighted ones are as statsmodels 0.15's cohens_kappa has them.
    """
    table = [[106, 22, 2], [10, 28, 12], [4, 10, 6]]
    found = kappa(table)
    assert round(found.value, 3) == 0.429
    assert (found.high - found.value) / 1.959964 == pytest.approx(0.053711, abs=1e-6)
    assert kappa(table, "linear")[:3] == pytest.approx((0.492308, 0.392901, 0.591714), abs=1e-6)
    assert kappa(table, "quadratic")[:3] == pytest.approx((0.566667, 0.457563, 0.675771), abs=1e-6)
    winnipeg = [[38, 5, 0, 1], [33, 11, 3, 0], [10, 14, 5, 6], [3, 7, 3, 10]]
    new_orleans = [[5, 3, 0, 0], [3, 11, 4, 0], [2, 13, 3, 4], [1, 2, 4, 14]]
    assert [round(kappa(town).value, 3) for town in (winnipeg, new_orleans)] == [0.208, 0.297]


@settings(max_examples=50)
@given(RATINGS)
def test_kappas_of_one_table_agree_with_each_other(ratings):
    table = np.zeros((5, 5))
    for one, other, _ in ratings:
        table[one - 1, other - 1] += 1
    counts = {(str(i), str(j)): int(table[i, j]) for i in range(5) for j in range(5)}
    plain = cohens_kappa(counts)
    assert kappa(table).value == (None if plain is None else pytest.approx(plain, abs=1e-12))


@settings(max_examples=50, deadline=None)
@given(RATINGS, st.integers(0, 100), st.sampled_from(["nominal", "ordinal", "interval"]))
def test_alpha_and_its_interval_do_not_depend_on_any_order(ratings, seed, level):
    table = np.array(ratings, dtype=float)
    rng = np.random.default_rng(seed)
    turned = rng.permutation(table, axis=0)[:, rng.permutation(3)]
    one, other = krippendorff_alpha(turned, level), krippendorff_alpha(table, level)
    assert one[3:] == other[3:]
    for own, same in zip(one[:3], other[:3], strict=True):
        assert own == (None if same is None else pytest.approx(same, abs=1e-9))


@settings(max_examples=50)
@given(RATINGS)
def test_fleiss_kappa_of_equal_counts_is_nominal_alpha_but_for_the_small_sample(ratings):
    """alpha = 1 - (1 - 1 / n) (1 - kappa) over n ratings (Krippendorff 2004)."""
    table = np.array(ratings, dtype=float)
    counts = (table[:, :, None] == np.arange(1, 6)).sum(axis=1)
    one, other = fleiss_kappa(counts).value, krippendorff_alpha(table).value
    assert (one is None) == (other is None)
    if one is not None:
        assert other == pytest.approx(1 - (1 - 1 / table.size) * (1 - one), abs=1e-9)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=60))
def test_correlations_are_those_of_another_library(pairs):
    x, y = (list(map(float, side)) for side in zip(*pairs, strict=True))
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert kendall(x, y).value is None
        assert "the same score" in spearman(x, y).why
        return
    assert kendall(x, y).value == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)
    assert spearman(x, y).value == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


def test_kendall_counts_long_lists_without_looking_at_all_pairs():
    rng = np.random.default_rng(2)
    x = rng.normal(size=20_000)
    y = x + rng.integers(0, 3, 20_000)
    found = kendall(x.tolist(), y.tolist())
    assert found.value == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)
    assert 0.003 < found.value - found.low < 0.02


@pytest.mark.parametrize(("steps", "truth_rho", "truth_tau"), [(2, 0.4097, 0.4097), (5, 0.5433, 0.4644)])
def test_intervals_of_correlations_cover_the_truth_on_coarse_scales_too(steps, truth_rho, truth_tau):
    """The truths are those of 400,000 pairs drawn in the same way."""
    rng = np.random.default_rng(4)
    covered = np.zeros(2)
    for _ in range(500):
        x, y = _coarse(rng, 80, steps)
        for place, (found, truth) in enumerate(((spearman(x, y), truth_rho), (kendall(x, y), truth_tau))):
            covered[place] += found.low <= truth <= found.high
    assert np.all((covered / 500 >= 0.92) & (covered / 500 <= 0.98))


def _coarse(rng, n, steps):
    z = rng.normal(size=(2, n))
    z[1] = 0.6 * z[0] + 0.8 * z[1]
    return [row.tolist() for row in (np.clip(np.round(z * 1.1 + 3), 1, 5) if steps == 5 else (z > 0) * 1.0)]


def test_intervals_of_alpha_cover_the_truth():
    rng = np.random.default_rng(6)
    covered = 0
    for _ in range(200):
        truth = rng.random((60, 1)) < 0.5
        flipped = rng.random((60, 3)) < 0.15
        found = krippendorff_alpha((truth ^ flipped).astype(float))
        covered += found.low <= 0.49 <= found.high
    assert 0.90 <= covered / 200 <= 0.985


def test_a_share_has_wilsons_interval():
    for successes, trials in ((0, 10), (7, 10), (10, 10), (480, 600)):
        wilson = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
        assert share(successes, trials)[1:3] == pytest.approx((wilson.low, wilson.high), abs=1e-12)
    assert share(0, 0) == (None, None, None, 0, "no case")


def test_what_cannot_be_told_is_none_and_says_why():
    assert kappa([[5, 0], [0, 0]]).why == "both gave one and the same rating to all"
    assert kappa([[5, 0], [0, 5]])[:3] == (1.0, None, None)
    assert krippendorff_alpha([[1, 1], [1, 1]]).why == "all ratings are the same"
    assert krippendorff_alpha([[1, NO], [2, 3]]).value is None
    assert fleiss_kappa([[2, 0], [3, 0]]).why == "all ratings are the same"
    assert kendall([1, 2, 3], [1, 2, 3])[:3] == (1.0, None, None)
    with pytest.raises(ValueError, match="3 scores beside 2"):
        spearman([1, 2, 3], [1, 2])


def test_draws_that_define_nothing_make_no_interval():
    assert percentile_interval(np.ones((1, 1)), lambda sums: sums[:, 0]) is None
    assert percentile_interval(np.ones((9, 1)), lambda sums: np.full(len(sums), NO)) is None
