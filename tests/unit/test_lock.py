"""A lock pins what an evaluation is made of, and says what is another now."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.contests.lock import differences, held_to, read_lock, settled
from judge_service.contests.pins import pinned_cases, pinned_rows
from judge_service.domain.cases import Candidate, Case
from judge_service.errors import InvalidRequest, RunRefused
from judge_service.files.reading import Row

rows = st.lists(st.dictionaries(st.sampled_from("abc"), st.one_of(st.integers(), st.text(), st.none())), max_size=8)
PINNED = {
    "inputs": {"model": {"rows": 3, "digest": "sha256:" + "1" * 64}},
    "judging": {
        "rubric": {"id": "helpfulness", "version": "1", "digest": "sha256:" + "2" * 64},
        "judges": {"default": {"model": "m", "epoch": 0, "sampling": {}}},
        "run": "sha256:" + "3" * 64,
    },
    "service": "0.1.0",
}
PATHS = {"model": "a.json", "output": "out.jsonl"}


def read(told):
    return [Row(f"line {n}", value) for n, value in enumerate(told)]


@given(rows, st.randoms())
def test_the_order_of_rows_and_where_they_stand_change_no_digest(told, shuffler):
    shuffled = list(told)
    shuffler.shuffle(shuffled)
    assert pinned_rows(read(shuffled)) == pinned_rows(read(told))
    turned = [dict(reversed(row.items())) for row in told]
    assert pinned_rows(read(turned)) == pinned_rows(read(told))


@given(rows, rows)
def test_other_rows_have_another_digest(one, other):
    def canonical(told):
        return sorted(json.dumps(row, sort_keys=True) for row in told)

    assert (pinned_rows(read(one)) == pinned_rows(read(other))) == (canonical(one) == canonical(other))


def test_a_row_that_cannot_be_read_is_no_row_that_is_missing():
    broken = [Row("line 1", error="not valid JSON: …")]
    assert pinned_rows(broken)["rows"] == 1
    assert pinned_rows(broken) != pinned_rows(read([None]))


def test_the_authors_texts_and_ids_of_cases_are_pinned_and_their_order_is_not():
    one = Case("1", "Which?", (Candidate("a", "x", "new"), Candidate("b", "y", "old")))
    two = Case("2", "Which?", (Candidate("a", "z", "new"), Candidate("b", "y", "old")))
    pinned = pinned_cases([one, two])
    assert pinned == pinned_cases([two, one])
    others = (Candidate("a", "x", "newer"), one.candidates[1])
    for changed in (replace(one, candidates=others), replace(one, id="3"), replace(one, prompt="Who?")):
        assert pinned_cases([changed, two]) != pinned


def test_a_lock_is_written_once_and_then_holds(tmp_path: Path):
    path = tmp_path / "locks" / "eval.lock.json"
    first = held_to(path, settled(PINNED, PATHS, {"field": []}, path))
    written = path.read_bytes()
    again = held_to(path, settled(PINNED, PATHS, {}, path))
    assert (again.digest, again.created, path.read_bytes()) == (first.digest, first.created, written)
    assert read_lock(path).reading == {"field": []}
    assert [file.name for file in path.parent.iterdir()] == ["eval.lock.json"]


def test_every_difference_is_named_and_nothing_is_written_over(tmp_path: Path):
    path = tmp_path / "eval.lock.json"
    held_to(path, settled(PINNED, PATHS, {}, path))
    written = path.read_bytes()
    rubric = {"id": "safety", "version": "1", "digest": "sha256:" + "4" * 64}
    judges = {"default": {"model": "m", "epoch": 1, "sampling": {}}}
    judging = {"rubric": rubric, "judges": judges, "run": "sha256:" + "5" * 64}
    now = {**PINNED, "judging": judging, "service": "0.2.0"}
    with pytest.raises(RunRefused) as refused:
        held_to(path, settled(now, PATHS, {}, path))
    assert refused.value.message.removeprefix(f"{path} pins another evaluation: ").split("; ") == [
        "judging.rubric.id was helpfulness, is safety",
        "judging.rubric.digest was 22222222, is 44444444",
        "judging.judges.default.epoch was 0, is 1",
        "service was 0.1.0, is 0.2.0",
    ]
    assert path.read_bytes() == written


def test_what_follows_from_the_rest_is_told_where_it_stands_alone():
    judging = {**PINNED["judging"], "run": "sha256:" + "9" * 64}
    assert differences(PINNED, {**PINNED, "judging": judging}) == ["judging.run was 33333333, is 99999999"]


def test_what_was_not_pinned_before_is_a_difference():
    assert differences({"a": {}}, {"a": {"b": None}, "c": 1}) == ["a was {}, is not there", "c was not there, is 1"]


def test_the_files_of_a_lock_are_found_from_wherever_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    path = Path("locks/eval.lock.json")
    lock = held_to(path, settled(PINNED, {**PATHS, "baseline": ""}, {}, path))
    assert dict(lock.paths) == {"model": "../a.json", "output": "../out.jsonl", "baseline": ""}
    assert lock.path_of("model", path) == "a.json"
    assert lock.path_of("baseline", path) == lock.path_of("other", path) == ""
    monkeypatch.chdir(tmp_path / "locks")
    assert lock.path_of("output", Path("eval.lock.json")) == "../out.jsonl"


@pytest.mark.parametrize("text", [b"", b"[]", b'{"object":"lock"}', b'{"object":"judgment","schema":1}', b"\xff"])
def test_what_is_no_lock_is_refused_by_its_name(text: bytes, tmp_path: Path):
    (tmp_path / "x.json").write_bytes(text)
    with pytest.raises(InvalidRequest, match=r"x\.json is no lock"):
        read_lock(tmp_path / "x.json")


def test_a_lock_that_was_changed_by_hand_is_refused(tmp_path: Path):
    path = tmp_path / "eval.lock.json"
    held_to(path, settled(PINNED, PATHS, {}, path))
    path.write_bytes(path.read_bytes().replace(b'"epoch": 0', b'"epoch": 1'))
    with pytest.raises(InvalidRequest, match="changed after it was written"):
        read_lock(path)
    with pytest.raises(InvalidRequest, match="cannot be read"):
        read_lock(tmp_path / "none.json")
