"""What became of verdicts from one version to the next."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from judge_service.evaluation.changes import Change, Changes, measures_of
from judge_service.statistics.binomial import sign_test


def found_of(changes: list[Change]):
    """What these come to."""
    gathered = Changes()
    for change in changes:
        gathered.add(change)
    return gathered.found()


def change(k: int, towards: int = 0, move: float = 0.0, **more: object) -> Change:
    return Change(f"p{k}", towards != 0, towards, move, **more)


@given(st.integers(0, 200), st.integers(0, 200))
def test_the_sign_test_is_that_of_another_library(one: int, other: int) -> None:
    expected = binomtest(one, one + other).pvalue if one + other else 1.0
    assert sign_test(one, other) == pytest.approx(expected, rel=1e-9)


def test_shares_moves_and_signs_are_told_with_their_intervals() -> None:
    rows = [change(k, towards=1, move=0.4) for k in range(9)] + [change(9, towards=-1, move=-0.2)]
    rows += [change(10 + k, move=0.1) for k in range(30)]
    found = found_of(rows)
    assert found.share is not None
    assert found.share.value == pytest.approx(0.25)
    assert (found.first, found.towards, found.away) == ("the first candidate", 9, 1)
    assert found.sign == pytest.approx(binomtest(9, 10).pvalue)
    assert found.move is not None
    assert found.move.value == pytest.approx((9 * 0.4 - 0.2 + 30 * 0.1) / 40)
    assert found.chance is not None
    assert found.chance < 0.001
    assert found.longer is None


def test_where_all_pairs_are_of_the_same_two_models_moves_are_towards_a_model() -> None:
    rows = [change(0, 1, 0.5, models=("m", "n")), change(1, -1, -0.5, models=("n", "m"))]
    found = found_of(rows)
    assert (found.first, found.towards, found.away) == ("m", 2, 0)
    assert found.move is not None
    assert found.move.value == pytest.approx(0.5)
    other = found_of([*rows, change(2, 1, 0.5, models=("n", "q"))])
    assert (other.first, other.towards, other.away) == ("the first candidate", 2, 1)
    assert found_of([*rows, change(2, 1, 0.5)]).first == "the first candidate"


def test_what_nobody_judged_twice_tells_nothing() -> None:
    found = found_of([])
    assert (found.share, found.move, found.chance, found.sign) == (None, None, None, None)
    assert {measure.value for measure in measures_of(found, 0, 0)} == {None}


def test_domains_and_the_longer_are_counted_where_they_are_known() -> None:
    rows = [change(k, 1, 0.1, domain="code" if k % 2 else "chat", towards_longer=k < 6) for k in range(8)]
    found = found_of([*rows, change(9)])
    assert {name: told.value for name, told in found.domains.items()} == {"chat": 1.0, "code": 1.0}
    assert found.longer is not None
    assert (found.longer.value, found.longer.n) == (0.75, 8)
    assert {measure.name: measure.n for measure in measures_of(found, 1, 10)} == {
        "changed": 9, "status": 10, "move": 9, "longer": 8,
    }  # fmt: skip


def test_copies_of_a_prompt_make_no_interval_narrower() -> None:
    rows = [change(k, move=random.Random(k).gauss(0.1, 1)) for k in range(30)]
    once, thrice = found_of(rows), found_of(rows * 3)
    assert once.move is not None
    assert thrice.move is not None
    assert thrice.move[:4] == pytest.approx(once.move[:4])
    assert thrice.chance == pytest.approx(once.chance)
