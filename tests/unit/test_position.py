"""A judge's position bias over many pairs, and when one order of a pair is enough."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binom

from judge_service.evaluation.audits.position import Audited, estimate_of, report_on
from judge_service.statistics.binomial import clopper_pearson
from judge_service.statistics.position import (
    Audit,
    bias_of,
    drift_of,
    drift_window,
    one_order_band,
)

leans = st.floats(-6.0, 6.0, allow_nan=False).map(lambda x: round(x, 6))
audits_of = st.builds(Audit, leans, leans, st.booleans())


def simulated(pairs: int, seed: int = 0, sharp=2.0, wrong=0.6, bias=1.0, spread=0.7, noise=0.5, hetero=False):
    """Pairs before a judge whose logit is additive, and what is true of each."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=pairs)
    margin = sharp * (truth + wrong * rng.normal(size=pairs))
    own = bias + spread * rng.normal(size=pairs) * (2 * np.exp(-np.abs(truth)) if hetero else 1)
    one = margin + own + noise * rng.normal(size=pairs)
    other = -margin + own + noise * rng.normal(size=pairs)
    first = rng.random(pairs) < 0.5
    return [Audit(*each) for each in zip(one.tolist(), other.tolist(), first.tolist(), strict=True)]


@given(st.integers(1, 300), st.data(), st.sampled_from((0.8, 0.9, 0.95, 0.99)))
def test_bounds_are_those_of_the_beta_quantiles(trials, data, confidence):
    successes = data.draw(st.integers(0, trials))
    lower, upper = clopper_pearson(successes, trials, confidence)
    assert upper == pytest.approx(beta.ppf(confidence, successes + 1, trials - successes) if successes < trials else 1)
    assert lower == pytest.approx(beta.ppf(1 - confidence, successes, trials - successes + 1) if successes else 0)


def test_a_bound_holds_as_often_as_it_says():
    p, trials = 0.07, 120
    held = sum(binom.pmf(k, trials, p) for k in range(trials + 1) if clopper_pearson(k, trials, 0.9)[1] >= p)
    assert 0.9 <= held < 0.96


def test_bias_and_its_spread_are_recovered():
    found = bias_of(simulated(20_000))
    assert found.mean == pytest.approx(1.0, abs=0.03)
    # The noise of the two orders is halved, as is that of their mean.
    assert found.spread == pytest.approx(np.hypot(0.7, 0.5 / np.sqrt(2)), abs=0.03)
    assert found.signal == pytest.approx(np.hypot(2 * np.hypot(1, 0.6), 0.5 / np.sqrt(2)), abs=0.05)
    assert found.saturated < 0.01


def test_a_judge_that_cannot_say_how_sure_it_is_is_seen_as_saturated():
    squashed = [Audit(1.5 * np.tanh(a.one), 1.5 * np.tanh(a.other), a.one_first) for a in simulated(2_000)]
    assert bias_of(squashed).saturated > 0.4


@given(st.lists(audits_of, min_size=2, max_size=40))
def test_swapping_every_pair_changes_neither_bias_nor_spread(audits):
    swapped = [Audit(a.other, a.one, not a.one_first) for a in audits]
    assert bias_of(swapped) == pytest.approx(bias_of(audits))


@pytest.mark.parametrize("hetero", [False, True])
def test_beyond_the_band_one_order_names_the_same_winner(hetero):
    """The bound of 5 % is broken in at most 10 % of the estimates; 18 of 80 would be so by chance once in 1,000."""
    broken = 0
    for seed in range(80):
        audits = simulated(500, seed, hetero=hetero)
        bias = bias_of(audits)
        band = one_order_band(audits, [bias.mean] * 500)
        others = simulated(4_000, 1_000 + seed, hetero=hetero)
        margins = [a.one - bias.mean if a.one_first else bias.mean - a.other for a in others]
        left = [(m, a) for m, a in zip(margins, others, strict=True) if band is not None and abs(m) >= band]
        broken += sum((m > 0) != (a.one > a.other) for m, a in left) > 0.05 * len(left)
    assert broken < 18


def test_fewer_than_500_audits_establish_nothing():
    assert one_order_band(simulated(499), [1.0] * 499) is None
    assert one_order_band(simulated(500), [1.0] * 500) is not None


def test_a_judge_whose_bias_is_all_there_is_never_gets_a_band():
    assert one_order_band(simulated(800, sharp=0.1, spread=3.0), [1.0] * 800) is None


def test_the_window_is_as_long_as_the_drift_needs():
    assert drift_window(np.hypot(0.7, 0.5 / np.sqrt(2))) == 46


@pytest.mark.parametrize(("moved", "least", "most"), [(0.0, 0.0, 0.02), (0.5, 0.85, 1.0), (-0.5, 0.85, 1.0)])
def test_half_a_logit_shows_within_the_window_and_nothing_does_not(moved, least, most):
    spread = np.hypot(0.7, 0.5 / np.sqrt(2))
    window = drift_window(spread)
    rng = np.random.default_rng(5)
    seen = [drift_of((moved + spread * rng.normal(size=window)).tolist(), 0.0, spread) for _ in range(600)]
    assert least <= sum(x is not None for x in seen) / len(seen) <= most


def test_domains_have_biases_of_their_own_and_unknown_ones_none():
    code = [Audited(audit, "code") for audit in simulated(400, 1, bias=2.5)]
    prose = [Audited(audit, "prose") for audit in simulated(400, 2, bias=-1.0)]
    rare = [Audited(audit, "rare") for audit in simulated(20, 3)]
    estimate = estimate_of([*code, *prose, *rare])
    assert estimate.of("code").bias == pytest.approx(2.5, abs=0.15)
    assert estimate.of("prose").bias == pytest.approx(-1.0, abs=0.15)
    assert [estimate.of(name) for name in ("rare", "unheard", None)] == [None, None, None]
    pooled = estimate_of([Audited(audit, "") for audit, _ in [*code, *prose]])
    both = [*code, *prose]
    assert report_on(both, estimate).calls < report_on([Audited(a, "") for a, _ in both], pooled).calls - 0.2


def test_the_version_names_what_was_estimated():
    pairs = [Audited(audit, "") for audit in simulated(600)]
    again = estimate_of(list(pairs))
    assert estimate_of(pairs).version == again.version
    assert estimate_of(pairs[:-1]).version != again.version
