"""audit verbosity: what was planted is found, and what was not is not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from emulated import serving
from labelled_files import judgment, written
from programs import ran, write_rows
from typer.testing import CliRunner

from judge_service.cli.app import app
from judge_service.domain.judgments import Judgment
from judge_service.errors import InvalidRequest


def asked(*argv: str) -> Result:
    return CliRunner().invoke(app, ["audit", "verbosity", *argv])


def judged(count: int, lean: float, seed: int = 0) -> tuple[list[Judgment], list[dict[str, Any]], list[dict[str, Any]]]:
    """Judgments, cases and people's labels; the judge adds `lean` logits to the longer answer."""
    rng = np.random.default_rng(seed)
    made, cases, labels = [], [], []
    for k in range(count):
        gap, sizes = rng.normal(), rng.integers(1, 60, 2)
        logit = 2 * gap + rng.normal() + lean * np.sign(sizes[0] - sizes[1])
        case = {
            "id": f"c{k}",
            "prompt": f"Task {k}",
            "candidates": [{"id": "a", "content": "a" * int(sizes[0])}, {"id": "b", "content": "b" * int(sizes[1])}],
        }
        same = bool(abs(gap) < 0.5)
        made.append(judgment(f"c{k}", float(logit), case=case, metadata={"grades": [3, 3] if same else [2, 4]}))
        cases.append(case)
        labels.append({"case_id": f"c{k}", "label": "a" if rng.random() < 1 / (1 + np.exp(-3 * gap)) else "b"})
    return made, cases, labels


@pytest.mark.parametrize("lean", [0.0, 1.5])
def test_what_was_planted_is_found_and_what_was_not_is_not(tmp_path: Path, lean: float) -> None:
    made, _, labels = judged(600, lean)
    source, told = written(tmp_path / "j.jsonl", made), write_rows(tmp_path / "l.jsonl", labels)
    report = tmp_path / "report.html"
    result = asked(source, "--labels", told, "--json", "--report", str(report))
    assert result.exit_code == 0, result.exception
    found = json.loads(result.stdout)
    assert found["identified"] == "labels"
    assert (found["bias"]["low"] > 0.1) == (lean > 0)
    assert (found["bias"]["low"] < 0 < found["bias"]["high"]) == (lean == 0)
    assert sum(each["pairs"] for each in found["bins"]) == found["pairs"]
    assert "Verbosity" in report.read_text()
    over = asked(source, "--labels", told, "--fail-over", "0.1")
    assert over.exit_code == (3 if lean else 0)
    assert "where they preferred the longer" in over.stdout


def test_without_labels_it_is_not_identified_but_by_pairs_of_one_quality(tmp_path: Path) -> None:
    made, _, _ = judged(400, 1.5)
    source = written(tmp_path / "j.jsonl", made)
    bare = asked(source)
    assert bare.exit_code == 3
    assert "not identified" in bare.stdout
    matched = asked(source, "--quality", "grades", "--json")
    assert matched.exit_code == 0
    found = json.loads(matched.stdout)
    assert found["identified"] == "quality"
    assert found["matched"]["low"] > 0.1


def test_texts_come_from_the_file_that_was_judged_or_are_missed(tmp_path: Path) -> None:
    made, _, labels = judged(20, 0.0)
    bare = [judgment(one.case_id, one.verdict.logit) for one in made]
    source, told = written(tmp_path / "j.jsonl", bare), write_rows(tmp_path / "l.jsonl", labels)
    result = asked(source, "--labels", told)
    assert isinstance(result.exception, InvalidRequest)
    assert "20 without texts" in result.exception.message
    assert "--cases FILE" in result.exception.message


async def test_by_way_of_the_product_with_texts_from_the_file_that_was_judged(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    rows = []
    for k in range(200):
        gap, sizes = rng.normal(), rng.integers(1, 80, 2)
        texts = [
            f"{'x' * int(size)} (worth {5 + sign * gap / 2:.3f})" for size, sign in zip(sizes, (1, -1), strict=True)
        ]
        human = "a" if rng.random() < 1 / (1 + np.exp(-3 * gap)) else "b"
        rows.append({"id": f"c{k}", "prompt": f"Task {k}", "candidates": texts, "human": human})
    source, out = write_rows(tmp_path / "in.jsonl", rows), str(tmp_path / "out.jsonl")
    async with serving(verbosity=1.0, noise=0.5) as (emulator, _):
        flags = ["--judge-url", emulator.url, "--model", "emulator", "--method", "direct", "--quiet"]
        assert (await ran("compare", source, "-o", out, *flags)).code == 0
    ended = await ran("audit", "verbosity", out, "--label", "human", "--cases", source, "--json")
    assert ended.code == 0, ended.err
    bias = json.loads(ended.out)["bias"]
    assert bias["low"] > 0.1
