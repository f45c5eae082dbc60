"""Every export loads in `datasets`, and in what else is light enough to be asked."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from alpaca_eval.metrics import get_winrate
from argilla.records._io import JsonIO
from datasets import load_dataset
from judged import PAIRS, Judged, Refused, answer, formats, ran, rows_of

ROWS = {"kto": 2 * PAIRS}
TASK = {"stepwise": "score"}
FORMATS = formats()


def known(value: Any) -> Any:
    """A row without what is null or empty, which each kind of file tells in its own way, and its numbers rounded."""
    if isinstance(value, float):
        return round(value, 9)
    if isinstance(value, dict):
        parts = {name: known(part) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part not in (None, {}, "{}")}
    return [known(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("talk", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_datasets_loads_every_format_as_it_was_written(name: str, talk: bool, judged: Judged, tmp_path: Path) -> None:
    path = judged.exported(name, "--provenance", task=TASK.get(name, "compare"), talk=talk)
    loaded = load_dataset("json", data_files=str(path), split="train", cache_dir=str(tmp_path))
    rows = rows_of(path)
    told = [known(row) for row in loaded.to_list()]
    assert told == [known(row) for row in rows]
    # The case that could not be judged is in none, and the one with equal answers in no pair.
    assert len(rows) in (ROWS.get(name, PAIRS), PAIRS + 1)
    assert not any("without answers" in json.dumps(row) for row in rows)


@pytest.mark.parametrize("name", FORMATS)
def test_rankings_load_too(name: str, judged: Judged, tmp_path: Path) -> None:
    if name in ("stepwise", "alpaca-eval"):
        assert rows_of(judged.exported(name, task="rank")) == []
        return
    path = judged.exported(name, task="rank")
    loaded = load_dataset("json", data_files=str(path), split="train", cache_dir=str(tmp_path))
    assert len(loaded) == len(rows_of(path)) >= PAIRS


@pytest.mark.parametrize("name", FORMATS)
def test_parquet_holds_what_the_lines_hold(name: str, judged: Judged, tmp_path: Path) -> None:
    task = TASK.get(name, "compare")
    lines = judged.exported(name, "--provenance", task=task)
    try:
        table = judged.exported(name, "--provenance", task=task, kind="parquet")
    except Refused as e:
        if "Parquet is not read or written yet" in str(e):
            pytest.skip("export writes no Parquet yet")
        raise
    loaded = load_dataset("parquet", data_files=str(table), split="train", cache_dir=str(tmp_path))
    assert [known(row) for row in loaded.to_list()] == [known(row) for row in rows_of(lines)]


def test_argilla_reads_its_records(judged: Judged) -> None:
    path = judged.exported("argilla", task="rank", kind="json")
    records = JsonIO._records_from_json(path)
    rows = json.loads(path.read_text())
    assert [record.id for record in records] == [row["id"] for row in rows]
    assert [record.id for record in records if not list(record.suggestions)] == ["same"]
    for record in records:
        if record.id == "same":
            continue
        (suggestion,) = record.suggestions
        best = suggestion.value[0]
        # The names that its Settings.for_ranking gives; asking for them takes a server.
        assert suggestion.question_name == "ranking"
        assert list(record.fields)[:3] == ["instruction", "response1", "response2"]
        assert "(worth 9)" in record.fields[best]


def test_alpaca_eval_finds_the_win_rate_in_our_annotations(judged: Judged) -> None:
    path = judged.exported("alpaca-eval", kind="json")
    annotations = pd.read_json(path)
    told = get_winrate(annotations)
    # The second answer is the better one of every other case, and the last case is a tie.
    assert (told["n_total"], told["n_draws"]) == (PAIRS + 1, 1)
    assert told["n_wins"] == told["n_wins_base"] == PAIRS // 2
    assert told["win_rate"] == pytest.approx(100 * (annotations["preference"] - 1).mean())


def test_alpaca_eval_comes_to_the_same_leaderboard_row_as_win_rate(tmp_path: Path) -> None:
    sides = []
    for model, worth in (("new", 3), ("base", 2)):
        rows = [
            {"instruction": f"Question {i}?", "output": answer(worth + i % 3, i) * (i % 4 + 1), "generator": model}
            for i in range(12)
        ]
        sides.append(str(tmp_path / f"{model}.json"))
        Path(sides[-1]).write_text(json.dumps(rows))
    told, board = str(tmp_path / "annotations.json"), str(tmp_path / "leaderboard.csv")
    ran("win-rate", *sides, "--offline", "--quiet", "--annotations", told, "--leaderboard", board)
    theirs = get_winrate(pd.read_json(told))
    ours = pd.read_csv(board, index_col=0).loc["new"]
    for name in ("win_rate", "standard_error", "n_wins", "n_wins_base", "n_draws", "n_total", "discrete_win_rate"):
        assert ours[name] == pytest.approx(theirs[name]), name
