"""Whether intervals of few labels and many verdicts cover, and how many labels they are worth.

    python bench/coverage_ppi.py [--runs 1000]

Pairs have a gap in quality; people choose by it with noise of their own, and the judge sees it through noise of its
own and with a lean of its own, so that its mean alone is off. Prints, by judge and design: how often the 95 % interval
holds the truth, how many labels it is worth (people's interval over ours, squared) beside the rule
1 / (1 - rho^2 (1 - n / N)), the same for the judge's hard verdict, and how often the judge's own interval holds it.
"""

from __future__ import annotations

import argparse

import numpy as np

from judge_service.statistics.prediction_powered import Judged, Powered, prediction_powered_mean

JUDGES = {"close to people": 0.25, "middling": 0.55, "far from people": 0.8}
DESIGNS = ((30, 500, 1), (100, 1000, 1), (200, 1000, 1), (100, 1000, 4))
"""Labelled prompts, all prompts, answers to each."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--runs", type=int, default=1000)
    runs = options.parse_args().runs
    truth = drawn(np.random.default_rng(0), 2_000_000, 1, 0.0)[0].mean()
    heads = ("judge", "labelled/all x answers", "rho", "covers", "labels x", "rule", "hard x", "judge covers")
    print("{:<16} {:<23} {:>5} {:>7} {:>9} {:>6} {:>7} {:>13}".format(*heads))
    for name, noise in JUDGES.items():
        for design in DESIGNS:
            print(f"{name:<16} {line(design, noise, truth, runs)}")


def line(design: tuple[int, int, int], noise: float, truth: float, runs: int) -> str:
    """One design under one judge."""
    labelled, prompts, answers = design
    rng = np.random.default_rng(1)
    found = [both(rng, labelled, prompts, answers, noise) for _ in range(runs)]
    soft = [one for one, _ in found]
    rho = float(np.mean([each.rho.value for each in soft]))
    covers = float(np.mean([each.estimate.low <= truth <= each.estimate.high for each in soft]))
    alone = float(np.mean([each.judge.low <= truth <= each.judge.high for each in soft]))
    rule = 1 / (1 - rho * rho * (1 - labelled / prompts))
    design_told = f"{labelled}/{prompts} x {answers}"
    return (
        f"{design_told:<23} {rho:5.2f} {covers:7.1%} {gain(soft):9.2f} {rule:6.2f}"
        f" {gain([hard for _, hard in found]):7.2f} {alone:13.1%}"
    )


def gain(found: list[Powered]) -> float:
    """How many labels one is worth: the median over runs."""
    return float(np.median([each.effective / each.estimate.n for each in found]))


def both(rng: np.random.Generator, labelled: int, prompts: int, answers: int, noise: float) -> tuple[Powered, Powered]:
    """The estimate from the judge's probabilities, and that from its winners, on one draw."""
    people, judge = drawn(rng, prompts, answers, noise)
    told = [float(said) if k < labelled * answers else None for k, said in enumerate(people)]
    things = [Judged(float(p), said, k // answers) for k, (p, said) in enumerate(zip(judge, told, strict=True))]
    return prediction_powered_mean(things), prediction_powered_mean(
        [t._replace(judge=float(t.judge > 0.5)) for t in things]
    )


def drawn(rng: np.random.Generator, prompts: int, answers: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """What people say of each pair, and the judge's probability."""
    shared = np.repeat(rng.normal(0.1, 0.6, prompts), answers)
    gap = shared + rng.normal(0, 0.8, prompts * answers)
    people = rng.random(len(gap)) < 1 / (1 + np.exp(-5 * gap))
    return people.astype(float), 1 / (1 + np.exp(-2.5 * (gap + 0.15 + noise * rng.normal(size=len(gap)))))


if __name__ == "__main__":
    main()
