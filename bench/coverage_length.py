"""How often the interval of a win rate at equal length, or at equal style, holds the truth, and what bias is left.

    python bench/coverage_length.py [--runs 1000] [--alpaca-runs 100]

Verdicts are simulated: the first model's answers are longer, or have more markdown, by half a standard difference, the
judge likes that, and verdicts on answers to one prompt hang together (a Gaussian copula). Then the truth at no
difference is known. The last part takes AlpacaEval's `lc_standard_error` for an error of its win rate, and counts how
often twice of it holds the truth.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from judge_service.evaluation.contests.alpaca_length import AlpacaLengthControlled, alpaca_length_controlled
from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.evaluation.contests.controls import Controlled
from judge_service.evaluation.contests.length_control import length_controlled
from judge_service.evaluation.contests.style import style_controlled
from judge_service.statistics.logistic import sigmoid

FloatArray = npt.NDArray[np.float64]
WITHIN = 0.36
"""The share of the variance of lengths, and of what verdicts are drawn from, that a prompt's answers have in common."""
BASE = 300


class Setting(NamedTuple):
    """What is simulated: a true level in logits, a liking in logits per standard difference."""

    prompts: int
    answers: int
    level: float
    liking: float


SETTINGS = (
    Setting(60, 4, 0.0, 0.8),
    Setting(200, 4, 0.0, 0.8),
    Setting(200, 4, 1.0, 0.8),
    Setting(200, 4, -2.0, 0.8),
    Setting(805, 1, 0.0, 0.8),
    Setting(200, 4, 0.0, 0.0),
)


def together(draw: np.random.Generator, prompts: int, answers: int) -> FloatArray:
    """Standard normal numbers that have a part in common within a prompt."""
    own = draw.normal(size=(prompts, 1)) * WITHIN**0.5
    return np.asarray(own + draw.normal(size=(prompts, answers)) * (1.0 - WITHIN) ** 0.5)


def verdicts(draw: np.random.Generator, leans: FloatArray) -> FloatArray:
    """1 where the first wins, each with the probability that its lean says."""
    return np.asarray((norm.cdf(together(draw, *leans.shape)) < sigmoid(leans)).astype(float))


def compared(softs: FloatArray, texts: Callable[[int, int], tuple[str, str]]) -> list[Comparison]:
    """The verdicts as comparisons of two models."""
    return [
        Comparison(f"{p}.{k}", f"p{p}", ("new", "old"), "judged", float(soft), float(soft), texts=texts(p, k))
        for p, row in enumerate(softs)
        for k, soft in enumerate(row)
    ]


def of_lengths(setting: Setting, seed: int) -> list[Comparison]:
    """A judge that likes length."""
    draw = np.random.default_rng(seed)
    lengths = np.maximum(np.round(BASE * (1.0 + 0.3 * (0.5 + together(draw, setting.prompts, setting.answers)))), 1)
    gaps = lengths - BASE
    softs = verdicts(draw, setting.level + setting.liking * np.tanh(gaps / gaps.std(ddof=1)))
    return compared(softs, lambda p, k: ("x" * int(lengths[p, k]), "y" * BASE))


def of_styles(setting: Setting, seed: int) -> list[Comparison]:
    """A judge that likes bold words and lists."""
    draw = np.random.default_rng(seed)
    bold, lists = (draw.poisson(mean, (setting.prompts, setting.answers)) for mean in (5.0, 3.0))
    gaps = [(count - 2) / (count + 2) for count in (bold, lists)]
    leans = setting.level + setting.liking * sum(gap / np.sqrt((gap**2).mean()) for gap in gaps) / 2.0
    softs = verdicts(draw, np.asarray(leans))
    other = "**b** " * 2 + "\n- a\n- b" + " " * BASE
    texts = [["**b** " * int(b) + "\n" for b in row] for row in bold]
    return compared(
        softs, lambda p, k: ((texts[p][k] + "- a\n" * int(lists[p, k])).ljust(BASE + 7 * int(bold[p, k])), other)
    )


def measured(name: str, setting: Setting, found: list[Controlled]) -> str:
    """A line: raw and controlled means, and how often the interval holds the truth."""
    truth = float(sigmoid(np.asarray(setting.level)))
    raw = np.mean([one.raw.value for one in found if one.raw])
    rates = [one.rate for one in found if one.rate]
    held = np.mean([one.low <= truth <= one.high for one in rates if one.low is not None and one.high is not None])
    return (
        f"{name:8s} {setting.prompts:4d} x {setting.answers}  true {100 * truth:5.1f}%  raw {100 * raw:5.1f}%  "
        f"controlled {100 * np.mean([one.value for one in rates]):5.1f}%  held {100 * held:5.1f}%  of {len(rates)}"
    )


def alpaca(runs: int) -> str:
    """How often lc_standard_error, taken for an error, holds the truth."""
    held = 0
    for seed in range(runs):
        draw = np.random.default_rng(seed)
        hard, gaps = draw.normal(size=805), np.round(draw.normal(200, 400, 805))
        softs = verdicts(draw, (-0.8 * np.tanh(-gaps / gaps.std(ddof=1)) + 0.6 * hard)[:, None])[:, 0]
        found = alpaca_length_controlled(softs.tolist(), [(3000 + int(gap), 3000) for gap in gaps], hard.tolist())
        assert isinstance(found, AlpacaLengthControlled)
        assert found.standard_error is not None
        held += abs(found.win_rate - 50.0) <= 1.96 * found.standard_error
    return f"AlpacaEval's lc_standard_error, 805 hard verdicts: twice of it holds the truth in {100 * held / runs:.0f}%"


def main() -> None:
    """Prints a line to each setting."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=1000)
    options.add_argument("--alpaca-runs", type=int, default=100)
    told = options.parse_args()
    for setting in SETTINGS:
        print(measured("length", setting, [length_controlled(of_lengths(setting, s)) for s in range(told.runs)]))
    for setting in SETTINGS[1:4]:
        print(measured("style", setting, [style_controlled(of_styles(setting, s)) for s in range(told.runs)]))
    print(alpaca(told.alpaca_runs))


if __name__ == "__main__":
    main()
