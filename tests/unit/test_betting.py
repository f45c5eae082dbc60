"""Betting against a mean, and the asymptotic sequence: they hold however often one looks."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_service.statistics.asymptotic_sequence import AsymptoticSequence, radius, tuned
from judge_service.statistics.betting import PARTS, SHARES, BettingSequence, log_capitals

values = st.lists(st.floats(0, 1), min_size=1, max_size=40)
means = st.floats(0.05, 0.95)


def sequences():
    return pytest.mark.parametrize("kind", [BettingSequence, AsymptoticSequence])


def ever_decided(peeked):
    """The share of runs, one a row, in which something was decided at any of the looks."""
    return float(peeked.any(axis=1).mean())


def betting_decides(runs, alpha=0.05):
    above, _ = log_capitals(runs, 0.5)
    below, _ = log_capitals(1.0 - runs, 0.5)
    return np.maximum(above, below) >= math.log(2.0 / alpha)


def asymptotic_decides(runs, alpha=0.05):
    counts = np.arange(1, runs.shape[1] + 1)
    means = np.cumsum(runs, axis=1) / counts
    spread = np.sqrt((0.25 + np.cumsum(runs**2, axis=1) - counts * means**2) / (counts + 1))
    reach = spread * [radius(int(n), alpha, tuned(alpha, 200)) for n in counts]
    return (np.abs(means - 0.5) > reach) & (counts >= 20)


def even_runs(kind, runs=1_200, length=600):
    rng = np.random.default_rng(41)
    soft = rng.beta(3, 3, size=(runs, length))
    if kind == "hard":
        return np.round(soft)
    # Two answers a prompt, alike within it, and a tie here and there.
    return soft if kind == "soft" else (np.round(soft) + (rng.random(soft.shape) < soft)) / 2


@pytest.mark.parametrize("kind", ["soft", "hard", "two answers a prompt"])
def test_a_look_after_every_prompt_decides_wrongly_in_fewer_than_5_of_100_runs(kind):
    runs = even_runs(kind)
    wrong = ever_decided(betting_decides(runs))
    assert 0.005 < wrong < 0.05
    assert ever_decided(asymptotic_decides(runs)) < 0.065
    counts = np.arange(1, runs.shape[1] + 1)
    means = np.cumsum(runs, axis=1) / counts
    naive = np.abs(means - 0.5) > 1.96 * np.sqrt((np.cumsum(runs**2, axis=1) / counts - means**2 + 1e-9) / counts)
    assert ever_decided(naive[:, 20:]) > 0.3


def test_the_capital_expects_no_gain_where_the_mean_is_the_one_bet_against():
    # All outcomes of three throws at once: the expectation is exact.
    throws = np.array(np.meshgrid([0.0, 0.3, 1.0], [0.0, 0.3, 1.0], [0.0, 0.3, 1.0])).reshape(3, -1).T
    weights = np.array([0.5, 0.25, 0.25])
    chances = np.prod(weights[np.searchsorted([0.0, 0.3, 1.0], throws)], axis=1)
    mean = float(weights @ [0.0, 0.3, 1.0])
    for runs, m in ((throws, mean), (1.0 - throws, 1.0 - mean)):
        capital, _ = log_capitals(runs, m)
        assert np.exp(capital).T @ chances == pytest.approx([1.0, 1.0, 1.0], abs=1e-12)
    assert sum(PARTS) == pytest.approx(1.0)
    assert 0 < min(SHARES) < max(SHARES) < 1


@given(values, means)
def test_one_value_at_a_time_comes_to_what_all_at_once_come_to(told, mean):
    one = BettingSequence(0.05, mean)
    decisions = [one.add(value) for value in told]
    above, _ = log_capitals(np.array(told), mean)
    below, _ = log_capitals(1.0 - np.array(told), 1.0 - mean)
    first = next((n for n, x in enumerate(np.maximum(above, below), 1) if x >= math.log(40) + 1e-9), None)
    assert one.n == len(told)
    if first is not None:
        assert decisions[first - 1] != 0
    half = len(told) // 2
    if half:
        _, shares = log_capitals(np.array(told[:half]), mean)
        rest, _ = log_capitals(np.array(told[half:]), mean, shares)
        assert rest == pytest.approx(above[half:], abs=1e-9)


@sequences()
@given(told=values)
def test_the_interval_holds_the_mean_of_what_was_seen_and_mirrors_with_it(kind, told):
    one, other = kind(), kind()
    for value in told:
        one.add(value)
        other.add(1.0 - value)
    low, high = one.interval
    assert 0 <= low <= np.mean(told) + 1e-9
    assert np.mean(told) - 1e-9 <= high <= 1
    assert other.interval == pytest.approx((1 - high, 1 - low), abs=1e-6)
    assert one.decided == -other.decided


@settings(max_examples=30)
@given(st.lists(st.sampled_from([0.0, 0.2, 0.7, 0.9, 1.0]), min_size=1, max_size=80))
def test_betting_decides_at_the_moment_the_interval_leaves_a_half_out(told):
    sequence = BettingSequence()
    for value in told:
        if sequence.add(value):
            low, high = sequence.interval
            assert (low >= 0.5 - 1e-6, high <= 0.5 + 1e-6) == (sequence.decided > 0, sequence.decided < 0)
            return
        low, high = sequence.interval
        assert low <= 0.5 <= high


@sequences()
@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30), st.data())
def test_what_is_decided_of_bounds_is_decided_whatever_the_values_were(kind, bounds, drawing):
    bounded, known = kind(), kind()
    for told in bounds:
        low, high = sorted(told)
        bounded.add(low, high)
        known.add(drawing.draw(st.floats(low, high)))
    if kind is BettingSequence:
        assert bounded.interval[0] <= known.interval[0] + 1e-9
        assert bounded.interval[1] >= known.interval[1] - 1e-9
        assert bounded.decided in (0, known.decided)
    assert bounded.interval[0] <= bounded.interval[1] + 1e-9


def test_values_that_are_all_but_nothing_have_an_interval_too():
    sequence = BettingSequence()
    for value in (5e-324, 0.0, 1e-300):
        sequence.add(value)
    assert sequence.interval[0] == 0.0
    assert 0.5 < sequence.interval[1] <= 1.0


@sequences()
def test_what_is_decided_once_stays_decided_and_nothing_is_known_before_the_first(kind):
    sequence = kind()
    assert sequence.interval == (0.0, 1.0)
    decided = [sequence.add(0.9) for _ in range(60)] + [sequence.add(0.1) for _ in range(200)]
    assert decided[0] == 0
    assert set(decided[59:]) == {1}
    assert sequence.n == 260


def test_the_asymptotic_interval_is_the_published_formula():
    # Theorem 2.2 with t = 50, rho^2 = 0.04, alpha = 0.1, worked by hand.
    assert radius(50, 0.1, 0.04) == pytest.approx(math.sqrt(2 * 3 / (2500 * 0.04) * math.log(math.sqrt(3) / 0.1)))
    narrowest = min(range(20, 2000), key=lambda k: radius(200, 0.05, 1 / k))
    assert 1 / tuned(0.05, 200) == pytest.approx(narrowest, rel=0.1)


def test_betting_needs_the_prompts_that_were_measured_for_soft_verdicts_and_more_for_hard_ones():
    rng = np.random.default_rng(5)
    for rate, soft_needs, hard_needs in ((0.55, 140, 880), (0.6, 43, 226)):
        soft = rng.beta(6 * rate, 6 * (1 - rate), size=(200, 2_500))
        hard = (rng.random(soft.shape) < soft).astype(float)
        for runs, needs in ((soft, soft_needs), (hard, hard_needs)):
            hits = betting_decides(runs)
            assert hits.any(axis=1).mean() > 0.97
            assert (hits.argmax(axis=1) + 1).mean() == pytest.approx(needs, rel=0.15)
