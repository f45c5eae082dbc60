"""Files of people's labels: what a row may say, and what is refused by its place."""

from pathlib import Path

import pytest
from programs import write_rows

from judge_service.batch.people import people_in
from judge_service.errors import InvalidRequest


def test_a_row_says_who_labelled_whose_response_and_by_what_chance(tmp_path: Path) -> None:
    rows = [
        {"case_id": "c", "label": 4, "rater": 7, "candidate": "x", "probability": 0.25, "country": "no"},
        {"case_id": "c", "label": None, "rater": 8},
        {"id": "d", "label": "a", "weight": 4},
        {"case_id": "d", "label": "b", "rater": "bo", "weight": 4},
    ]
    people = people_in(write_rows(tmp_path / "l.jsonl", rows))
    (one,) = people["c"]
    assert (one.value, one.rater, one.candidate, one.chance, one.about) == (4, "7", "x", 0.25, {"country": "no"})
    assert [(each.rater, each.chance) for each in people["d"]] == [("", 0.25), ("bo", 0.25)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"label": "a"}, "an object with case_id and label"),
        ({"case_id": "c", "label": "a", "probability": 0}, "probability is a number above 0; got 0"),
        ({"case_id": "c", "label": "a", "probability": 1.5}, "probability is at most 1"),
        ({"case_id": "c", "label": "a", "weight": "much"}, "weight is a number above 0"),
        ({"case_id": "ok", "label": "a", "probability": 0.5}, "was drawn with one probability, and not with two"),
    ],
)
def test_what_is_no_row_is_refused_by_its_place(tmp_path: Path, row: dict, message: str) -> None:
    path = write_rows(tmp_path / "l.jsonl", [{"case_id": "ok", "label": "a"}, row])
    with pytest.raises(InvalidRequest, match=message) as refused:
        people_in(path)
    assert "line 2" in refused.value.message
