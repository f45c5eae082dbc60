"""Rows of the usual shapes become cases."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from programs import called, ran, write_rows

ONE, OTHER = "Seven is a prime number.", "I like turtles."
ASKED = "Name a prime number."
LONG = [{"role": "user", "content": ASKED}]
PAIRS: dict[str, dict[str, Any]] = {
    "prompt, candidates": {"prompt": ASKED, "candidates": [ONE, OTHER]},
    "named candidates": {"prompt": ASKED, "candidates": [{"id": "a", "content": ONE}, {"id": "b", "content": OTHER}]},
    "response_a, response_b": {"prompt": ASKED, "response_a": ONE, "response_b": OTHER},
    "response_A, response_B": {"question": ASKED, "response_A": ONE, "response_B": OTHER},
    "chosen, rejected": {"prompt": ASKED, "chosen": ONE, "rejected": OTHER},
    "instruction, generations": {"instruction": ASKED, "generations": [ONE, OTHER]},
    "output_1, output_2": {"instruction": ASKED, "output_1": ONE, "output_2": OTHER},
    "prompt, responses": {"prompt": ASKED, "responses": [ONE, OTHER]},
    "a null beside a shape": {"prompt": ASKED, "candidates": None, "chosen": ONE, "rejected": OTHER},
}
SINGLES: dict[str, dict[str, Any]] = {
    "prompt, response": {"prompt": ASKED, "response": ONE},
    "instruction, output": {"instruction": ASKED, "output": ONE},
    "prompt, completion": {"prompt": ASKED, "completion": ONE},
    "a conversation": {"prompt": LONG, "response": [{"role": "assistant", "content": ONE}]},
}


@pytest.fixture
def judged(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Judges rows by the offline judge and returns the judgments with their cases."""

    def judge(task: str, rows: list[Any], *flags: str) -> list[dict[str, Any]]:
        source = write_rows(tmp_path / "in.jsonl", rows)
        end = called(capsys, monkeypatch, task, source, "--offline", "--quiet", "--include", "votes,case", *flags)
        assert (end.code, end.err) == (0, "")
        return end.records

    return judge


@pytest.mark.parametrize("shape", list(PAIRS))
def test_a_pair_is_recognised_by_its_fields_and_the_rest_is_metadata(judged, shape: str) -> None:
    (judgment,) = judged("compare", [{**PAIRS[shape], "split": "test", "n": 3}])
    case = judgment["case"]
    assert case["prompt"] == ASKED
    assert [candidate["content"] for candidate in case["candidates"]] == [ONE, OTHER]
    assert {"split": "test", "n": 3}.items() <= judgment["metadata"].items()


@pytest.mark.parametrize("shape", list(SINGLES))
def test_a_single_response_is_recognised_by_its_fields(judged, shape: str) -> None:
    (judgment,) = judged("score", [SINGLES[shape]])
    assert judgment["candidates"] == ["a"]
    assert judgment["verdict"]["score"] >= 1


@pytest.mark.parametrize("shape", ["prompt, candidates", "instruction, generations", "prompt, responses"])
def test_lists_are_ranked(judged, shape: str) -> None:
    row = {name: [*value, "No."] if isinstance(value, list) else value for name, value in PAIRS[shape].items()}
    (judgment,) = judged("rank", [row])
    assert sorted(judgment["verdict"]["ranking"]) == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["id", "case_id", "uid", "question_id", "pair_id", "prompt_id"])
def test_the_id_is_taken_from_the_usual_column(judged, name: str) -> None:
    (judgment,) = judged("compare", [{**PAIRS["prompt, candidates"], name: 17}])
    assert judgment["case_id"] == "17"


def test_without_a_column_the_id_follows_from_the_content(judged) -> None:
    row = PAIRS["prompt, candidates"]
    first, other = judged("compare", [row, {**row, "prompt": "Another"}])
    (again,) = judged("compare", [row])
    assert first["case_id"] == again["case_id"] != other["case_id"]


def test_metadata_of_its_own_is_merged_with_the_columns_that_are_left(judged) -> None:
    row = {**PAIRS["chosen, rejected"], "metadata": {"deep": [1, {"x": None}]}, "source": "s"}
    (judgment,) = judged("compare", [row])
    assert judgment["metadata"] == {"deep": [1, {"x": None}], "source": "s"}


def test_reference_context_and_domain_are_part_of_the_case(judged) -> None:
    row = {**PAIRS["prompt, candidates"], "reference": "2", "context": "of primes", "domain": "maths"}
    (judgment,) = judged("compare", [row])
    assert {name: judgment["case"][name] for name in ("reference", "context", "domain")} == {
        "reference": "2", "context": "of primes", "domain": "maths",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "fields"),
    [
        ({"query": ASKED, "candidates": [ONE, OTHER]}, ["prompt=query"]),
        ({"prompt": "no", "query": ASKED, "candidates": [ONE, OTHER]}, ["prompt=query"]),
        ({"prompt": ASKED, "good": ONE, "bad": OTHER}, ["response_a=good", "response_b=bad"]),
        ({"prompt": ASKED, "texts": [ONE, OTHER]}, ["candidates=texts"]),
        ({"prompt": ASKED, "key": "k1", "chosen": ONE, "rejected": OTHER}, ["id=key"]),
    ],
    ids=["prompt", "prompt over the usual one", "pair", "candidates", "id"],
)
def test_columns_are_named_by_hand(judged, row: dict[str, Any], fields: list[str]) -> None:
    flags = [flag for field in fields for flag in ("--field", field)]
    (judgment,) = judged("compare", [row], *flags)
    assert judgment["case"]["prompt"] == ASKED
    assert [candidate["content"] for candidate in judgment["case"]["candidates"]] == [ONE, OTHER]
    assert judgment["case_id"] == ("k1" if "key" in row else judgment["case_id"])


async def test_rows_come_from_standard_input_and_judgments_go_to_standard_output() -> None:
    rows = b"".join(orjson.dumps({"id": str(i), **PAIRS["chosen, rejected"]}) + b"\n" for i in range(3))
    end = await ran("compare", "-", "-o", "-", "--offline", "--quiet", stdin=rows)
    assert (end.code, end.err) == (0, "")
    assert sorted(record["case_id"] for record in end.records) == ["0", "1", "2"]
