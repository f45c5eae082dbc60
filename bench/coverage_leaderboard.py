"""How often a leaderboard's intervals hold what is true, by simulation, and how long a large one takes.

    python bench/coverage_leaderboard.py [--runs 500]

Models differ in strength; every prompt suits one model better than another, so that its comparisons go together; ties
come as in Davidson's model. What is true is the fit of 20,000 prompts. Three sizes of evaluation: for each the share of
strengths and of differences within their 95% intervals, of ranks within theirs, and the share of runs in which any of
Holm's differences is false (all strengths even). Last, the time of a leaderboard of 50 models and 20,000 comparisons.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.evaluation.contests.leaderboard import Terms, differences_of, leaderboard
from judge_service.evaluation.contests.strengths import Found, strengths_of

CONFIDENCE = 0.95


def played(planted: Sequence[float], prompts: int, seed: int, per_prompt: int = 0) -> list[Comparison]:
    """Every pair of models on every prompt, or so many pairs that are drawn."""
    source = np.random.default_rng(seed)
    pairs = np.asarray(list(combinations(range(len(planted)), 2)))
    at = np.asarray(planted) + source.normal(0, 0.5, (prompts, len(planted)))
    found = []
    for prompt in range(prompts):
        chosen = pairs if not per_prompt else pairs[source.integers(0, len(pairs), per_prompt)]
        half = (at[prompt, chosen[:, 0]] - at[prompt, chosen[:, 1]]) / 2
        shares = np.exp(np.stack([half, -half, np.full_like(half, -1.0)], axis=1))
        ways = (shares.cumsum(axis=1) / shares.sum(axis=1, keepdims=True) < source.random(len(half))[:, None]).sum(
            axis=1
        )
        for (one, other), way in zip(chosen.tolist(), ways.tolist(), strict=True):
            won = (1.0, 0.0, 0.5)[way]
            name = f"c{len(found)}"
            found.append(Comparison(name, f"p{prompt}", (f"m{one:02}", f"m{other:02}"), "judged", won, won))
    return found


def fitted(comparisons: Sequence[Comparison], models: int, draws: int = 0) -> Found:
    """The fit of these models."""
    names = [f"m{place:02}" for place in range(models)]
    return strengths_of(comparisons, names, False, None, draws, 0, CONFIDENCE)


def coverage(planted: Sequence[float], prompts: int, runs: int, draws: int) -> tuple[float, float, float, float]:
    """Shares of strengths, of differences, and of ranks (drawn; by Holm) that hold the truth."""
    truth = fitted(played(planted, 20_000, 0), len(planted)).strengths
    order = sorted(truth, key=lambda name: -truth[name])
    hits = {"strengths": [], "differences": [], "drawn": [], "holm": []}
    for seed in range(1, runs + 1):
        found = fitted(played(planted, prompts, seed), len(planted), draws)
        gaps = differences_of(found, CONFIDENCE)
        ranks = found.ranks([(g.stronger, g.weaker) for g in gaps if g.adjusted <= 1 - CONFIDENCE], CONFIDENCE)
        for name, told in ranks.items():
            low, high = found.interval(name, CONFIDENCE)
            hits["strengths"].append((low or -9e9) <= truth[name] <= (high or 9e9))
            rank = order.index(name) + 1
            hits["drawn"].append(told.drawn is not None and told.drawn[0] <= rank <= told.drawn[1])
        hits["holm"].append(all(t.low <= order.index(name) + 1 <= t.high for name, t in ranks.items()))
        hits["differences"] += [g.low <= truth[g.stronger] - truth[g.weaker] <= g.high for g in gaps]
    return tuple(float(np.mean(held)) for held in hits.values())


def false_alarms(models: int, prompts: int, runs: int) -> float:
    """The share of runs in which Holm calls any difference sure where there is none."""
    boards = (fitted(played([0.0] * models, prompts, seed), models) for seed in range(runs))
    return float(np.mean([any(g.adjusted <= 1 - CONFIDENCE for g in differences_of(b, CONFIDENCE)) for b in boards]))


def main() -> None:
    """Prints a line to each size, and the time of a large leaderboard."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500)
    runs = parser.parse_args().runs
    print("models prompts  strengths  differences  ranks drawn  all ranks by Holm  any false difference")
    for models, prompts in ((4, 50), (4, 200), (8, 100)):
        planted = np.linspace(1.0, -1.0, models).tolist()
        told = coverage(planted, prompts, runs, 100)
        alarms = false_alarms(models, prompts, runs)
        print(
            f"{models:6} {prompts:7}  {told[0]:9.1%}  {told[1]:11.1%}  {told[2]:11.1%}  {told[3]:17.1%}  {alarms:20.1%}"
        )
    rows = played(np.linspace(2.0, -2.0, 50).tolist(), 500, 1, per_prompt=40)
    started = time.perf_counter()
    leaderboard(rows, Terms(draws=1000))
    print(f"{len(rows):,} comparisons of 50 models, 1,000 draws of prompts: {time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
