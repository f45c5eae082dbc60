"""Holm's adjusted p-values."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.statistics.holm import holm


def test_the_worked_example_comes_out():
    # That of Wikipedia's "Holm-Bonferroni method": at 0.05 the first and the last are rejected, the others are not.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=7))
def test_it_is_the_closed_test_of_bonferronis(p_values):
    places = range(len(p_values))
    sets = [chosen for size in range(1, len(p_values) + 1) for chosen in combinations(places, size)]
    closed = [max(min(1.0, len(s) * min(p_values[i] for i in s)) for s in sets if place in s) for place in places]
    assert holm(p_values) == pytest.approx(closed)


def test_of_nothing_there_is_nothing():
    assert holm([]) == []
