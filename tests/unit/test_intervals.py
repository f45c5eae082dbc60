"""Student's t beside another library's, and means of values that come in clusters."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from judge_service.statistics.intervals import clustered_mean
from judge_service.statistics.students import t_critical, t_tails


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("freedom", [1, 2, 3.5, 10, 59, 804, 1e5])
def test_students_t_is_that_of_another_library(freedom: float, confidence: float) -> None:
    assert t_critical(freedom, confidence) == pytest.approx(stats.t.ppf(0.5 + confidence / 2, freedom), rel=1e-9)


def test_tails_are_those_of_another_library() -> None:
    for t in (0.0, 0.1, 1.0, 2.5, 8.0):
        for freedom in (1, 4, 30, 1000):
            assert t_tails(t, freedom) == pytest.approx(2 * stats.t.sf(t, freedom), rel=1e-9)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=50))
def test_one_value_to_a_cluster_is_the_plain_t_interval(values: list[float]) -> None:
    found = clustered_mean(values, range(len(values)))
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    assert found.value == pytest.approx(np.mean(values))
    assert found.standard_error == pytest.approx(error, abs=1e-12)
    assert found.high == pytest.approx(found.value + stats.t.ppf(0.975, len(values) - 1) * error, abs=1e-9)


def test_values_that_are_copied_within_clusters_tell_no_more() -> None:
    values = [0.1, 0.9, 0.4, 0.7]
    once = clustered_mean(values, range(4))
    often = clustered_mean(values * 5, [0, 1, 2, 3] * 5)
    assert often[:4] == pytest.approx(once[:4])


def test_one_cluster_tells_nothing_of_the_error() -> None:
    assert clustered_mean([1.0, 0.0], ["p", "p"])[1:4] == (None, None, None)


def test_intervals_of_clustered_answers_cover_the_truth() -> None:
    draws = random.Random(7)
    covered = 0
    for _ in range(1000):
        values, clusters = [], []
        for prompt in range(60):
            leaning = min(0.95, max(0.05, draws.gauss(0.55, 0.25)))
            values += [float(draws.random() < leaning) for _ in range(4)]
            clusters += [prompt] * 4
        found = clustered_mean(values, clusters)
        covered += abs(found.value - TRUTH) <= found.high - found.value
    assert 0.93 <= covered / 1000 <= 0.97


TRUTH = float(np.mean(np.clip(np.random.default_rng(1).normal(0.55, 0.25, 4_000_000), 0.05, 0.95)))
