"""Logistic regression held by absolute values; that it is scikit-learn's to the digit is seen in tests/trl."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from judge_service.statistics.lasso import COSTS, Problem, cross_validated_lasso, fit_lasso
from judge_service.statistics.logistic import fit_logistic, sigmoid


def drawn(seed, n=60, k=3):
    draw = np.random.default_rng(seed)
    rows = np.column_stack([draw.normal(size=(n, k - 1)), np.ones(n)])
    chance = sigmoid(rows @ draw.normal(size=k))
    return Problem(rows, draw.beta(2 * chance, 2 * (1 - chance)), draw.uniform(0.2, 2.0, n))


def loss_of(problem, cost):
    def loss(b):
        z = problem.rows @ b
        told = problem.weights @ (np.logaddexp(0, z) - problem.outcomes * z)
        return float(cost * told + np.abs(b).sum())

    return loss


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(COSTS[1:]))
def test_no_general_optimiser_finds_much_less(seed, cost):
    problem, k = drawn(seed), 3
    loss = loss_of(problem, cost)
    halves = minimize(
        lambda b: loss(b[:k] - b[k:]) - np.abs(b[:k] - b[k:]).sum() + b.sum(), np.full(2 * k, 0.1),
        bounds=[(0, None)] * (2 * k), method="L-BFGS-B", options={"ftol": 1e-13, "maxiter": 2000},
    )  # fmt: skip
    least = loss(halves.x[:k] - halves.x[k:])
    assert loss(fit_lasso(problem, cost, seed)) <= least + 1e-4 * (1.0 + abs(least))


def test_held_hard_enough_everything_is_nought_and_hardly_held_it_is_the_free_fit():
    problem = drawn(4)
    assert (fit_lasso(problem, 1e-4) == 0.0).all()
    free = fit_logistic(problem.rows, problem.outcomes, problem.weights).coefficients
    assert fit_lasso(problem, 1e4) == pytest.approx(free, abs=1e-2)


def test_the_seed_of_the_order_moves_the_fit_by_no_more_than_its_tolerance():
    problem = drawn(6)
    one, other = fit_lasso(problem, 100.0, 1), fit_lasso(problem, 100.0, 2)
    assert one == pytest.approx(other, abs=1e-3)


def test_the_cost_is_that_which_foretells_best():
    problem = drawn(8, n=400)
    found = cross_validated_lasso(problem, 5, 123)
    assert found.cost > 0.04
    assert not found.misread
    noise = Problem(problem.rows[:, :1], np.tile([0.0, 1.0], 200), problem.weights * 0 + 1)
    assert cross_validated_lasso(noise, 5, 123).cost < found.cost


def test_a_model_that_never_won_is_misread_as_liblinear_does():
    problem = drawn(2)
    found = cross_validated_lasso(Problem(problem.rows, problem.outcomes * 0.0, problem.weights), 5, 123)
    assert found.misread
    assert (found.coefficients == 0.0).all()
    assert not cross_validated_lasso(Problem(problem.rows, problem.outcomes * 0.0 + 1, problem.weights), 5, 123).misread
