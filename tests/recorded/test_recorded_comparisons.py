"""AlpacaEval's recorded annotations, read as comparisons of named models."""

import json
from pathlib import Path

import pytest
from test_imported_preferences import annotation, published

from judge_service.contests.comparisons import comparisons_in
from judge_service.errors import RunRefused


def test_annotations_of_every_model_are_comparisons_with_its_counts(tmp_path: Path) -> None:
    for model, told in published().items():
        rows = [annotation(f"{i}", ("one", "two"), model, p) for i, p in enumerate(told["pref"])]
        path = tmp_path / "annotations.json"
        path.write_text(json.dumps(rows))
        found = comparisons_in([str(path)])
        assert {c.models for c in found.comparisons} == {("gpt4_1106_preview", model)}
        judged = [c.turned() for c in found.comparisons if c.is_judged]
        assert len(judged) == int(told["published"]["n_total"])
        assert found.statuses.get("unscored", 0) == len(rows) - len(judged)
        assert 100 * sum(c.soft for c in judged) / len(judged) == pytest.approx(float(told["published"]["win_rate"]))
        assert len({c.prompt for c in found.comparisons}) == len(rows)
        assert found.facts["judge"].startswith("weighted_alpaca_eval_gpt4_turbo")


def test_annotations_of_two_judges_are_refused_unless_they_may_stand_together(tmp_path: Path) -> None:
    rows = [annotation(f"{i}", ("one", "two"), "m", 1.25) for i in range(4)]
    rows[2]["annotator"] = "other"
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps(rows))
    with pytest.raises(RunRefused, match=r"row 3 differs from annotations\.json row 1 in judge"):
        comparisons_in([str(path)])
    assert comparisons_in([str(path)], allow_mixed=True).statuses == {"judged": 4}
