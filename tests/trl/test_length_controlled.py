"""The length-controlled win rate is that of alpaca_eval's own code, on made-up annotations of several shapes.

What it downloads, the difficulties and the gamed baselines' judgments, is made up for both.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from alpaca_eval.metrics import glm_winrate

from judge_service.evaluation.contests.alpaca_length import alpaca_length_controlled
from judge_service.evaluation.contests.difficulty import difficulties_in

CLOSE = 1e-6
"""In percentage points; what was asked for is 0.05."""
FORMULAS = ("length_controlled_v1", "length_controlled_noreg", "length_controlled_minimal")


class Made(NamedTuple):
    """Annotations and gamed baselines' rows."""

    annotations: pd.DataFrame
    gamed: pd.DataFrame


def made(seed: int, n: int, kind: str, level: float, bias: float = -0.8) -> Made:
    """A model that is so good by a judge that likes length so much."""
    draw = np.random.default_rng(seed)
    hard = draw.normal(size=n)
    baseline = draw.integers(50, 3000, n)
    model = np.clip(baseline + draw.normal(draw.normal(0, 400), 500, n), 1, None).astype(int)
    gap = baseline - model
    chance = 1 / (1 + np.exp(-(level + bias * np.tanh(gap / gap.std()) + 0.6 * hard)))
    preferences = {
        "hard": lambda: (draw.random(n) < chance).astype(float),
        "soft": lambda: draw.beta(3 * chance + 1e-9, 3 * (1 - chance) + 1e-9),
        "sharp": lambda: draw.beta(0.05 * chance + 1e-9, 0.05 * (1 - chance) + 1e-9),
        "ties": lambda: np.where(draw.random(n) < 0.2, 0.5, draw.random(n) < chance),
    }[kind]()
    told = pd.DataFrame(
        {
            "instruction": [f"Question {i}?" for i in range(n)],
            "output_1": ["é" * int(length) for length in baseline],
            "output_2": ["x" * int(length) for length in model],
            "generator_1": "baseline",
            "generator_2": "model",
            "annotator": "judge",
            "preference": preferences + 1.0,
        }
    )
    return Made(told, pd.concat([gamed(draw, hard, lean) for lean in (1.5, -1.5)]))


def gamed(draw: np.random.Generator, hard: np.ndarray, lean: float) -> pd.DataFrame:
    """The baseline told to be brief or wordy, judged against itself."""
    length = draw.normal(lean, 0.5, len(hard))
    chance = 1 / (1 + np.exp(0.9 * length))
    return pd.DataFrame(
        {
            "preference": draw.beta(chance, 1 - chance),
            "index": range(len(hard)),
            "std_delta_len": length,
            "instruction_difficulty": hard,
            "not_gamed_baseline": False,
            "model": f"gamed {lean}",
        }
    )


def theirs(told: Made, formula: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What alpaca_eval makes of it, with the file at hand that it would download."""
    path = folder / "df_gamed.csv"
    told.gamed.to_csv(path, index=False)
    monkeypatch.setattr(glm_winrate, "hf_hub_download", lambda **_: str(path))
    return glm_winrate.get_length_controlled_winrate(
        told.annotations.copy(), glm_name=formula, save_weights_dir=None, is_warn_extreme_changes=False
    )


def ours(told: Made, formula: str) -> Any:
    """What we make of it; AlpacaEval writes a tie as 1.5 or 0, and what was not judged as NaN."""
    rows = told.annotations
    softs = [None if np.isnan(p) else 0.5 if p == 0.0 else float(p) - 1.0 for p in rows["preference"]]
    lengths = [(len(one), len(other)) for one, other in zip(rows["output_2"], rows["output_1"], strict=True)]
    if formula == "length_controlled_minimal":
        return alpaca_length_controlled(softs, lengths)
    read = difficulties_in((f"df_gamed.csv:{i}", row) for i, row in enumerate(told.gamed.to_dict("records"), 2))
    hard = [read.by_key[str(place)] for place in range(len(rows))]
    return alpaca_length_controlled(softs, lengths, hard, read.gamed if formula == "length_controlled_v1" else ())


def same(told: Made, formula: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    known, found = theirs(told, formula, folder, monkeypatch), ours(told, formula)
    assert found.formula == formula
    assert found.win_rate == pytest.approx(known["length_controlled_winrate"], abs=CLOSE)
    assert (found.standard_error or 0.0) == pytest.approx(known["lc_standard_error"], abs=CLOSE)
    return found


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("kind", ["hard", "soft", "sharp", "ties"])
@pytest.mark.parametrize("n", [40, 200, 805])
def test_it_is_the_same_for_models_of_any_strength(n, kind, formula, tmp_path, monkeypatch):
    for seed, level in enumerate((-3.0, 0.0, 2.0)):
        found = same(made(seed + n, n, kind, level), formula, tmp_path, monkeypatch)
        assert found.n == n


@pytest.mark.parametrize("formula", FORMULAS)
def test_it_is_the_same_with_rows_that_were_not_judged_and_ties_written_as_nought(formula, tmp_path, monkeypatch):
    told = made(5, 300, "ties", 0.3)
    told.annotations.loc[told.annotations["preference"] == 1.5, "preference"] = 0.0
    told.annotations.loc[[3, 77, 299], "preference"] = np.nan
    assert same(told, formula, tmp_path, monkeypatch).n == 297


@pytest.mark.parametrize("formula", FORMULAS)
def test_it_is_the_same_where_the_gamed_baselines_have_rows_of_others_and_rows_not_judged(
    formula, tmp_path, monkeypatch
):
    told = made(6, 200, "soft", -1.0)
    told.gamed["not_gamed_baseline"] = np.arange(400) % 7 == 0
    told.gamed["preference"] = told.gamed["preference"].where(np.arange(400) % 11 != 0)
    same(told, formula, tmp_path, monkeypatch)


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_model_that_hardly_wins_or_loses_has_the_number_that_alpaca_eval_reports(formula, tmp_path, monkeypatch):
    lost = same(made(2, 200, "hard", -5.0, bias=0.0), formula, tmp_path, monkeypatch)
    assert bool(lost.caveat) == (formula != "length_controlled_v1")
    assert not same(made(2, 200, "hard", 5.0, bias=0.0), formula, tmp_path, monkeypatch).caveat


def test_its_weights_are_theirs(tmp_path, monkeypatch):
    told = made(1, 400, "soft", -0.5)
    monkeypatch.setattr(glm_winrate, "hf_hub_download", lambda **_: str(tmp_path / "df_gamed.csv"))
    told.gamed.to_csv(tmp_path / "df_gamed.csv", index=False)
    glm_winrate.get_length_controlled_winrate(told.annotations.copy(), save_weights_dir=tmp_path)
    known = pd.read_csv(tmp_path / "length_controlled_v1" / "baseline_baseline.csv", index_col=0).loc["model"]
    assert ours(told, "length_controlled_v1").weights == pytest.approx(known.to_dict(), abs=CLOSE)
