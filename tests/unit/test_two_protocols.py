"""Ratings and comparisons of the same answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_service.evaluation.audits.two_protocols import Twice, two_protocols


def twice(k: int, gap: float, won: float, **more: object) -> Twice:
    """A pair of m's and n's answers; the ratings to the nearest step differ where they are half a step apart."""
    told = {"models": ("m", "n"), **more}
    return Twice(f"c{k}", f"p{k}", told.pop("models"), gap, float(round(gap)), won, **told)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from([-1.2, -0.3, 0.0, 0.4, 2.0]), st.sampled_from([0.0, 0.5, 1.0])), min_size=2))
def test_who_is_named_first_and_the_order_of_pairs_change_nothing(told: list[tuple[float, float]]) -> None:
    rows = [twice(k, gap, won) for k, (gap, won) in enumerate(told)]
    turned = [twice(k, -gap, 1.0 - won, models=("n", "m")) for k, (gap, won) in enumerate(told)]
    found, other = two_protocols(rows), two_protocols(turned[::-1])
    assert found.expected == other.expected
    assert found.steps == other.steps
    assert found.win_rate == other.win_rate


def test_both_conventions_of_ties_are_told_and_whole_steps_tie_more() -> None:
    rows = [twice(0, 0.3, 0.0), twice(1, 0.3, 1.0), twice(2, 2.0, 1.0), twice(3, -1.0, 0.5)]
    found = two_protocols(rows)
    assert found.expected.with_ties.value == pytest.approx(2 / 4)
    assert found.expected.without_ties is not None
    assert (found.expected.without_ties.value, found.expected.without_ties.n) == (pytest.approx(1 / 3), 3)
    assert (found.expected.rated_ties, found.expected.compared_ties) == (0.0, 0.25)
    assert found.steps.rated_ties == 0.5
    assert found.steps.with_ties.value == pytest.approx(3 / 4)


def test_each_protocol_has_its_own_winner_and_the_gap_has_an_interval() -> None:
    rows = [twice(k, 1.0 if k < 70 else -1.0, 1.0 if k >= 40 else 0.0) for k in range(100)]
    found = two_protocols(rows)
    assert found.of == "m"
    assert found.win_rate is not None
    assert [found.win_rate.rated.value, found.win_rate.compared.value] == [0.7, 0.6]
    assert found.win_rate.apart.value == pytest.approx(0.1)
    assert found.win_rate.apart.low is not None
    assert found.win_rate.apart.low < 0.0 < (found.win_rate.apart.high or 0.0)
    assert two_protocols([*rows, twice(200, 1.0, 1.0, models=("m", "q"))]).win_rate is None


def test_ratings_that_like_length_are_found_and_comparisons_that_do_not_are_not() -> None:
    source = np.random.default_rng(0)
    rows = []
    for k in range(300):
        sizes = source.integers(5, 50, 2)
        texts = tuple(" ".join(f"w{n}" for n in range(size)) for size in sizes)
        rows.append(twice(k, float(sizes[0] - sizes[1]) / 10 + source.normal(0, 1), float(source.integers(0, 2)),
                          texts=texts))  # fmt: skip
    found = two_protocols(rows)
    assert found.longer is not None
    assert (found.longer.rated.low or 0.0) > 0.7
    assert found.longer.compared.low < 0.5 < found.longer.compared.high
    assert (found.longer.apart.low or 0.0) > 0.2
    assert found.richer is not None
    assert (found.richer.rated.low or 0.0) > 0.7


def test_without_texts_nothing_is_said_of_length_and_domains_are_told_apart() -> None:
    rows = [twice(k, 1.0, float(k % 2), domain="code" if k < 10 else "chat") for k in range(20)]
    found = two_protocols(rows)
    assert (found.longer, found.richer) == (None, None)
    assert {name: told.n for name, told in found.domains.items()} == {"code": 10, "chat": 10}
