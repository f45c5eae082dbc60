"""route: a queue of cases for people, and its replay."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from labelled_files import judged_by_two, judgment, written
from programs import write_rows
from typer.testing import CliRunner

from judge_service.cli.app import app
from judge_service.errors import InvalidOption, InvalidRequest


def asked(*argv: str) -> Result:
    return CliRunner().invoke(app, ["route", *argv])


def queue(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_queue_has_the_budgets_cases_the_least_certain_first(tmp_path: Path) -> None:
    made, _, _ = judged_by_two(200)
    bare = [judgment(one.case_id, one.verdict.logit) for one in made]
    out = tmp_path / "queue.jsonl"
    result = asked(written(tmp_path / "j.jsonl", bare), "--budget", "20", "-o", str(out))
    assert result.exit_code == 0, result.exception
    rows = queue(out)
    assert [row["rank"] for row in rows] == list(range(1, 21))
    logits = {one.case_id: abs(one.verdict.logit) for one in bare}
    assert [row["case_id"] for row in rows] == sorted(logits, key=logits.__getitem__)[:20]
    assert rows[0]["method"] == "uncertainty"
    assert rows[0]["why"] == "near to even"


def test_labels_teach_it_and_are_not_queued(tmp_path: Path) -> None:
    made, _, _ = judged_by_two(300)
    labels = [{"case_id": one.case_id, "label": one.metadata["human"]} for one in made[:100]]
    out = tmp_path / "queue.jsonl"
    argv = ["--labels", write_rows(tmp_path / "l.jsonl", labels), "--budget", "50", "-o", str(out), "--json"]
    result = asked(written(tmp_path / "j.jsonl", made), *argv)
    told = json.loads(result.stdout)
    assert told["method"] == "hybrid"
    assert not {row["case_id"] for row in queue(out)} & {row["case_id"] for row in labels}
    assert told["expected_accuracy"] > told["expected_as_judged"]
    truth = {one.case_id: one.metadata["human"] == one.verdict.winner for one in made[100:]}
    sent = {row["case_id"] for row in queue(out)}
    mixed = (100 + sum(right or name in sent for name, right in truth.items())) / 300
    assert told["expected_accuracy"] == pytest.approx(mixed, abs=0.06)


def test_a_replay_compares_every_method_with_chance(tmp_path: Path) -> None:
    made, _, _ = judged_by_two(600)
    report = tmp_path / "replay.html"
    argv = [written(tmp_path / "j.jsonl", made), "--label", "human", "--replay"]
    told = json.loads(asked(*argv, "--json", "--report", str(report)).stdout)
    methods = {one["method"]: one for one in told["methods"]}
    assert set(methods) == {"uncertainty", "rlthf", "hybrid", "random"}
    fifth = methods["uncertainty"]["steps"][2]
    assert fifth["budget"] == 120
    assert fifth["gain_over_random"]["low"] > 0
    assert fifth["errors_found"] > 0.3
    assert methods["random"]["steps"][2]["gain_over_random"]["low"] < 0
    assert "name no authors" in methods["rlthf"]["why"]
    assert told["errors"] == sum(one.verdict.winner != one.metadata["human"] for one in made)
    assert "Routing, replayed" in report.read_text()
    page = asked(*argv, "--budget", "60").stdout
    assert "60 by people" in page
    assert "rlthf: not replayed" in page


def test_a_reward_model_that_learnt_the_labels_finds_those_that_do_not_fit_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=200)
    flipped = rng.random(200) < 0.15
    made = [
        judgment(f"c{k}", float(-t if flip else t), metadata={"human": "a" if t > 0 else "b"})
        for k, (t, flip) in enumerate(zip(truth, flipped, strict=True))
    ]
    model = [judgment(f"c{k}", float(2 * t)) for k, t in enumerate(truth)]
    argv = [
        "--second",
        written(tmp_path / "rm.jsonl", model),
        "--label",
        "human",
        "--replay",
        "--budget",
        "30",
        "--json",
    ]
    told = json.loads(asked(written(tmp_path / "j.jsonl", made), *argv).stdout)
    rlthf = next(one for one in told["methods"] if one["method"] == "rlthf")
    assert rlthf["steps"][0]["errors_found"] > 0.8


@pytest.mark.parametrize(
    ("argv", "error", "message"),
    [
        ((), InvalidOption, "say how many cases people can label"),
        (
            ("--budget", "5", "-o", "q.jsonl", "--method", "taste"),
            InvalidOption,
            "--method is one of auto, uncertainty",
        ),
        (("--budget", "5", "-o", "q.jsonl", "--method", "hybrid"), InvalidRequest, "30 labels or more"),
        (("--replay", "--label", "human", "-o", "q.jsonl"), InvalidOption, "--replay queues nothing"),
        (("--replay",), InvalidOption, "say where the labels are"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...], error: type, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = asked(written(tmp_path / "j.jsonl", [judgment(f"c{k}", 1.0) for k in range(5)]), *argv)
    assert isinstance(result.exception, error)
    assert message in result.exception.message
