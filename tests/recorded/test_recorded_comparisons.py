"""AlpacaEval's recorded annotations, read as comparisons of named models."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from test_imported_preferences import annotation, published

from judge_service.cli.contests.win_rate_files import write_leaderboard
from judge_service.contests.comparisons import comparisons_in
from judge_service.errors import RunRefused
from judge_service.evaluation.contests.paired_rates import difference_of
from judge_service.evaluation.contests.win_rates import pairings, win_rate


def annotated(folder: Path, model: str, preferences: list[float | None]) -> str:
    rows = [annotation(f"{i}", ("one", "two"), model, p) for i, p in enumerate(preferences)]
    path = folder / f"{model}.json"
    path.write_text(json.dumps(rows))
    return str(path)


def test_every_published_row_of_the_leaderboard_comes_out_of_the_annotations(tmp_path: Path) -> None:
    board = tmp_path / "leaderboard.csv"
    models = published()
    for model, told in models.items():
        found = comparisons_in([annotated(tmp_path, model, told["pref"])])
        assert found.facts["judge"].startswith("weighted_alpaca_eval_gpt4_turbo")
        one = win_rate(found.comparisons, model, "gpt4_1106_preview")
        write_leaderboard(str(board), [one], {})
        assert len(one.comparisons) == len(told["pref"])
        assert sum(one.rate.missing.values()) == len(told["pref"]) - int(told["published"]["n_total"])
        assert one.rate.soft.standard_error == pytest.approx(one.rate.standard_error), "one answer to each prompt"
    with board.open(encoding="utf-8") as rows:
        ours = {row[""]: row for row in csv.DictReader(rows)}
    names = ("win_rate", "standard_error", "n_wins", "n_wins_base", "n_draws", "n_total", "discrete_win_rate")
    assert len(ours) == len(models) == 29
    for model, told in models.items():
        assert [float(ours[model][name]) for name in names] == pytest.approx(
            [float(told["published"][name]) for name in names], abs=1e-9
        ), model


def test_models_of_one_baseline_are_rows_of_one_finding(tmp_path: Path) -> None:
    models = published()
    some = sorted(models)[:3]
    found = comparisons_in([annotated(tmp_path, model, models[model]["pref"]) for model in some])
    assert pairings(found.comparisons) == [(model, "gpt4_1106_preview") for model in some]
    one, other = (win_rate(found.comparisons, model, "gpt4_1106_preview") for model in some[:2])
    gaps = np.asarray(models[some[0]]["pref"]) - np.asarray(models[some[1]]["pref"])
    difference = difference_of(one, other)
    assert difference.soft.value == pytest.approx(gaps.mean())
    assert difference.soft_p == pytest.approx(stats.ttest_1samp(gaps, 0.0).pvalue, rel=1e-6)


def test_annotations_of_two_judges_are_refused_unless_they_may_stand_together(tmp_path: Path) -> None:
    rows = [annotation(f"{i}", ("one", "two"), "m", 1.25) for i in range(4)]
    rows[2]["annotator"] = "other"
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps(rows))
    with pytest.raises(RunRefused, match=r"row 3 differs from annotations\.json row 1 in judge"):
        comparisons_in([str(path)])
    assert comparisons_in([str(path)], allow_mixed=True).statuses == {"judged": 4}
