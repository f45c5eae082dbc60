"""Our logistic regressions are scikit-learn's, on the same rows with soft outcomes."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from judge_service.statistics.lasso import COSTS, Problem, fit_lasso
from judge_service.statistics.logistic import fit_logistic

SEED = 123


def drawn(seed: int, n: int = 300) -> Problem:
    """Two columns and one that is one."""
    draw = np.random.default_rng(seed)
    rows = np.column_stack([draw.normal(size=(n, 2)), np.ones(n)])
    chance = 1 / (1 + np.exp(-rows @ draw.normal(size=3)))
    return Problem(rows, draw.beta(2 * chance, 2 * (1 - chance)), draw.uniform(0.1, 2.0, n))


def theirs(problem: Problem, **options: object) -> np.ndarray:
    """Each row twice, as won and as lost, weighted by how much of it was."""
    won = problem.weights * problem.outcomes
    model = LogisticRegression(fit_intercept=False, random_state=np.random.RandomState(SEED), **options)
    model.fit(
        np.vstack([problem.rows, problem.rows]),
        np.repeat([1, 0], len(won)),
        sample_weight=np.concatenate([won, problem.weights - won]),
    )
    return model.coef_[0]


@pytest.mark.parametrize("cost", [0.01, 1.0, 100.0])
def test_squares_hold_coefficients_alike(cost):
    problem = drawn(1)
    known = theirs(problem, C=cost, solver="newton-cholesky", tol=1e-10)
    found = fit_logistic(problem.rows, problem.outcomes, problem.weights, ridge=1.0 / cost)
    assert found.coefficients == pytest.approx(known, abs=1e-6)


@pytest.mark.parametrize("cost", COSTS)
def test_absolute_values_hold_them_alike_to_the_place_where_liblinear_stops(cost):
    for seed in range(3):
        problem = drawn(seed)
        drawn_seed = int(np.random.RandomState(SEED).randint(np.iinfo("i").max))
        known = theirs(problem, C=cost, penalty="l1", solver="liblinear")
        assert fit_lasso(problem, cost, drawn_seed) == pytest.approx(known, abs=1e-9)
