"""Logistic regression on soft outcomes, against a general optimiser and by what must hold of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime, minimize

from judge_service.statistics.intervals import clustered_mean
from judge_service.statistics.logistic import fit_logistic, predicted_mean, sandwich, sigmoid


def drawn(seed, n=60, k=3, hard=False):
    """Rows with an intercept, outcomes, weights and offset."""
    draw = np.random.default_rng(seed)
    rows = np.column_stack([np.ones(n), draw.normal(size=(n, k - 1))])
    chance = sigmoid(rows @ draw.normal(size=k) * 0.7)
    outcomes = (draw.random(n) < chance).astype(float) if hard else draw.beta(2 * chance, 2 * (1 - chance))
    return rows, outcomes, draw.uniform(0.1, 3.0, n), draw.normal(size=n)


def loss_of(rows, outcomes, weights, offset, ridge):
    def loss(b):
        z = offset + rows @ b
        return float(weights @ (np.logaddexp(0, z) - outcomes * z) + ridge @ (b * b) / 2)

    return loss


@given(st.integers(0, 10_000), st.booleans(), st.lists(st.floats(0.01, 20.0), min_size=3, max_size=3))
def test_the_coefficients_are_where_a_general_optimiser_finds_the_least(seed, hard, ridge):
    rows, outcomes, weights, offset = drawn(seed, hard=hard)
    loss = loss_of(rows, outcomes, weights, offset, np.asarray(ridge))
    fit = fit_logistic(rows, outcomes, weights, offset, np.asarray(ridge))
    best = minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-9})
    assert fit.converged
    assert fit.coefficients == pytest.approx(best.x, abs=1e-4)
    assert loss(fit.coefficients) <= best.fun + 1e-9
    assert approx_fprime(fit.coefficients, loss, 1e-7) == pytest.approx(np.zeros(3), abs=1e-3)


@given(st.integers(0, 10_000))
def test_what_a_row_moves_the_coefficients_by_is_what_leaving_it_out_a_little_does(seed):
    rows, outcomes, weights, offset = drawn(seed)
    fit = fit_logistic(rows, outcomes, weights, offset, 0.5)
    less = weights.copy()
    less[7] *= 1.0 - 1e-5
    moved = (fit.coefficients - fit_logistic(rows, outcomes, less, offset, 0.5).coefficients) / 1e-5
    assert fit.influences[7] == pytest.approx(moved, rel=1e-3, abs=1e-6)


@given(st.integers(0, 10_000), st.floats(0.01, 100.0), st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_the_units_of_a_column_change_a_prediction(seed, unit, random):
    rows, outcomes, weights, offset = drawn(seed)
    order = list(range(len(rows)))
    random.shuffle(order)
    scaled = rows * np.asarray([1.0, unit, 1.0])
    one = fit_logistic(rows, outcomes, weights, offset)
    other = fit_logistic(scaled[order], outcomes[order], weights[order], offset[order])
    assert other.coefficients * np.asarray([1.0, unit, 1.0]) == pytest.approx(one.coefficients, abs=1e-7)


def test_with_an_intercept_alone_it_is_the_mean_and_its_clustered_error():
    outcomes = np.asarray([0.9, 0.8, 0.1, 0.4, 1.0, 0.0, 0.7])
    clusters = ["a", "a", "b", "b", "c", "d", "d"]
    rows = np.ones((7, 1))
    fit = fit_logistic(rows, outcomes)
    told, plain = predicted_mean(fit, rows, clusters), clustered_mean(outcomes.tolist(), clusters)
    assert told.value == pytest.approx(plain.value)
    assert told.standard_error == pytest.approx(plain.standard_error)
    assert told.clusters == 4
    covariance = sandwich(fit, clusters)
    spread = plain.value * (1 - plain.value)
    assert covariance == pytest.approx(np.asarray([[(plain.standard_error / spread) ** 2]]))


def test_a_cluster_of_copies_tells_no_more_than_one_of_them():
    rows, outcomes, _, _ = drawn(3, n=40)
    once = predicted_mean(fit_logistic(rows, outcomes), rows, range(40))
    four = np.repeat(np.arange(40), 4)
    copied = predicted_mean(fit_logistic(rows[four], outcomes[four]), rows[four], four.tolist())
    assert copied[:4] == pytest.approx(once[:4])
    assert (copied.n, copied.clusters) == (160, 40)


def test_columns_that_add_up_to_others_change_no_prediction():
    rows, outcomes, _, _ = drawn(5)
    plain = fit_logistic(rows, outcomes)
    more = np.column_stack([rows, np.zeros(60), rows[:, 1] * 2 - rows[:, 2]])
    fit = fit_logistic(more, outcomes)
    assert fit.converged
    assert more @ fit.coefficients == pytest.approx(rows @ plain.coefficients, abs=1e-7)
    assert fit.coefficients[3] == 0.0


def test_outcomes_that_a_column_tells_apart_have_no_finite_best_unless_it_is_held():
    rows = np.column_stack([np.ones(8), [-3, -2, -2, -1, 1, 2, 2, 3]]).astype(float)
    outcomes = np.asarray([0, 0, 0, 0, 1, 1, 1, 1], dtype=float)
    assert not fit_logistic(rows, outcomes).converged
    assert not fit_logistic(rows[:, :1], np.ones(8)).converged
    assert fit_logistic(rows, outcomes, ridge=0.01).converged
    some = np.column_stack([np.ones(6), [0, 0, 0, 0, 1, 1]]).astype(float)
    assert not fit_logistic(some, np.asarray([0, 1, 0, 1, 1, 1], dtype=float)).converged


def test_one_cluster_tells_nothing_of_the_spread():
    rows, outcomes, _, _ = drawn(1)
    fit = fit_logistic(rows, outcomes)
    assert sandwich(fit, ["one"] * 60) is None
    assert predicted_mean(fit, rows, ["one"] * 60)[1:4] == (None, None, None)


@given(st.floats(-800.0, 800.0))
def test_the_sigmoid_neither_overflows_nor_leaves_the_unit_interval(logit):
    up, down = sigmoid(np.asarray([logit, -logit]))
    assert 0.0 <= up <= 1.0
    assert up + down == pytest.approx(1.0)
