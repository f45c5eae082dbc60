"""win-rate with labels of a few: by metadata, by a file, of annotations, and as a report."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from labelled_files import judgment, written
from programs import write_rows
from typer.testing import CliRunner

from judge_service.cli.app import app
from judge_service.contests.comparisons import comparisons_in
from judge_service.domain.judgments import Judgment
from judge_service.errors import InvalidOption


def asked(*argv: str) -> Result:
    return CliRunner().invoke(app, ["win-rate", *argv])


def told(*argv: str) -> Any:
    result = asked(*argv, "--json")
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


def contest(count: int = 300, labelled: int = 60) -> tuple[list[Judgment], list[dict[str, Any]]]:
    """Judgments of a judge that leans to the new model's answers, which stand second, and labels of some."""
    rng = np.random.default_rng(0)
    made, labels = [], []
    for k in range(count):
        gap = rng.normal()
        human = "x" if rng.random() < 1 / (1 + np.exp(-4 * gap)) else "y"
        said = {"human": human} if k < labelled else {}
        logit = float(2.5 * gap - 0.8)
        winner = "x" if logit > 0 else "y"
        one = judgment(
            f"c{k}", logit, candidates=("x", "y"), models={"x": "base", "y": "new"}, metadata=said,
        )  # fmt: skip
        made.append(_won(one, winner))
        if said:
            labels.append({"case_id": f"c{k}", "label": human})
    return made, labels


def _won(one: Judgment, winner: str) -> Judgment:
    verdict = type(one.verdict)(winner, *list(vars(one.verdict).values())[1:])
    return type(one)(**{**vars(one), "verdict": verdict})


def test_a_judge_that_leans_to_the_model_is_put_right_by_labels_of_a_fifth(tmp_path: Path) -> None:
    made, labels = contest()
    source, report = written(tmp_path / "j.jsonl", made), tmp_path / "report.html"
    by_field = told(source, "--label", "human", "--report", str(report))
    by_file = told(source, "--labels", write_rows(tmp_path / "l.jsonl", labels))
    assert by_field == by_file
    (few,) = by_field["few_labels"]
    assert (few["model"], few["baseline"], few["soft"]["n_labels"]) == ("new", "base", 60)
    low, high = few["soft"]["win_rate_interval"]
    assert low < 50 < high
    assert few["soft"]["judge_win_rate"] == pytest.approx(by_field["win_rate"])
    assert few["soft"]["judge_win_rate_interval"][0] > 52
    assert "as people would have it" in report.read_text()
    page = asked(source, "--label", "human").stdout
    assert "new against base, as people would have it" in page
    assert "the judge saves" in page


def test_without_labels_nothing_is_added(tmp_path: Path) -> None:
    made, _ = contest(30, 0)
    source = written(tmp_path / "j.jsonl", made)
    assert "few_labels" not in told(source)
    assert told(source, "--label", "human")["few_labels"][0]["why"] == "no comparison has both a label and a verdict"


def test_labels_drawn_with_probabilities_are_weighed(tmp_path: Path) -> None:
    made, labels = contest()
    rows = [{**row, "probability": 0.4 if k % 2 else 0.1} for k, row in enumerate(labels)]
    weights = [{**row, "weight": 2.5 if k % 2 else 10} for k, row in enumerate(labels)]
    source = written(tmp_path / "j.jsonl", made)
    by_probability = told(source, "--labels", write_rows(tmp_path / "p.jsonl", rows))["few_labels"]
    by_weight = told(source, "--labels", write_rows(tmp_path / "w.jsonl", weights))["few_labels"]
    plain = told(source, "--labels", write_rows(tmp_path / "l.jsonl", labels))["few_labels"]
    assert by_probability[0]["soft"]["win_rate"] == pytest.approx(by_weight[0]["soft"]["win_rate"])
    assert by_probability[0]["soft"]["win_rate"] != pytest.approx(plain[0]["soft"]["win_rate"])


def test_imported_annotations_take_labels_by_model_from_a_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows, labels = [], []
    for k in range(60):
        text, won = f"Task {k}", int(rng.integers(1, 3))
        rows.append({"instruction": text, "output_1": f"old {k}", "output_2": f"new {k}", "generator_1": "base",
                     "generator_2": "new", "annotator": "j", "preference": float(won)})  # fmt: skip
        labels.append({"label": ("base", "new")[won - 1]})
    source = write_rows(tmp_path / "annotations.json", rows)
    for label, one in zip(labels, comparisons_in([source]).comparisons, strict=True):
        label["case_id"] = one.case_id
    listed = told(source, "--labels", write_rows(tmp_path / "l.jsonl", labels))["few_labels"][0]
    assert (listed["model"], listed["discrete"]["n_labels"]) == ("new", 60)
    assert listed["discrete"]["rho"]["value"] == pytest.approx(1.0)
    refused = asked(source, "--label", "human")
    assert isinstance(refused.exception, InvalidOption)
