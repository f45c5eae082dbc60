"""Conditions on stored judgments."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.batch.filters import parse_filters
from judge_service.errors import InvalidOption


@pytest.mark.parametrize("told", ["kendall-w", "nothing>=1", "kendall-w=>1", "certainty>=x"])
def test_a_filter_of_no_such_form_is_refused(told: str) -> None:
    with pytest.raises(InvalidOption, match="--filter"):
        parse_filters(told)


@given(st.floats(0, 1), st.sampled_from([">=", ">", "<=", "<"]))
def test_a_condition_is_told_as_it_was_given(bound: float, sign: str) -> None:
    (one,) = parse_filters(f"certainty{sign}{bound:.3f}")
    assert parse_filters(str(one)) == (one,)
