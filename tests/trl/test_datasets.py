"""Every export loads in `datasets`, and in what else is light enough to be asked."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from alpaca_eval.metrics import get_winrate
from argilla.records._io import JsonIO
from datasets import load_dataset
from judged import PAIRS, Judged, formats, ran, rows_of

ROWS = {"kto": 2 * PAIRS}
TASK = {"stepwise": "score"}
FORMATS = formats()


def known(value: Any) -> Any:
    """A row without what is null, which `datasets` gives all rows, its numbers as exact as it reads them."""
    if isinstance(value, float):
        return round(value, 9)
    if isinstance(value, dict):
        return {name: known(part) for name, part in value.items() if part not in (None, {})}
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
    table = tmp_path / "rows.parquet"
    told = [str(judged.judgments(task, False)), "--cases", str(judged.folder / f"{task}.in.jsonl"), "--provenance"]
    ended = ran("export", *told, "-o", str(table), "--format", name, "--quiet", may_be=(0, 2))
    if "Parquet is not read or written yet" in ended.stderr:
        pytest.skip("export writes no Parquet yet")
    assert ended.returncode == 0, ended.stderr
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
