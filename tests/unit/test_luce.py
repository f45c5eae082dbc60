"""Strengths from choices within groups: against planted strengths, and against a plain least-squares fit."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.statistics.arrangements import arrangements, both_ways, grid
from judge_service.statistics.luce import LOGIT_LIMIT, clipped_logs, fitted, softmax

SIZES = st.integers(2, 40)


def drawn(n: int, seed: int) -> list[float]:
    rng = random.Random(seed)
    values = [rng.gauss(0, 1) for _ in range(n)]
    return [value - sum(values) / n for value in values]


def ways(n: int) -> tuple[tuple[int, ...], ...]:
    return arrangements(n) if n <= 20 else grid(n)


def told(shown, strengths, first=0.0, slope=0.0, constants=None):
    """Log-probabilities of a judge that follows Luce's axiom, and adds to places."""
    constants = constants or [0.0] * len(shown)
    return [
        [
            strengths[option] + first * (place == 0) + slope * (1 - 2 * place / (len(group) - 1)) + constant
            for place, option in enumerate(group)
        ]
        for group, constant in zip(shown, constants, strict=True)
    ]


@given(SIZES, st.integers(0, 1000), st.floats(-3, 3), st.floats(-3, 3))
def test_a_luce_model_without_noise_is_recovered_exactly_whatever_places_add(n, seed, first, slope):
    shown, strengths = ways(n), drawn(n, seed)
    constants = drawn(len(shown), seed + 1)
    found = fitted(n, shown, told(shown, strengths, first, slope, constants), "first")
    assert found.strengths == pytest.approx(strengths, abs=1e-8)
    assert found.lean is not None


@given(st.integers(2, 20), st.integers(0, 1000), st.floats(-3, 3))
def test_the_lean_is_what_the_first_place_has_over_the_others(n, seed, first):
    shown, strengths = arrangements(n), drawn(n, seed)
    assert fitted(n, shown, told(shown, strengths, first), "first").lean == pytest.approx(first, abs=1e-8)
    even = fitted(n, both_ways(n), told(both_ways(n), strengths, slope=first), "even")
    assert even.strengths == pytest.approx(strengths, abs=1e-8)
    assert even.lean == pytest.approx(first * n / (n - 1), abs=1e-8)


@given(st.integers(2, 30), st.randoms(use_true_random=False))
def test_options_under_other_numbers_have_the_same_strengths(n, rng):
    shown = ways(n)
    logs = [[rng.uniform(-6, 0) for _ in group] for group in shown]
    renamed = rng.sample(range(n), n)
    one = fitted(n, shown, logs, "first")
    other = fitted(n, tuple(tuple(renamed[option] for option in group) for group in shown), logs, "first")
    assert [other.strengths[renamed[option]] for option in range(n)] == pytest.approx(one.strengths, abs=1e-8)
    assert other.lean == pytest.approx(one.lean, abs=1e-8)


@pytest.mark.parametrize("n", [3, 8, 25, 60])
def test_it_is_the_least_squares_fit_with_a_constant_to_each_group(n):
    rng, shown = random.Random(n), ways(n)
    logs = [[rng.uniform(-6, 0) for _ in group] for group in shown]
    rows, values = [], []
    for number, (group, told_) in enumerate(zip(shown, logs, strict=True)):
        for place, (option, value) in enumerate(zip(group, told_, strict=True)):
            slope = 1 - 2 * place / (len(group) - 1)
            rows.append([*np.eye(n)[option], place == 0, slope, *np.eye(len(shown))[number]])
            values.append(value)
    plain = np.linalg.lstsq(np.array(rows, dtype=float), np.array(values), rcond=None)[0][:n]
    assert fitted(n, shown, logs, "first").strengths == pytest.approx(plain - plain.mean(), abs=1e-8)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=255).filter(lambda weights: max(weights) > 1e-300))
def test_no_answer_is_surer_than_a_logit_of_six(weights):
    logs = clipped_logs(weights)
    assert max(logs) == 0.0
    top = max(softmax(logs))
    assert math.log(top / (1 - top)) <= LOGIT_LIMIT + 1e-9


@given(st.lists(st.floats(-700, 700), min_size=1, max_size=300))
def test_a_softmax_sums_to_one(logits):
    assert math.fsum(softmax(logits)) == pytest.approx(1.0, abs=1e-12)
