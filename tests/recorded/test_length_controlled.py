"""How far the length-controlled win rate is from what AlpacaEval published, for want of the file it takes.

Its difficulties and its gamed baselines' judgments (df_gamed.csv) are in no repository, and so the published value
cannot be reached. Run with -s to see every model's distance.
"""

import csv
import gzip
import json
from collections.abc import Mapping
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pytest
from recorded import DATA

from judge_service.evaluation.contests.alpaca_length import AlpacaLengthControlled, alpaca_length_controlled
from judge_service.statistics.logistic import fit_logistic

FOLDER = DATA / "alpaca_eval"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recorded judges at {FOLDER}")


class Recorded(NamedTuple):
    """One model's preferences and lengths, and what was published of it: percent."""

    softs: list[float]
    lengths: list[tuple[int, int]]
    published: float
    weights: tuple[float, float, float]

    def tanh(self) -> Any:
        gaps = np.asarray([baseline - model for model, baseline in self.lengths], dtype=float)
        return np.tanh(gaps / gaps.std(ddof=1))


@pytest.fixture(scope="module")
def recorded() -> Mapping[str, Recorded]:
    """The models whose lengths are all recorded."""
    with gzip.open(FOLDER / "preferences_all_models.json.gz", "rt") as file:
        models = json.load(file)
    with (FOLDER / "published_lc_weights.csv").open() as file:
        weights = {row[0]: tuple(map(float, row[1:])) for row in list(csv.reader(file))[1:]}
    return {
        name: Recorded(
            [0.5 if told == 0.0 else told - 1.0 for told in model["pref"]],
            list(zip(model["len2"], model["len1"], strict=True)),
            float(model["published"]["length_controlled_winrate"]),
            weights[name],
        )
        for name, model in models.items()
        if None not in [*model["len1"], *model["len2"]]
    }


@pytest.fixture(scope="module")
def difficulties(recorded: Mapping[str, Recorded]) -> list[float]:
    """What the verdicts of all models say of each instruction, under the weights that were published of the models."""
    models = list(recorded.values())
    slopes = np.asarray([[model.weights[1]] for model in models])
    levels = np.asarray([model.weights[0] * model.tanh() + model.weights[2] for model in models])
    softs = np.asarray([model.softs for model in models])
    return [
        float(fit_logistic(slopes, softs[:, place], offset=levels[:, place], ridge=1.0).coefficients[0])
        for place in range(softs.shape[1])
    ]


def distances(recorded: Mapping[str, Recorded], difficulties: list[float] | None) -> dict[str, float]:
    far = {}
    for name, model in recorded.items():
        found = alpaca_length_controlled(model.softs, model.lengths, difficulties)
        assert isinstance(found, AlpacaLengthControlled)
        far[name] = found.win_rate - model.published
        print(f"{name:32s} published {model.published:6.2f}  ours {found.win_rate:6.2f}  {far[name]:+6.2f}")
    sizes = [abs(distance) for distance in far.values()]
    print(f"{len(far)} models: median {median(sizes):.2f}, mean {np.mean(sizes):.2f}, at most {max(sizes):.2f} points")
    return far


def test_without_difficulties_the_published_value_is_missed_by_points(recorded):
    far = distances(recorded, None)
    assert len(far) == 26
    assert median(map(abs, far.values())) == pytest.approx(4.18, abs=0.05)
    assert max(far, key=lambda name: abs(far[name])) == "gpt4_gamed"


def test_with_difficulties_guessed_from_all_models_it_is_missed_by_less_than_a_point_for_most(recorded, difficulties):
    far = distances(recorded, difficulties)
    assert median(map(abs, far.values())) == pytest.approx(0.77, abs=0.05)
    assert sum(abs(distance) < 2.0 for distance in far.values()) == 21
