"""How often stopping early decides wrongly where there is nothing to decide, and how many prompts it needs elsewhere.

    python bench/coverage_stopping.py [--runs 4000] [--prompts 2000] [--alpha 0.05]

Soft verdicts are drawn from a beta distribution of concentration 6 (a judge that is fairly sure), hard ones are votes
with these as probabilities, and with four answers a prompt the values are means of four such votes. Each run is looked
at after every prompt. The first table has a win rate of one half: whatever is decided is wrong. `naive` is the interval
of a fixed number, looked at after every prompt from the 21st on. The second has the mean number of prompts until it is
decided, runs that did not come to it counted whole.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from judge_service.statistics.asymptotic_sequence import LEAST, radius, tuned
from judge_service.statistics.betting import Numbers, log_capitals

CONCENTRATION: Final = 6.0
STRETCH: Final = 200
RATES: Final = (0.52, 0.53, 0.55, 0.6, 0.7)
KINDS: Final = ("soft", "hard", "four answers")


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=4000)
    parser.add_argument("--prompts", type=int, default=2000)
    parser.add_argument("--alpha", type=float, default=0.05)
    told = parser.parse_args()
    print(f"wrong decisions at a win rate of one half, {told.runs:,} runs of {told.prompts:,} prompts, in percent")
    for kind in KINDS:
        stops = stopped(kind, 0.5, told.runs, told.prompts, told.alpha)
        shares = "  ".join(f"{way} {100 * (stop <= told.prompts).mean():5.2f}" for way, stop in stops.items())
        print(f"  {kind:14}{shares}")
    print("prompts until it is decided: mean (of runs decided, in percent)")
    for rate in RATES:
        for kind in KINDS:
            stops = stopped(kind, rate, told.runs // 4, told.prompts, told.alpha)
            counts = "  ".join(
                f"{way} {np.minimum(stop, told.prompts).mean():7.1f} ({100 * (stop <= told.prompts).mean():.0f})"
                for way, stop in stops.items()
                if way != "naive"
            )
            print(f"  {rate:.2f} {kind:14}{counts}")


def stopped(kind: str, rate: float, runs: int, prompts: int, alpha: float) -> Mapping[str, Numbers]:
    """After which prompt each run stopped, by way of deciding; prompts + 1 where it did not."""
    draws = np.random.default_rng(11)
    ways: dict[str, list[Numbers]] = {}
    for start in range(0, runs, STRETCH):
        values = _values(draws, kind, rate, (min(STRETCH, runs - start), prompts))
        for way, decides in WAYS.items():
            hits = decides(values, alpha)
            first = np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, prompts + 1)
            ways.setdefault(way, []).append(first.astype(np.float64))
    return {way: np.concatenate(parts) for way, parts in ways.items()}


def _values(draws: np.random.Generator, kind: str, rate: float, shape: tuple[int, int]) -> Numbers:
    leaning = draws.beta(CONCENTRATION * rate, CONCENTRATION * (1.0 - rate), size=shape)
    if kind == "soft":
        return leaning
    answers = 1 if kind == "hard" else 4
    return draws.binomial(answers, leaning) / answers


def _betting(values: Numbers, alpha: float) -> Numbers:
    above, below = log_capitals(values, 0.5)[0], log_capitals(1.0 - values, 0.5)[0]
    return np.maximum(above, below) >= math.log(2.0 / alpha)


def _asymptotic(values: Numbers, alpha: float) -> Numbers:
    counts, means = _means(values)
    spread = np.sqrt((0.25 + np.cumsum(values**2, axis=1) - counts * means**2) / (counts + 1))
    reach = spread * [radius(int(n), alpha, tuned(alpha, 200)) for n in counts]
    return (np.abs(means - 0.5) > reach) & (counts >= LEAST)


def _naive(values: Numbers, alpha: float) -> Numbers:
    counts, means = _means(values)
    spread = np.sqrt(np.maximum(np.cumsum(values**2, axis=1) / counts - means**2, 1e-9) / counts)
    return (np.abs(means - 0.5) > 1.96 * spread) & (counts > LEAST)


def _means(values: Numbers) -> tuple[Numbers, Numbers]:
    counts = np.arange(1, values.shape[1] + 1, dtype=np.float64)
    return counts, np.cumsum(values, axis=1) / counts


WAYS: Mapping[str, Callable[[Numbers, float], Numbers]] = {
    "betting": _betting,
    "asymptotic": _asymptotic,
    "naive": _naive,
}

if __name__ == "__main__":
    main()
