"""Running the same command again goes on where it ended, and another run's output is not touched."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from judge_server import JudgeServer, error
from programs import Ended, called, cases, ran, read_rows, write_rows

Call = Callable[..., Ended]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Compares rows by the offline judge, into out.jsonl."""

    def compare(rows: list[Any], *flags: str) -> Ended:
        source = write_rows(tmp_path / "in.jsonl", rows)
        return called(capsys, monkeypatch, "compare", source, "-o", "out.jsonl", "--offline", *flags)

    return compare


def out() -> list[dict[str, Any]]:
    return read_rows(Path("out.jsonl"))


def ids() -> list[str]:
    return sorted(row["case_id"] for row in out())


async def compared(server: JudgeServer, rows: list[Any], *flags: str) -> Ended:
    """Compares rows by a judge on a socket, without its cache."""
    source = write_rows(Path("in.jsonl"), rows)
    judge = ("--judge-url", server.url, "--model", "m", "--no-cache")
    return await ran("compare", source, "-o", "out.jsonl", *judge, *flags)


async def test_a_run_goes_on_with_what_is_new_and_asks_nothing_twice(server: JudgeServer) -> None:
    await compared(server, cases(2))
    more = await compared(server, cases(5))
    assert (more.code, server.calls) == (0, 10)
    assert len(ids()) == len(set(ids())) == 5
    before = Path("out.jsonl").read_bytes()
    end = await compared(server, cases(5))
    assert (end.code, server.calls) == (0, 10)
    assert "5 of them were finished before and not judged again" in end.err
    assert Path("out.jsonl").read_bytes() == before


async def test_what_failed_stays_as_it_is_until_a_retry_is_asked_for(server: JudgeServer) -> None:
    server.next.extend([error(404)] * 2)
    assert (await compared(server, cases(3), "--concurrency", "1")).code == 3
    assert sorted(row["status"] for row in out()) == ["judged", "judged", "unscored"]
    again = await compared(server, cases(3))
    assert (again.code, server.calls) == (3, 6)
    retried = await compared(server, cases(3), "--retry-failed")
    assert (retried.code, server.calls) == (0, 8)
    assert sorted(row["status"] for row in out()) == ["judged"] * 3
    assert ids() == ["c0", "c1", "c2"]


@pytest.mark.parametrize("cut", [1, 40, 400])
def test_a_torn_last_line_is_repaired_and_its_case_judged_again(call: Call, cut: int) -> None:
    call(cases(3))
    path = Path("out.jsonl")
    path.write_bytes(path.read_bytes()[:-cut])
    end = call(cases(3))
    assert end.code == 0
    assert "2 of them were finished before" in end.err
    assert ids() == ["c0", "c1", "c2"]


def test_a_file_that_is_one_torn_line_starts_anew(call: Call) -> None:
    Path("out.jsonl").write_text('{"case_id": "c1')
    assert call(cases(2)).code == 0
    assert ids() == ["c0", "c1"]


def test_overwrite_starts_anew(call: Call) -> None:
    call(cases(5))
    end = call(cases(2), "--overwrite", "--seed", "7")
    assert end.code == 0
    assert ids() == ["c0", "c1"]
    assert {row["provenance"]["seed"] for row in out()} == {7}


DIFFERENCES = {
    "rubric": (("--rubric", "honesty"), "rubric was helpfulness@1"),
    "method": (("--method", "cot"), "method was direct, is cot"),
    "seed": (("--seed", "5"), "seed was 0, is 5"),
    "orders": (("--orders", "one"), "orders was both, is one"),
    "combine": (("--combine", "vote"), "another option differs"),
}


@pytest.mark.parametrize("what", list(DIFFERENCES))
def test_an_output_of_another_run_is_refused_with_the_difference(call: Call, what: str) -> None:
    flags, told = DIFFERENCES[what]
    call(cases(2))
    before = Path("out.jsonl").read_bytes()
    end = call(cases(2), *flags)
    assert end.code == 2
    assert told in end.err
    assert "--overwrite" in end.err
    assert Path("out.jsonl").read_bytes() == before


async def test_an_output_of_another_judge_is_refused_by_the_judges_names(server: JudgeServer) -> None:
    await compared(server, cases(2))
    end = await ran("compare", "in.jsonl", "-o", "out.jsonl", "--offline")
    assert end.code == 2
    assert "judge was default m" in end.err


@pytest.mark.parametrize(
    "flags", [("--timeout", "60"), ("--include", "votes,case"), ("--cache", "refresh"), ("--concurrency", "3")]
)
def test_what_cannot_change_a_verdict_is_the_same_run(call: Call, flags: tuple[str, ...]) -> None:
    call(cases(2))
    end = call(cases(2), *flags)
    assert end.code == 0
    assert "2 of them were finished before" in end.err


def test_another_text_under_a_finished_id_is_refused(call: Call) -> None:
    call(cases(2))
    end = call([cases(1)[0], {**cases(2)[1], "prompt": "Another task"}])
    assert end.code == 2
    assert "in.jsonl line 2" in end.err
    assert "'c1' was judged before with another text" in end.err


def test_a_row_that_was_mended_is_judged_when_a_retry_is_asked_for(call: Call) -> None:
    call([*cases(1), {"id": "c1", "prompt": "p"}])
    end = call(cases(2))
    assert end.code == 2
    assert "in.jsonl line 2: row 'c1' was no case before and is one now (--retry-failed?)" in end.err
    assert call(cases(2), "--retry-failed").code == 0
    assert {row["status"] for row in out()} == {"judged"}


def test_an_output_that_holds_something_else_is_refused(call: Call) -> None:
    Path("out.jsonl").write_bytes(orjson.dumps({"my": "notes"}) + b"\n")
    end = call(cases(2))
    assert end.code == 2
    assert "out.jsonl line 1 is no judgment" in end.err
    assert Path("out.jsonl").read_bytes() == b'{"my":"notes"}\n'


def test_the_input_is_not_overwritten(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = write_rows(tmp_path / "in.jsonl", cases(1))
    end = called(capsys, monkeypatch, "compare", source, "-o", source, "--offline", "--overwrite")
    assert end.code == 2
    assert read_rows(tmp_path / "in.jsonl") == cases(1)


def test_identical_rows_are_judged_once_and_written_once(call: Call) -> None:
    end = call([*cases(2), *cases(2), cases(1)[0]])
    assert end.code == 0
    assert "3 identical duplicate rows were judged once" in end.err
    assert ids() == ["c0", "c1"]


def test_the_same_id_with_another_content_is_invalid_and_the_first_is_judged(call: Call) -> None:
    end = call([*cases(2), {**cases(1)[0], "prompt": "Another task"}])
    assert end.code == 3
    judged, bad = ([row for row in out() if (row["status"] == "judged") == wanted] for wanted in (True, False))
    assert [row["case_id"] for row in judged] == ["c0", "c1"]
    (row,) = bad
    assert row["failure"]["kind"] == "invalid"
    assert "in.jsonl line 3: the id 'c0' stands twice" in row["failure"]["message"]


def test_a_row_that_is_no_case_takes_its_id(call: Call) -> None:
    bad = {"uid": "c0", "prompt": "p"}
    assert call([bad, bad, *cases(2)]).code == 3
    rows = {row["case_id"]: row for row in out()}
    assert {name: row["status"] for name, row in rows.items()} == {
        "c0": "unscored", "in.jsonl line 3": "unscored", "c1": "judged",
    }  # fmt: skip
    first = Path("out.jsonl").read_bytes()
    assert call([bad, bad, *cases(2)]).code == 3
    assert Path("out.jsonl").read_bytes() == first


def test_a_case_that_lacks_what_the_rubric_takes_keeps_its_id_and_is_resumed(call: Call) -> None:
    Path("strict.toml").write_text(
        'id = "strict"\ntakes = ["prompt", "candidates", "reference"]\n'
        '[[criteria]]\nname = "truth"\ntext = "Is it so?"\nquestion = "How true is it?"\n'
    )
    rows = [cases(1)[0], {**cases(2)[1], "reference": "yes"}]
    for _ in range(2):
        assert call(rows, "--rubric", "strict.toml").code == 3
        by_id = {row["case_id"]: row for row in out()}
        assert {name: row["status"] for name, row in by_id.items()} == {"c0": "unscored", "c1": "judged"}
        assert "in.jsonl line 1: 'strict' takes a reference" in by_id["c0"]["failure"]["message"]


def test_a_bad_row_is_written_once_however_often_the_run_is_repeated(call: Call) -> None:
    rows = [*cases(1), '{"id": "x", "prompt": "p"}', "{"]
    assert call(rows).code == 3
    first = Path("out.jsonl").read_bytes()
    assert call(rows).code == 3
    assert Path("out.jsonl").read_bytes() == first
