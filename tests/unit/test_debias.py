"""Votes of several orders and repeats become one estimate without the judge's position bias."""

import math
from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import beta

from judge_service.statistics.debias import (
    EVEN,
    Outcome,
    clipped,
    combine_logits,
    combine_shares,
    lean,
    logit,
    majority_is_settled,
    mean_outcome,
    one_hot,
    position_bias,
    share,
    sigmoid,
    smoothed_logit,
    tilts,
    winner,
)

ONE, OTHER = Outcome(1.0, 0.0, 0.0), Outcome(0.0, 1.0, 0.0)
NEARLY = st.floats(0.0, 1.0) | st.sampled_from([0.0, 1.0, 5e-324, 1e-300, 1e-12, 1e-9])


def at(logit_of_one: float) -> Outcome:
    p = sigmoid(logit_of_one)
    return Outcome(p, sigmoid(-logit_of_one), 0.0)


def davidson(logit_of_one: float, tie: float) -> Outcome:
    """A judge with ties, whose bias moves the sides and leaves the tie alone."""
    weights = (math.exp(logit_of_one / 2), math.exp(-logit_of_one / 2), math.exp(tie))
    return Outcome(*(weight / sum(weights) for weight in weights))


@st.composite
def outcomes(draw, tie=NEARLY):
    weights = [draw(NEARLY), draw(NEARLY), draw(tie)]
    assume(sum(weights) > 1e-9)
    return Outcome(*(weight / sum(weights) for weight in weights))


ORDERS = st.lists(st.lists(outcomes(), min_size=1, max_size=4), min_size=1, max_size=2)


def test_logits_are_clipped_at_six():
    assert lean(ONE) == 6.0
    assert lean(OTHER) == -6.0
    assert combine_logits([[ONE]]).one == pytest.approx(sigmoid(6.0))


def test_a_saturated_answer_does_not_outweigh_all_others():
    combined = combine_logits([[ONE], [at(-2.0)]])
    assert logit(combined.one) == pytest.approx((6.0 - 2.0) / 2)


def test_repeats_are_averaged_within_an_order_before_the_orders_are():
    combined = combine_logits([[at(1.0), at(1.0), at(4.0)], [at(-3.0)]])
    assert logit(combined.one) == pytest.approx((2.0 - 3.0) / 2)


def test_shares_too_are_averaged_within_an_order_before_the_orders_are():
    combined = combine_shares([[ONE, ONE, ONE], [OTHER]])
    assert combined == Outcome(0.5, 0.5, 0.0)


@given(st.floats(-3.0, 3.0), st.floats(-3.0, 3.0), st.integers(1, 4), st.integers(1, 4))
def test_a_bias_that_is_additive_in_the_logit_is_removed_exactly_and_measured_exactly(z, b, repeats, more):
    one_first, other_first = [at(z + b)] * repeats, [at(z - b)] * more
    combined = combine_logits([one_first, other_first])
    assert logit(combined.one) == pytest.approx(z, abs=1e-9)
    assert position_bias(*tilts([one_first, other_first])) == pytest.approx(b, abs=1e-9)


@given(st.floats(-2.5, 2.5), st.floats(-2.5, 2.5), st.floats(-2.0, 2.0))
def test_a_planted_bias_is_removed_where_ties_are_a_third_outcome(z, b, tie):
    combined = combine_logits([[davidson(z + b, tie)], [davidson(z - b, tie)]])
    assert combined == pytest.approx(davidson(z, tie))
    assert position_bias(*tilts([[davidson(z + b, tie)], [davidson(z - b, tie)]])) == pytest.approx(b)


@given(ORDERS)
def test_seen_from_the_other_side_everything_is_mirrored(orders):
    mirrored = [[vote.mirrored() for vote in votes] for votes in orders]
    for combine in (combine_logits, combine_shares):
        here, there = combine(orders), combine(mirrored)
        assert there.mirrored() == pytest.approx(here)
        assert winner(there) == -winner(here) or abs(here.one - here.other) < 1e-8


@given(st.floats(-5.9, 5.9), st.floats(-2.0, 2.0))
def test_a_lone_vote_stays_what_it_is(z, tie):
    vote = davidson(z, tie)
    assert combine_logits([[vote]]) == pytest.approx(vote)


@given(outcomes())
def test_clipping_a_lone_vote_never_changes_its_winner(vote):
    ordered = sorted(vote)
    assume(ordered[2] - ordered[1] > 1e-6)
    assert winner(combine_logits([[vote]])) == winner(vote)


def test_a_sure_winner_beside_a_trace_of_a_tie_is_no_tie():
    combined = combine_logits([[Outcome(0.999 - 1e-9, 1e-9, 0.001)]])
    assert combined.one > 0.99
    assert combined.tie < 0.01


@given(outcomes(), st.integers(1, 5))
def test_repeating_the_same_vote_changes_nothing(vote, times):
    assert combine_logits([[vote] * times]) == pytest.approx(combine_logits([[vote]]))
    assert mean_outcome([vote] * times) == pytest.approx(vote)


@given(ORDERS)
def test_outcomes_sum_to_one_and_no_input_makes_a_nan(orders):
    for combined in (combine_logits(orders), combine_shares(orders)):
        assert all(0.0 <= weight <= 1.0 for weight in combined)
        assert sum(combined) == pytest.approx(1.0)
        assert math.isfinite(logit(share(combined)))
    assert math.isfinite(position_bias(*tilts([orders[0], orders[-1]])))


@given(st.floats(allow_nan=False))
def test_a_logit_becomes_a_probability_without_overflow(z):
    assert 0.0 <= sigmoid(z) <= 1.0
    assert sigmoid(z) + sigmoid(-z) == pytest.approx(1.0)
    assert abs(clipped(z)) <= 6.0


@given(NEARLY)
def test_every_probability_has_a_finite_logit_that_leads_back_to_it(p):
    assert math.isfinite(logit(p))
    assert sigmoid(logit(p)) == pytest.approx(p, abs=1e-11)


@pytest.mark.parametrize(
    ("probability", "votes", "expected"),
    [
        (1.0, 1, 3.0),
        (0.0, 1, 1 / 3),
        (0.5, 2, 1.0),
        (1.0, 2, 5.0),
        (0.0, 2, 1 / 5),
        (0.75, 2, 2.0),
        (0.9, 10, 9.5 / 1.5),
    ],
)
def test_text_votes_have_half_a_vote_of_smoothing(probability, votes, expected):
    assert smoothed_logit(probability, votes) == pytest.approx(math.log(expected))


@given(st.floats(0.0, 1.0), st.integers(1, 1000))
def test_the_smoothed_logit_is_finite_mirrored_and_surer_with_more_votes(probability, votes):
    here = smoothed_logit(probability, votes)
    assert here == pytest.approx(-smoothed_logit(1.0 - probability, votes), abs=1e-9)
    assert abs(smoothed_logit(probability, votes + 1)) >= abs(here) - 1e-12


def test_one_text_vote_per_order_that_disagree_is_a_tie():
    combined = combine_shares([[ONE], [OTHER]])
    assert winner(combined) == 0
    assert share(combined) == 0.5


@pytest.mark.parametrize(
    ("outcome", "side"),
    [
        (Outcome(0.5 + 0.6e-9, 0.5 - 0.6e-9, 0.0), 1),
        (Outcome(0.5 - 0.6e-9, 0.5 + 0.6e-9, 0.0), -1),
        (Outcome(0.5 + 0.4e-9, 0.5 - 0.4e-9, 0.0), 0),
        (Outcome(0.4, 0.2, 0.4 + 2e-9), 0),
        (Outcome(0.4, 0.2, 0.39), 1),
        (Outcome(0.2, 0.4, 0.39), -1),
        (EVEN, 0),
    ],
)
def test_the_largest_weight_wins_and_a_difference_below_a_billionth_is_a_tie(outcome, side):
    assert winner(outcome) == side


@given(outcomes())
def test_one_hot_keeps_the_winner_and_nothing_else(vote):
    alone = one_hot(vote)
    assert sorted(alone) == [0.0, 0.0, 1.0]
    assert winner(alone) == winner(vote)


def test_a_tie_counts_half():
    assert share(Outcome(0.3, 0.1, 0.6)) == pytest.approx(0.6)
    assert share(EVEN) == 0.5


def test_without_a_stop_repeats_end_exactly_when_nothing_left_can_overturn_the_lead():
    for wins, losses, left in product(range(5), range(5), range(5)):
        ends = {sum(rest) + wins - losses for rest in product((1, 0, -1), repeat=left)}
        certain = all(end > 0 for end in ends) or all(end < 0 for end in ends)
        assert majority_is_settled(wins, losses, left, None) is certain


@given(st.integers(0, 200), st.integers(0, 200), st.sampled_from([0.5, 0.25, 0.1, 0.05, 0.01, 1e-4]))
def test_the_beta_rule_is_the_posterior_probability_of_the_other_majority(wins, losses, stop):
    other_majority = beta.cdf(0.5, max(wins, losses) + 1, min(wins, losses) + 1)
    assume(abs(other_majority - stop) > 1e-9)
    expected = wins + losses > 0 and other_majority < stop
    assert majority_is_settled(wins, losses, 1000, stop) is bool(expected)
