"""How many prompts a difference needs: beside published tables, another library's exact power, and simulations."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from judge_service.statistics.planning import (
    design_effect,
    difference_for,
    intraclass,
    moved,
    prompts_for,
    sequential,
    soft_values,
    votes_for,
)


@pytest.mark.parametrize(
    ("rate", "power", "votes"),
    # ((1.959964 * 0.5 + z * sqrt(p q)) / (p - 0.5))^2, as tables of one proportion against a half have it.
    [(0.6, 0.8, 194), (0.6, 0.9, 259), (0.55, 0.8, 783), (0.55, 0.9, 1047), (0.7, 0.8, 47), (0.75, 0.8, 29)],
)
def test_hard_votes_need_what_the_tables_of_one_proportion_say(rate, power, votes):
    assert votes_for(rate - 0.5, power) == votes


@pytest.mark.parametrize(("rate", "power"), [(0.53, 0.8), (0.55, 0.9), (0.6, 0.8)])
def test_so_many_votes_have_that_power_by_the_exact_binomial(rate, power):
    votes = votes_for(rate - 0.5, power)
    reach = stats.norm.ppf(0.975) * math.sqrt(votes) / 2
    exact = stats.binom.sf(math.ceil(votes / 2 + reach) - 1, votes, rate)
    assert exact == pytest.approx(power, abs=0.025)


@given(st.floats(0.005, 0.3), st.floats(0.05, 0.5), st.sampled_from([0.8, 0.9]))
def test_the_smallest_difference_that_a_number_finds_is_the_one_it_was_made_for(difference, deviation, power):
    prompts = prompts_for(difference, deviation, power)
    assert difference_for(prompts, deviation, power) <= difference * (1 + 1e-9)
    assert prompts == 1 or difference_for(prompts - 1, deviation, power) > difference * (1 - 1e-6)


def test_so_many_prompts_of_soft_verdicts_have_the_power_they_were_made_for():
    draws = np.random.default_rng(3)
    deviation = math.sqrt(0.55 * 0.45 / 7)
    prompts = prompts_for(0.05, deviation)
    assert prompts == pytest.approx(111, abs=1)
    means = draws.beta(6 * 0.55, 6 * 0.45, size=(4_000, prompts))
    z = (means.mean(axis=1) - 0.5) / (means.std(axis=1, ddof=1) / math.sqrt(prompts))
    assert (np.abs(z) > 1.96).mean() == pytest.approx(0.8, abs=0.03)


def test_the_intraclass_correlation_is_the_published_one():
    # Shrout and Fleiss 1979, table 2: six targets, four judges; ICC(1,1) = .17.
    ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    values = np.array(ratings, dtype=float).ravel()
    assert intraclass(values, np.repeat(np.arange(6), 4)) == pytest.approx(0.166, abs=0.0005)
    assert intraclass(values, np.arange(24)) is None
    assert intraclass(np.ones(4), np.array([0, 0, 1, 1])) is None


def test_alike_answers_make_the_variance_what_the_design_effect_says():
    draws = np.random.default_rng(2)
    leaning = draws.beta(2, 2, size=(4_000, 1))
    votes = (draws.random((4_000, 4)) < leaning).astype(float)
    correlation = intraclass(votes.ravel(), np.repeat(np.arange(4_000), 4))
    assert correlation == pytest.approx(0.2, abs=0.02)
    measured = votes.mean(axis=1).var(ddof=1) / (votes.var() / 4)
    assert measured == pytest.approx(design_effect(4, correlation), rel=0.01)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30), st.floats(0.05, 0.95))
def test_moved_values_have_the_mean_that_was_wished_for(told, part):
    values = np.array(told)
    least, most = values.min(), values.max()
    mean = least + part * (most - least)
    if not least < mean < most or most - least < 0.05:
        return
    weights = moved(values, mean)
    assert weights.sum() == pytest.approx(1)
    assert weights @ values == pytest.approx(mean, abs=1e-6)


def test_a_mean_outside_the_values_cannot_be_had():
    with pytest.raises(ValueError, match="does not lie between"):
        moved(np.array([0.4, 0.6]), 0.7)


def test_deciding_as_one_goes_needs_what_was_measured_and_is_seldom_wrong():
    soft = sequential(0.05, soft_values(), 3_000)
    hard = sequential(0.05, None, 6_000, runs=200)
    assert soft.mean == pytest.approx(140, rel=0.12)
    assert hard.mean == pytest.approx(930, rel=0.15)
    assert soft.median < soft.mean < soft.most
    assert soft.share == hard.share == 1
    assert soft.wrong <= 0.025
    assert sequential(0.05, soft_values(), 3_000) == soft


def test_runs_that_reach_the_limit_have_no_mean():
    cut = sequential(0.02, None, 300, runs=50)
    assert cut.mean is None
    assert cut.most is None
    assert cut.share < 0.5
