"""What people said, each for himself, and how it is read."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.errors import InvalidRequest
from judge_service.evaluation.people.raters import Said, majority, scores_of, sides_of


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=7))
def test_a_majority_mirrors_when_sides_are_swapped(sides):
    assert majority([1 - side for side in sides]) == 1 - majority(sides)
    assert majority(sides) in (0.0, 0.5, 1.0)


def test_as_many_for_one_as_for_the_other_are_a_tie():
    for sides in itertools.permutations([1.0, 1.0, 0.0, 0.0]):
        assert majority(sides) == 0.5
    assert majority([1.0, 0.5]) == 1.0


def test_people_are_told_apart_and_may_not_contradict_themselves():
    said = [Said("row 1", "x", "ann"), Said("row 2", "tie", "bo"), Said("row 3", "1", "ann")]
    assert sides_of(said, ("x", "y")) == {"ann": 1.0, "bo": 0.5}
    with pytest.raises(InvalidRequest, match="row 4: 'ann' said something else"):
        sides_of([*said, Said("row 4", "y", "ann")], ("x", "y"))
    with pytest.raises(InvalidRequest, match=r"row 5: 'z' is no label"):
        sides_of([Said("row 5", "z")], ("x", "y"))


def test_scores_name_their_response_where_there_are_several():
    said = [Said("row 1", 4, "ann", "x"), Said("row 2", 2.5, "ann", "y")]
    assert scores_of(said, ("x", "y")) == {("x", "ann"): 4.0, ("y", "ann"): 2.5}
    assert scores_of([Said("row 1", 3)], ("x",)) == {("x", ""): 3.0}
    with pytest.raises(InvalidRequest, match="row 1: a score says of which response it is"):
        scores_of([Said("row 1", 3)], ("x", "y"))
    with pytest.raises(InvalidRequest, match="row 1: 'good' is no score"):
        scores_of([Said("row 1", "good")], ("x",))
    with pytest.raises(InvalidRequest, match="row 2: 'ann' gave another score"):
        scores_of([Said("row 1", 3, "ann"), Said("row 2", 4, "ann")], ("x",))
