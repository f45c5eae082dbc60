"""Stored judgments read as comparisons of named models' answers."""

from collections.abc import Callable
from pathlib import Path

import pytest
from programs import called, write_rows

from judge_service.contests.comparisons import comparisons_in
from judge_service.errors import InvalidRequest

Judged = Callable[..., Path]


@pytest.fixture
def judged(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Judged:
    """Judges rows offline into a file."""

    def judge(task: str, rows: list[dict[str, object]], *flags: str) -> Path:
        cases = write_rows(tmp_path / "cases.jsonl", rows)
        called(capsys, monkeypatch, task, cases, "-o", "out.jsonl", "--offline", "--quiet", *flags)
        return tmp_path / "out.jsonl"

    return judge


def row(prompt: str, answers: tuple[str, str], **more: object) -> dict[str, object]:
    named = [{"id": own, "content": text, "model": own * 2} for own, text in zip("xy", answers, strict=True)]
    return {"prompt": prompt, "candidates": named, **more}


def test_judgments_that_carry_their_texts_are_compared_by_prompt_and_by_author(judged: Judged) -> None:
    rows = [row("Q1", ("good", "bad")), row("Q1", ("fine", "worse")), row("Q2", ("same", "same")), {"prompt": "none"}]
    out = judged("compare", rows, "--include", "case,votes")
    found = comparisons_in([str(out)])
    assert {c.models for c in found.comparisons} == {("xx", "yy")}
    assert sorted(c.texts for c in found.comparisons if c.texts) == [("fine", "worse"), ("good", "bad"), ("same",) * 2]
    assert len({c.prompt for c in found.comparisons}) == 2
    assert (found.unplaced, found.statuses) == (1, {"judged": 3, "unscored": 1})
    assert found.measures == {"probability": 2, "identical": 1}
    assert all(len(c.by_order or ()) == 2 for c in found.comparisons if c.evidence)
    assert found.facts["judge"].startswith("offline")


def test_texts_come_from_the_file_of_cases_and_prompts_from_a_field(tmp_path: Path, judged: Judged) -> None:
    rows = [row("Q", (f"good {i}", f"bad {i}"), group=i // 2) for i in range(4)]
    out = judged("compare", rows)
    alone = comparisons_in([str(out)])
    assert (len({c.prompt for c in alone.comparisons}), alone.comparisons[0].texts) == (4, None)
    assert len({c.prompt for c in comparisons_in([str(out)], field="group").comparisons}) == 2
    with_texts = comparisons_in([str(out)], cases=str(tmp_path / "cases.jsonl"))
    assert len({c.prompt for c in with_texts.comparisons}) == 1
    assert {c.texts for c in with_texts.comparisons} == {(f"good {i}", f"bad {i}") for i in range(4)}


def test_what_is_no_comparison_is_refused_in_one_line(tmp_path: Path, judged: Judged) -> None:
    out = judged("score", [{"prompt": "Q", "response": "good"}])
    with pytest.raises(InvalidRequest, match=r"out\.jsonl row 1 is a scorecard"):
        comparisons_in([str(out)])
    empty = tmp_path / "empty.jsonl"
    empty.write_bytes(b"")
    with pytest.raises(InvalidRequest, match="there is no judgment here"):
        comparisons_in([str(empty)])
