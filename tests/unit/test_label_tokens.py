"""Labels in their place: which tokens they are, and what their probabilities come to."""

import math

from hypothesis import given
from hypothesis import strategies as st

from judge_service.backends.label_tokens import by_label, label_tokens, surfaces

PLACE = [1, 50, 13]
LABELS = ("A", "B")


def told(**surface: list[int]) -> dict[str, list[int]]:
    """Surfaces with the ids they add; `_A` stands for ` A`."""
    return {name.replace("_", " "): PLACE + ids for name, ids in surface.items()}


def test_a_label_may_have_two_surfaces_and_each_its_token() -> None:
    found = label_tokens(LABELS, PLACE, told(A=[7], _A=[70], B=[8], _B=[80]))
    assert found is not None
    assert found.labels == {7: "A", 70: "A", 8: "B", 80: "B"}


def test_a_surface_of_two_tokens_does_not_count() -> None:
    found = label_tokens(LABELS, PLACE, told(A=[7], _A=[220, 7], B=[8], _B=[220, 8]))
    assert found is not None
    assert found.labels == {7: "A", 8: "B"}


def test_labels_that_share_a_token_or_have_none_cannot_be_told_apart() -> None:
    assert label_tokens(LABELS, PLACE, told(A=[7], B=[7])) is None
    assert label_tokens(LABELS, PLACE, told(A=[7], B=[8, 9])) is None


def test_a_place_that_is_read_otherwise_with_the_label_after_it_is_no_place() -> None:
    merged = {"A": [1, 50, 99], " A": [1, 50, 98], "B": [*PLACE, 8], " B": [*PLACE, 80]}
    assert label_tokens(LABELS, PLACE, merged) is None


def test_ten_in_two_tokens_begins_as_one() -> None:
    steps = tuple(str(n) for n in range(1, 11))
    surface = {s: [*PLACE, 10 + n] for n in range(1, 10) for s in (str(n),)}
    surface |= {f" {n}": [*PLACE, 220, 10 + n] for n in range(1, 10)}
    surface |= {"10": [*PLACE, 11, 30], " 10": [*PLACE, 220, 11, 30]}
    found = label_tokens(steps, PLACE, surface)
    assert found is not None
    assert found.begun == {"10": ((11,), 30)}
    assert set(found.labels.values()) == set(steps) - {"10"}


@given(st.lists(st.floats(-60.0, 0.0), min_size=4, max_size=4))
def test_surfaces_are_summed_and_nothing_is_impossible(values: list[float]) -> None:
    found = label_tokens(LABELS, PLACE, told(A=[7], _A=[70], B=[8], _B=[80]))
    assert found is not None
    logprobs = dict(zip((7, 70, 8, 80), values, strict=True))
    weights = by_label(found, logprobs)
    assert weights["A"] >= math.exp(values[0])
    assert math.isclose(weights["B"], max(1e-12, math.exp(values[2]) + math.exp(values[3])))
    assert min(weights.values()) > 0.0


def test_a_label_is_looked_up_bare_and_after_a_space() -> None:
    assert surfaces("B") == ("B", " B")
