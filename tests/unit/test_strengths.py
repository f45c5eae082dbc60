"""Strengths of many models beside other libraries', their errors, and what has no finite strength."""

import choix
import evalica
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from judge_service.statistics.joined import among, has_tie_parameter, joined, ties_halved
from judge_service.statistics.strengths import Paired, covariance, fitted, paired
from judge_service.statistics.strengths_drawn import counts_drawn, quantiles, strengths_drawn

WINNERS = (evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw)


def contests(seed, n=8, k=600, nu=0.6, spread=1.0):
    """Pairs of n things and who won, by Davidson's model: 0 the first, 1 the other, 2 neither."""
    source = np.random.default_rng(seed)
    strengths = source.normal(0, spread, n)
    one = source.integers(0, n, k)
    other = (one + source.integers(1, n, k)) % n
    half = (strengths[one] - strengths[other]) / 2
    shares = np.stack([np.exp(half), np.exp(-half), np.full(k, nu)], axis=1)
    drawn = (shares.cumsum(axis=1) / shares.sum(axis=1, keepdims=True) < source.random(k)[:, None]).sum(axis=1)
    return one, other, drawn, strengths - strengths.mean()


def told_of(one, other, drawn, n=8) -> Paired:
    return paired(n, np.stack([one, other], axis=1), np.eye(3)[drawn])


@pytest.mark.parametrize("seed", range(5))
def test_strengths_and_ties_are_those_of_another_library(seed):
    # evalica's Newman iterates fixed points of Davidson's likelihood (Newman 2023, JMLR 24); its v is nu / 2.
    one, other, drawn, _ = contests(seed)
    ours = fitted(told_of(one, other, drawn))
    theirs = evalica.newman(
        one.tolist(), other.tolist(), [WINNERS[way] for way in drawn], tolerance=1e-13, limit=100_000
    )
    logs = np.log(theirs.scores.sort_index().to_numpy())
    assert ours.strengths == pytest.approx(logs - logs.mean(), abs=1e-9)
    assert ours.nu == pytest.approx(2 * theirs.v, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_without_ties_strengths_are_those_of_yet_another_library(seed):
    one, other, drawn, _ = contests(seed, nu=0.0)
    won, lost = np.where(drawn == 0, one, other), np.where(drawn == 0, other, one)
    theirs = choix.opt_pairwise(8, list(zip(won.tolist(), lost.tolist(), strict=True)), alpha=0.0, tol=1e-12)
    fit = fitted(told_of(one, other, drawn))
    assert fit.nu == 0.0
    assert fit.strengths == pytest.approx(theirs - theirs.mean(), abs=1e-6)


def test_what_was_planted_beside_the_strengths_is_found():
    source = np.random.default_rng(3)
    one, other, _, strengths = contests(1, k=20_000)
    beside = source.normal(0, 1, (len(one), 2))
    gap = strengths[one] - strengths[other] + beside @ [0.7, -0.3]
    soft = 1 / (1 + np.exp(-gap))
    fit = fitted(paired(8, np.stack([one, other], axis=1), soft, beside))
    assert fit.slopes == pytest.approx([0.7, -0.3], abs=1e-6)
    assert fit.strengths == pytest.approx(strengths, abs=1e-6)


def test_each_derivative_is_that_of_the_likelihood():
    source = np.random.default_rng(5)
    one, other, drawn, _ = contests(2, n=4, k=60)
    told = paired(4, np.stack([one, other], axis=1), np.eye(3)[drawn], source.normal(0, 1, (60, 1)))
    fit = fitted(told)

    def loss(at):
        half = (at[one] - at[other] + told.beside[:, 0] * at[4]) / 2
        logs = np.stack([half, -half, np.full(60, at[5])], axis=1)
        return -(told.outcomes * (logs - np.logaddexp.reduce(logs, axis=1)[:, None])).sum()

    step = 1e-4
    sides = [np.eye(6)[k] * step for k in range(6)]
    second = [
        [
            (loss(fit.unknowns + a + b) - loss(fit.unknowns + a - b) - loss(fit.unknowns - a + b)
             + loss(fit.unknowns - a - b)) / (4 * step**2)
            for b in sides
        ]
        for a in sides
    ]  # fmt: skip
    penalty = np.zeros((6, 6))
    penalty[:4, :4] = 1 / 4
    assert fit.information == pytest.approx(np.asarray(second) + penalty, abs=1e-4)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_the_order_of_comparisons_and_names_of_things_change_nothing(seed, random):
    one, other, drawn, _ = contests(seed, n=5, k=60)
    told = told_of(one, other, drawn, 5)
    assume(joined(told).within.all() and has_tie_parameter(told))
    prompts = [f"p{k % 12}" for k in range(60)]
    fit = fitted(told)
    names, rows = list(range(5)), list(range(60))
    random.shuffle(names)
    random.shuffle(rows)
    name = np.asarray(names)
    again = Paired(5, name[told.one[rows]], name[told.other[rows]], told.outcomes[rows], told.beside[rows])
    there = fitted(again)
    assert there.strengths[name] == pytest.approx(fit.strengths, abs=1e-8)
    moved = [prompts[row] for row in rows]
    spread, same = covariance(told, fit, prompts), covariance(again, there, moved)
    assert same[np.ix_(name, name)] == pytest.approx(spread[:5, :5], abs=1e-8)
    draws, redrawn = strengths_drawn(told, fit, prompts, 5, 1), strengths_drawn(again, there, moved, 5, 1)
    finite = np.isfinite(draws)
    assert (np.isfinite(redrawn[:, name]) == finite).all()
    assert redrawn[:, name][finite] == pytest.approx(draws[finite], abs=1e-6)


def test_all_twice_leaves_strengths_and_errors_by_prompt_as_they_are():
    one, other, drawn, _ = contests(4)
    told = told_of(one, other, drawn)
    twice = Paired(8, *(np.concatenate([part, part]) for part in told[1:]))
    prompts = (np.arange(600) // 4).tolist()
    fit, again = fitted(told), fitted(twice)
    assert again.strengths == pytest.approx(fit.strengths, abs=1e-9)
    assert covariance(twice, again, prompts * 2) == pytest.approx(covariance(told, fit, prompts), abs=1e-9)


@pytest.mark.parametrize("features", [0, 1])
def test_a_draw_is_the_fit_of_its_prompts_as_often_as_they_are_drawn(features):
    one, other, drawn, _ = contests(6, n=4, k=400)
    beside = np.random.default_rng(0).normal(0, 1, (400, features))
    told = told_of(one, other, drawn, 4)._replace(beside=beside)
    prompts = [f"{k // 5:03}" for k in range(400)]
    found = strengths_drawn(told, fitted(told), prompts, 3, 3)
    for strengths, counts in zip(found, counts_drawn(80, 3, 3), strict=True):
        often = np.repeat(np.arange(400), counts.repeat(5))
        written_out = Paired(4, *(part[often] for part in told[1:]))
        assert strengths == pytest.approx(fitted(written_out).strengths, abs=1e-8)


def test_draws_of_prompts_spread_as_the_sandwich_says():
    one, other, drawn, _ = contests(7, n=6, k=3000)
    told = told_of(one, other, drawn, 6)
    prompts = [f"{k // 5}" for k in range(3000)]
    fit = fitted(told)
    errors = np.sqrt(np.diag(covariance(told, fit, prompts)))[:6]
    assert strengths_drawn(told, fit, prompts, 1000, 0).std(axis=0) == pytest.approx(errors, rel=0.1)


def test_who_wins_always_loses_always_or_meets_nobody_is_told_apart():
    pairs = [(0, 1), (1, 0), (1, 2), (2, 1), (3, 0), (1, 4), (5, 6), (6, 5)]
    sorts = joined(paired(7, pairs, [1.0] * len(pairs)))
    assert np.flatnonzero(sorts.within).tolist() == [0, 1, 2]
    assert np.flatnonzero(sorts.above).tolist() == [3]
    assert np.flatnonzero(sorts.below).tolist() == [4]
    assert np.flatnonzero(sorts.apart).tolist() == [5, 6]
    within, rows = among(paired(7, pairs, [1.0] * len(pairs)), sorts.within)
    assert (within.n, rows.tolist()) == (3, [True] * 4 + [False] * 4)


def test_a_tie_joins_two_that_never_lost():
    assert joined(paired(2, [(0, 1)], [[0.0, 0.0, 1.0]])).within.all()


def test_where_wins_go_round_in_no_circle_ties_have_no_parameter():
    win, tie = [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]
    rising = paired(3, [(0, 1), (0, 1), (1, 2), (1, 2)], [win, tie, win, tie])
    assert joined(rising).within.all()
    assert not has_tie_parameter(rising)
    assert np.isfinite(fitted(ties_halved(rising)).strengths).all()
    round_about = paired(3, [(0, 1), (1, 2), (2, 0), (0, 1)], [win, win, win, tie])
    assert has_tie_parameter(round_about)
    assert fitted(round_about).nu == pytest.approx(2 / 3)


def test_draws_in_which_one_wins_always_have_no_bound_above():
    pairs = [(0, 1)] * 20 + [(1, 2)] * 10 + [(2, 1)] * 10
    won = [1.0] * 19 + [0.0] + [1.0] * 20
    told = paired(3, pairs, won)
    drawn = strengths_drawn(told, fitted(told), [str(k) for k in range(40)], 200, 0)
    low, high = quantiles(drawn, 0.95)
    assert high[0] == np.inf
    assert np.isfinite(low[0])
    assert np.isfinite([*high[1:], *low[1:]]).all()


def test_one_cluster_tells_nothing_of_errors():
    one, other, drawn, _ = contests(8)
    told = told_of(one, other, drawn)
    assert covariance(told, fitted(told), ["p"] * 600) is None


def test_a_draw_that_cannot_tell_what_stands_beside_from_the_things_is_unknown():
    # The one prompt in which the two differ beside who they are is in some draws only.
    beside = np.zeros((40, 1))
    beside[0] = 1.0
    told = paired(2, [(0, 1), (1, 0)] * 20, [1.0, 0.0, 0.0, 1.0] * 10, beside)
    told = told._replace(outcomes=np.vstack([[[0.6, 0.4, 0.0]], told.outcomes[1:]]))
    drawn = strengths_drawn(told, fitted(told), [str(k) for k in range(40)], 50, 0)
    unknown = np.isnan(drawn).all(axis=1)
    assert 5 < unknown.sum() < 35
    assert np.isfinite(drawn[~unknown]).all()
