"""AlpacaEval's recorded preferences, imported: what was published of them comes out of the stored verdicts."""

import gzip
import json
from collections.abc import Mapping
from typing import Any

import pytest
from recorded import DATA
from test_replayed_judges import lines

from judge_service.batch.imported import Importing
from judge_service.domain.judgments import Judgment
from judge_service.files.reading import Row
from judge_service.imports import SOURCES
from judge_service.imports.joined import Texts
from judge_service.library import open_library
from judge_service.protocols.again import Anew, settled_again

ANNOTATOR = "weighted_alpaca_eval_gpt4_turbo"


def imported(rows: list[dict[str, Any]]) -> list[Judgment]:
    importing = Importing("alpaca-eval", SOURCES["alpaca-eval"], Texts(), open_library())
    return [importing.judgment(Row(f"row {i}", row)) for i, row in enumerate(rows, 1)]


def annotation(instruction: str, outputs: tuple[str, str], model: str, preference: float) -> dict[str, Any]:
    return {
        "instruction": instruction,
        "output_1": outputs[0],
        "generator_1": "gpt4_1106_preview",
        "output_2": outputs[1],
        "generator_2": model,
        "annotator": ANNOTATOR,
        "preference": preference,
    }


def test_every_annotation_becomes_a_verdict_with_its_texts_and_none_a_failure() -> None:
    items = {item["item_id"]: item for item in lines("alpaca_eval/items.jsonl.gz")}
    calls = lines("alpaca_eval/judgments.jsonl.gz")
    rows = [
        annotation(item["prompt"], tuple(item["candidates"]), "model", call["meta"]["preference"])
        for call in calls
        for item in [items[call["item_id"]]]
    ]
    found = imported(rows)
    assert len(found) == 2415
    assert {judgment.status for judgment in found} == {"judged"}
    for judgment, call in zip(found, calls, strict=True):
        assert 1 - judgment.verdict.probability == pytest.approx(call["meta"]["preference"] - 1, abs=1e-12)
        assert judgment.verdict.winner == {"A": "a", "B": "b"}.get(call["parsed_verdict"], "tie")
        assert settled_again(judgment, Anew(combine="mean-probability"), {}) == judgment


def published() -> Mapping[str, Any]:
    path = DATA / "alpaca_eval" / "preferences_all_models.json.gz"
    if not path.exists():
        pytest.skip(f"no recorded judges at {DATA} (set JUDGE_RECORDED_DATA)")
    with gzip.open(path, "rt", encoding="utf-8") as told:
        models: Mapping[str, Any] = json.load(told)
        return models


def test_the_published_rates_of_all_models_come_out_of_imported_verdicts() -> None:
    models = published()
    assert len(models) == 29
    for model, told in models.items():
        rows = [annotation(f"{i}", ("one", "two"), model, p) for i, p in enumerate(told["pref"])]
        found = imported(rows)
        known = [judgment.verdict for judgment in found if judgment.status == "judged"]
        assert len(known) == int(told["published"]["n_total"])
        rate = 100 * sum(1 - verdict.probability for verdict in known) / len(known)
        assert rate == pytest.approx(float(told["published"]["win_rate"]), abs=1e-9), model
        winners = [verdict.winner for verdict in known]
        counts = {"n_wins": winners.count("b"), "n_wins_base": winners.count("a"), "n_draws": winners.count("tie")}
        assert counts == {name: int(float(told["published"][name])) for name in counts}, model
