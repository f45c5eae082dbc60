"""A mean of few labels and many verdicts: beside another library, and over many draws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_service.statistics.intervals import clustered_mean
from judge_service.statistics.prediction_powered import LEAST_LABELS, Judged, prediction_powered_mean


def few_and_many(n: int, many: int) -> list[Judged]:
    rng = np.random.default_rng(31)
    gap = rng.normal(0.1, 1, n + many)
    people = (rng.random(n + many) < 1 / (1 + np.exp(-3 * gap))).astype(float)
    judge = 1 / (1 + np.exp(-2.5 * (gap + 0.15 + 0.4 * rng.normal(size=n + many))))
    return [
        Judged(float(told), float(said) if k < n else None, k)
        for k, (told, said) in enumerate(zip(judge, people, strict=True))
    ]


@pytest.mark.parametrize(
    ("n", "many", "own", "value", "low", "high"),
    [
        (80, 920, 0.5, 0.4735001, 0.3840059, 0.5629944),
        (80, 920, 1.0, 0.4845003, 0.4002715, 0.5687290),
        (80, 920, None, 0.4809899, 0.3969718, 0.5650081),
        (300, 2700, 0.5, 0.5832025, 0.5360699, 0.6303352),
        (300, 2700, 1.0, 0.5797384, 0.5331750, 0.6263017),
        (300, 2700, None, 0.5816228, 0.5358605, 0.6273851),
    ],
)
def test_estimate_and_interval_are_those_of_ppi_python(n, many, own, value, low, high):
    """ppi-python 0.2.3 in an environment of its own, on the arrays of `few_and_many`:

    python -c "from ppi_py import *; print(ppi_mean_pointestimate(people[:n], judge[:n], judge[n:], lam=own),
    ppi_mean_ci(people[:n], judge[:n], judge[n:], alpha=0.05, lam=own))"

    Its lambda is our weight over the share without labels. It has normal intervals, where ours go by Student's t, and
    pools the judge's variance, so that the best weight is not the same to the last digit.
    """
    weight = None if own is None else own * (n + many) / many
    found = prediction_powered_mean(few_and_many(n, many), weight=weight).estimate
    assert found.value == pytest.approx(value, abs=1e-7 if own else 2e-3)
    wider = 1.9908470 / 1.9599640 if n == 80 else 1.9679829 / 1.9599640
    assert found.high - found.low == pytest.approx(wider * (high - low), rel=0.02)


def test_intervals_cover_and_are_as_short_as_the_correlation_allows():
    rng = np.random.default_rng(9)
    covered, by_judge, gains, rhos = 0, 0, [], []
    for _ in range(200):
        leaning = rng.normal(0.1, 1, 400)
        people = rng.random(400) < 1 / (1 + np.exp(-3 * leaning))
        judge = 1 / (1 + np.exp(-2.5 * (leaning + 0.15 + 0.4 * rng.normal(size=400))))
        things = [Judged(float(judge[k]), float(people[k]) if k < 60 else None, k) for k in range(400)]
        found = prediction_powered_mean(things)
        covered += found.estimate.low <= TRUTH <= found.estimate.high
        by_judge += found.judge.low <= TRUTH <= found.judge.high
        gains.append(found.effective / 60)
        rhos.append(found.rho.value)
    assert 0.92 <= covered / 200 <= 0.98
    assert by_judge / 200 < 0.5
    assert np.median(gains) == pytest.approx(1 / (1 - np.mean(rhos) ** 2 * (1 - 60 / 400)), rel=0.05)
    assert np.median(gains) > 1.4


def test_labels_drawn_with_known_chances_are_weighed_back():
    """Near ties are labelled four times as often; without the chances the estimate is off."""
    rng = np.random.default_rng(3)
    covered = plain = 0
    for _ in range(80):
        leaning = rng.normal(0.5, 1, 600)
        people = rng.random(600) < 1 / (1 + np.exp(-3 * leaning))
        judge = np.clip(0.5 + 0.3 * leaning + 0.1 * rng.normal(size=600), 0, 1)
        chance = np.where(np.abs(judge - 0.5) < 0.15, 0.6, 0.1)
        asked = rng.random(600) < chance
        told = [float(p) if a else None for p, a in zip(people, asked, strict=True)]
        weighed = [Judged(float(judge[k]), told[k], k, float(chance[k])) for k in range(600)]
        found = prediction_powered_mean(weighed).estimate
        covered += found.low <= TILTED <= found.high
        alone = clustered_mean([p for p in told if p is not None], range(int(asked.sum())))
        plain += alone.low <= TILTED <= alone.high
    assert 0.9 <= covered / 80 <= 0.99
    assert plain / 80 < 0.85


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(LEAST_LABELS, 30), st.integers(0, 40))
def test_the_order_of_rows_does_not_matter_and_copies_within_a_prompt_tell_nothing_new(seed, labelled, more):
    rng = np.random.default_rng(seed)
    things = [
        Judged(float(rng.random()), float(rng.integers(0, 2)) if k < labelled else None, k)
        for k in range(labelled + more)
    ]
    once = prediction_powered_mean(things)
    turned = prediction_powered_mean([things[k] for k in rng.permutation(len(things))])
    twice = prediction_powered_mean(things + things)
    for other in (turned, twice):
        assert other.estimate[:4] == pytest.approx(once.estimate[:4], abs=1e-9)
        assert other.rho.value == (None if once.rho.value is None else pytest.approx(once.rho.value))


def test_with_a_label_for_everything_the_judge_adds_nothing():
    things = [thing for thing in few_and_many(40, 10) if thing.people is not None]
    found = prediction_powered_mean(things)
    assert found.weight == 0.0
    assert found.estimate.value == pytest.approx(clustered_mean([t.people for t in things], range(40)).value)
    assert found.people[:4] == pytest.approx(clustered_mean([t.people for t in things], range(40))[:4])
    assert found.saving == 0.0


def test_too_few_labels_have_no_interval():
    found = prediction_powered_mean(few_and_many(LEAST_LABELS - 1, 50))
    assert found.estimate.low is None
    assert found.effective is None
    with pytest.raises(ValueError, match="nothing has a label"):
        prediction_powered_mean([Judged(0.5, None, "p")])


_BIG = np.random.default_rng(1).normal(size=2_000_000)
TRUTH = float((1 / (1 + np.exp(-3 * (0.1 + _BIG)))).mean())
TILTED = float((1 / (1 + np.exp(-3 * (0.5 + _BIG)))).mean())
