"""Two candidates, shown in both orders, one preference: the rules of judgment, held by scripted judges."""

import json
import math
from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scripted import (
    Rule,
    always,
    case_of,
    choosing,
    constitution,
    failing,
    judged,
    leaning,
    rubric,
    said,
    shown,
    swapped,
    topic_of,
    writing,
)

from judge_service.domain.prompting import Completion
from judge_service.statistics.debias import sigmoid

FIRST, SECOND, EVEN = (said(json.dumps({"verdict": verdict})) for verdict in ("A", "B", "tie"))
CASE = case_of("2", "1")
THREE = ("kind", "brave", "wise")


def by_order(one_first: Completion, other_first: Completion) -> Rule:
    """Answers by whether "2", the first candidate of the case, is shown first."""
    return lambda prompt: one_first if shown(prompt)[0] == "2" else other_first


def by_topic(names: tuple[str, ...], **logits: tuple[float, float]) -> Rule:
    """By topic, the logit of "2" against "1" when it is shown first and when it is shown second."""

    def answer(prompt):
        own = logits[topic_of(prompt, names)]
        z = own[0] if shown(prompt)[0] == "2" else -own[1]
        return choosing(A=sigmoid(z), B=sigmoid(-z))

    return answer


def in_turn(*completions: Completion) -> Rule:
    """These answers, one after the other."""
    left = iter(completions)
    return lambda prompt: next(left)


def per_criterion(rule: Rule, *names: str, weights=(), combine="mean-logit", **fields):
    return judged(
        "compare", CASE, rule, rubric(*names, weights=weights, compare="per-criterion", **fields), combine=combine
    )


# Orders


def test_both_orders_are_asked_in_one_round():
    held = judged("compare", CASE, leaning())
    assert [[shown(prompt) for prompt in prompts] for prompts in held.rounds] == [[["2", "1"], ["1", "2"]]]
    assert [vote.order for vote in held.finding.votes] == [("a", "b"), ("b", "a")]


@given(st.floats(-3.0, 3.0), st.floats(-2.9, 2.9))
def test_a_judges_bias_is_removed_and_reported(z, bias):
    assume(abs(z) > 1e-6 and abs(abs(z) - abs(bias)) > 1e-6)
    verdict = judged("compare", case_of(repr(z), "0"), leaning(bias=bias)).verdict
    assert verdict.logit == pytest.approx(z, abs=1e-9)
    assert verdict.probability == pytest.approx(sigmoid(z))
    assert verdict.position_bias == pytest.approx(bias, abs=1e-9)
    assert verdict.consistent is (abs(z) > abs(bias))
    assert verdict.winner == ("a" if z > 0 else "b")


@given(st.floats(-4.0, 4.0), st.floats(-3.0, 3.0), st.booleans())
def test_swapping_the_candidates_mirrors_probability_and_winner(z, bias, ties):
    assume(abs(z) > 1e-6)
    case = case_of(repr(z), "0")
    rule = leaning(bias=bias, tie=0.3)
    here, there = (
        judged("compare", c, rule, ties="allow" if ties else "forbid").verdict for c in (case, swapped(case))
    )
    assert there.winner == here.winner
    assert there.probability == pytest.approx(1.0 - here.probability)
    assert there.logit == pytest.approx(-here.logit, abs=1e-9)
    assert there.position_bias == pytest.approx(here.position_bias, abs=1e-9)
    assert there.consistent == here.consistent


def test_a_swapped_case_asks_the_very_same_questions():
    here, there = judged("compare", CASE, leaning()), judged("compare", swapped(CASE), leaning())
    assert {prompt.key(b"") for prompt in here.prompts} == {prompt.key(b"") for prompt in there.prompts}


def order_drawn(texts, seed=0, **fields):
    (prompt,) = judged("compare", case_of(*texts, **fields), leaning(len), orders="one", seed=seed).prompts
    return tuple(shown(prompt))


def test_one_order_is_drawn_by_content_and_never_by_the_order_of_the_input():
    pairs = [(f"{i} apples", f"{i} pears") for i in range(60)]
    drawn = [order_drawn(pair) for pair in pairs]
    assert drawn == [order_drawn(pair[::-1]) for pair in pairs]
    assert 15 < sum(pair == order for pair, order in zip(pairs, drawn, strict=True)) < 45


def test_one_order_depends_on_the_seed_and_on_the_prompt():
    pair = ("apples", "pears")
    assert len({order_drawn(pair, seed) for seed in range(20)}) == 2
    assert len({order_drawn(pair, prompt=f"{i}?") for i in range(20)}) == 2


def test_one_order_says_nothing_of_consistency_or_bias():
    held = judged("compare", CASE, leaning(bias=0.5), orders="one")
    assert len(held.prompts) == 1
    assert (held.verdict.consistent, held.verdict.position_bias) == (None, None)
    assert held.finding.status == "judged"


def test_audited_asks_both_orders_while_there_is_no_estimate():
    assert len(judged("compare", CASE, leaning(), orders="audited").prompts) == 2


@pytest.mark.parametrize("method", ["direct", "cot"])
def test_identical_candidates_are_a_tie_without_a_call(method):
    held = judged("compare", case_of("the Rhine", " the\n Rhine "), leaning(), method=method)
    assert held.rounds == []
    verdict = held.verdict
    assert (verdict.winner, verdict.probability, verdict.logit) == ("tie", 0.5, 0.0)
    assert (verdict.consistent, verdict.position_bias, verdict.evidence) == (None, None, None)
    assert (held.finding.status, held.finding.votes) == ("judged", ())


# Ties


def test_a_tie_by_log_probabilities_counts_half():
    verdict = judged("compare", CASE, always(choosing(A=0.2, B=0.2, C=0.6)), ties="allow").verdict
    assert (verdict.winner, verdict.probability, verdict.logit) == ("tie", pytest.approx(0.5), pytest.approx(0.0))


def test_without_a_tie_on_offer_a_vote_has_none():
    held = judged("compare", CASE, leaning())
    assert [vote.tie for vote in held.finding.votes] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("answers", "winner", "probability", "wins"),
    [
        ((FIRST, SECOND), "a", 1.0, 2.0),
        ((SECOND, FIRST), "b", 0.0, 0.0),
        ((FIRST, FIRST), "tie", 0.5, 1.0),
        ((EVEN, EVEN), "tie", 0.5, 1.0),
    ],
)
def test_one_text_vote_per_order_that_disagree_is_a_tie(answers, winner, probability, wins):
    verdict = judged("compare", CASE, by_order(*answers), method="cot").verdict
    assert (verdict.winner, verdict.probability, verdict.evidence) == (winner, probability, "text")
    assert verdict.logit == pytest.approx(math.log((wins + 0.5) / (2 - wins + 0.5)))
    assert verdict.position_bias is None


# Ways to combine

A80, B60 = choosing(A=0.8, B=0.2), choosing(A=0.4, B=0.6)  # as answered; shown first is A


@pytest.mark.parametrize(
    ("combine", "probability"),
    [
        ("mean-logit", sigmoid((math.log(4) + math.log(1.5)) / 2)),
        ("mean-probability", (0.8 + 0.6) / 2),
        ("vote", 1.0),
        ("tie-on-disagreement", sigmoid((math.log(4) + math.log(1.5)) / 2)),
        ("drop-inconsistent", sigmoid((math.log(4) + math.log(1.5)) / 2)),
    ],
)
def test_orders_that_agree_are_combined_as_the_option_says(combine, probability):
    held = judged("compare", CASE, by_order(A80, B60), combine=combine)
    assert held.verdict.probability == pytest.approx(probability)
    assert (held.verdict.winner, held.verdict.consistent, held.finding.status) == ("a", True, "judged")
    assert held.verdict.combine == combine


@pytest.mark.parametrize(
    ("combine", "winner", "probability", "status"),
    [
        ("mean-logit", "a", sigmoid((math.log(4) - math.log(1.5)) / 2), "judged"),
        ("mean-probability", "a", (0.8 + 0.4) / 2, "judged"),
        ("vote", "tie", 0.5, "judged"),
        ("tie-on-disagreement", "tie", 0.5, "judged"),
        ("drop-inconsistent", None, sigmoid((math.log(4) - math.log(1.5)) / 2), "dropped"),
    ],
)
def test_orders_that_disagree_are_combined_as_the_option_says(combine, winner, probability, status):
    held = judged("compare", CASE, by_order(A80, choosing(A=0.6, B=0.4)), combine=combine)
    assert (held.verdict.winner, held.finding.status) == (winner, status)
    assert held.verdict.probability == pytest.approx(probability)
    assert held.verdict.consistent is False
    assert held.finding.dropped_by == ("drop-inconsistent" if status == "dropped" else None)
    assert len(held.finding.votes) == 2


def test_a_vote_by_log_probabilities_still_shows_the_position_bias():
    verdict = judged("compare", CASE, leaning(bias=0.4), combine="vote").verdict
    assert verdict.position_bias == pytest.approx(0.4)


@pytest.mark.parametrize("combine", ["tie-on-disagreement", "drop-inconsistent"])
def test_a_tie_differs_from_a_winner(combine):
    held = judged("compare", CASE, by_order(FIRST, EVEN), method="cot", combine=combine)
    assert held.verdict.consistent is False
    assert (held.verdict.winner, held.finding.status) == {
        "tie-on-disagreement": ("tie", "judged"),
        "drop-inconsistent": (None, "dropped"),
    }[combine]


def test_with_one_order_there_is_nothing_to_disagree_with():
    held = judged("compare", CASE, leaning(bias=3.0), combine="drop-inconsistent", orders="one")
    assert held.finding.status == "judged"


# What does not come


@pytest.mark.parametrize("failed_first", [True, False])
def test_an_order_without_a_usable_vote_makes_the_case_partial_and_the_evidence_stays(failed_first):
    answers = (failing("timeout"), B60) if failed_first else (A80, failing("timeout"))
    held = judged("compare", CASE, by_order(*answers))
    verdict = held.verdict
    assert (held.finding.status, held.finding.failure) == ("partial", None)
    assert (verdict.winner, verdict.probability, verdict.logit, verdict.consistent, verdict.position_bias) == (
        None,
    ) * 5
    assert [vote.failure is None for vote in held.finding.votes] == [not failed_first, failed_first]


def test_without_any_usable_vote_a_case_is_unscored_and_says_why():
    held = judged("compare", CASE, always(failing("refused")))
    assert held.finding.status == "unscored"
    assert held.finding.failure.kind == "refused"
    assert held.verdict.winner is None


def test_a_failed_repeat_beside_a_usable_one_leaves_the_case_judged():
    rule = in_turn(FIRST, failing("timeout"), failing("timeout"), SECOND)
    held = judged("compare", CASE, rule, method="cot", repeats=2)
    assert (held.finding.status, held.verdict.winner, held.verdict.probability) == ("judged", "a", 1.0)


def test_a_failure_is_never_a_tie():
    rule = in_turn(FIRST, SECOND, failing("unreadable"), failing("unreadable"))
    verdict = judged("compare", CASE, rule, method="cot", repeats=2).verdict
    assert (verdict.probability, verdict.winner) == (1.0, "a")


# Repeats


def test_repeats_ask_both_orders_each_with_its_own_draw():
    held = judged("compare", CASE, writing(), method="cot", repeats=3)
    assert len(held.rounds) == 1
    assert Counter((vote.repeat, vote.order[0]) for vote in held.finding.votes) == Counter(
        (repeat, first) for repeat in range(3) for first in "ab"
    )
    assert len({prompt.key(b"") for prompt in held.prompts}) == 6


def test_repeats_are_averaged_within_an_order_and_then_over_the_orders():
    rule = in_turn(FIRST, SECOND, FIRST, failing("timeout"), SECOND, failing("timeout"))
    verdict = judged("compare", CASE, rule, method="cot", repeats=3).verdict
    assert verdict.probability == pytest.approx((2 / 3 + 1) / 2)
    wins = 4 * verdict.probability
    assert verdict.logit == pytest.approx(math.log((wins + 0.5) / (4 - wins + 0.5)))


def test_with_a_stop_repeats_end_once_the_winner_is_settled():
    held = judged("compare", CASE, writing(), method="cot", repeats={"max": 10, "stop": 0.05})
    assert [len(prompts) for prompts in held.rounds] == [2, 2]
    assert held.verdict.winner == "a"


def test_a_judge_of_two_minds_is_asked_to_the_end():
    held = judged("compare", CASE, always(FIRST), method="cot", repeats={"max": 6, "stop": 0.05})
    assert [len(prompts) for prompts in held.rounds] == [2] * 6
    assert held.verdict.winner == "tie"


def test_what_nothing_left_can_overturn_is_not_asked_to_the_end():
    held = judged("compare", CASE, writing(), method="cot", repeats={"max": 5, "stop": 0.0})
    assert [len(prompts) for prompts in held.rounds] == [2, 2, 2]


# Several criteria


def test_by_criterion_every_criterion_is_asked_in_both_orders():
    held = per_criterion(leaning(), *THREE)
    asked = [(topic_of(prompt, THREE), shown(prompt)[0]) for prompt in held.prompts]
    assert asked == [(name, first) for name in THREE for first in "21"]
    assert [vote.criterion for vote in held.finding.votes] == [name for name in THREE for _ in range(2)]


def test_together_all_criteria_are_one_question():
    held = judged("compare", CASE, leaning(), rubric(*THREE))
    assert len(held.prompts) == 2
    assert held.verdict.criteria is None


@pytest.mark.parametrize(
    ("aggregate", "z", "expected"),
    [
        ("weighted-mean", (2.0, -1.0, 0.5), (3 * 2.0 - 1.0 + 0.5) / 5),
        ("weighted-mean", (9.0, -1.0, 0.5), (3 * 6.0 - 1.0 + 0.5) / 5),
        ("min", (2.0, 1.0, 0.5), 0.5),
        ("min", (-2.0, -1.0, -0.5), -0.5),
        ("min", (2.0, -0.1, 3.0), 0.0),
        ("min", (0.5, -1.0, -2.0), 0.0),
        ("lexicographic", (2.0, -5.0, -5.0), 2.0),
        ("lexicographic", (0.4, -0.6, 3.0), -0.6),
        ("lexicographic", (0.4, -0.4, 0.1), 0.0),
        ("first", (0.1, -5.0, -5.0), 0.1),
    ],
)
def test_criteria_are_joined_as_the_rubric_says(aggregate, z, expected):
    rule = by_topic(THREE, **{name: (value, value) for name, value in zip(THREE, z, strict=True)})
    verdict = per_criterion(rule, *THREE, weights=(3.0, 1.0, 1.0), aggregate=aggregate).verdict
    assert verdict.logit == pytest.approx(expected, abs=1e-6)
    assert verdict.evidence == "logprobs"
    assert verdict.winner == ("a" if expected > 0 else "b" if expected < 0 else "tie")
    assert list(verdict.criteria) == list(THREE)
    assert verdict.criteria["kind"] == pytest.approx(sigmoid(min(6.0, z[0])))


def test_the_bias_of_several_criteria_is_their_mean():
    rule = by_topic(("kind", "wise"), kind=(1.5, 0.5), wise=(0.8, 0.2))
    verdict = per_criterion(rule, "kind", "wise").verdict
    assert verdict.position_bias == pytest.approx((0.5 + 0.3) / 2)


@pytest.mark.parametrize(
    ("aggregate", "consistent"), [("weighted-mean", True), ("first", True), ("lexicographic", True), ("min", True)]
)
def test_orders_that_find_the_same_winner_by_the_rubrics_rule_are_consistent(aggregate, consistent):
    """A count of criteria would see one order for "2" and the other against it; the weights do not."""
    rule = by_topic(THREE, kind=(3.0, 3.0), brave=(0.4, -0.4), wise=(0.4, -0.4))
    if aggregate == "min":
        rule = by_topic(THREE, kind=(3.0, 2.0), brave=(0.4, 0.4), wise=(0.4, 0.4))
    verdict = per_criterion(rule, *THREE, weights=(8.0, 1.0, 1.0), aggregate=aggregate).verdict
    assert verdict.consistent is consistent


def test_an_order_that_turns_on_the_heavy_criterion_is_inconsistent_whatever_the_light_ones_say():
    rule = by_topic(THREE, kind=(3.0, -1.0), brave=(0.2, 0.2), wise=(0.2, 0.2))
    held = per_criterion(rule, *THREE, weights=(8.0, 1.0, 1.0), combine="drop-inconsistent")
    assert held.verdict.consistent is False
    assert held.finding.status == "dropped"


def test_which_repeat_failed_does_not_mix_up_the_orders_of_the_criteria():
    """The first usable vote on one criterion may be of the other order than on the next."""
    names = ("kind", "wise")

    def rule(prompt):
        first_drawn = prompt.repeat == 0 and shown(prompt)[0] == "2" and topic_of(prompt, names) == "kind"
        return failing("timeout") if first_drawn else FIRST

    standard = rubric(*names, compare="per-criterion")
    verdict = judged("compare", CASE, rule, standard, method="cot", repeats=2).verdict
    assert verdict.consistent is False


def test_a_failed_criterion_makes_the_case_partial():
    def rule(prompt):
        return failing("unreadable") if topic_of(prompt, THREE) == "wise" else leaning()(prompt)

    held = per_criterion(rule, *THREE)
    assert held.finding.status == "partial"
    assert (held.verdict.winner, held.verdict.criteria) == (None, None)


# Constitutions


def test_all_principles_are_one_question_per_order():
    held = judged("compare", CASE, leaning(), constitution(*THREE))
    assert len(held.prompts) == 2
    assert {vote.principle for vote in held.finding.votes} == {None}


def test_per_principle_the_mean_over_principles_decides():
    rule = by_topic(THREE, kind=(2.0, 1.0), brave=(-1.0, -1.0), wise=(0.0, 0.5))
    held = judged("compare", CASE, rule, constitution(*THREE), principle="per-principle")
    assert len(held.prompts) == 6
    assert held.verdict.logit == pytest.approx((1.5 - 1.0 + 0.25) / 3)
    assert list(held.verdict.criteria) == list(THREE)


def test_a_principle_can_be_asked_by_name():
    held = judged("compare", CASE, leaning(), constitution(*THREE), principle="brave")
    assert [vote.principle for vote in held.finding.votes] == ["brave", "brave"]
    assert held.finding.status == "judged"
    assert held.verdict.criteria is None


def test_a_sampled_principle_is_the_same_for_both_orders_and_another_in_other_repeats():
    held = judged("compare", CASE, writing(), constitution(*THREE), method="cot", principle="sample", repeats=12)
    drawn = {}
    for vote in held.finding.votes:
        drawn.setdefault(vote.repeat, set()).add(vote.principle)
    assert all(len(names) == 1 for names in drawn.values())
    assert set.union(*drawn.values()) == set(THREE)
    assert (held.finding.status, held.verdict.winner, held.verdict.criteria) == ("judged", "a", None)


# Whatever a judge answers

ODDS = st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3).filter(sum)
LOGPROBS = ODDS.map(lambda odds: choosing(**{label: odd / sum(odds) for label, odd in zip("ABC", odds, strict=True)}))
TEXTS = st.sampled_from([FIRST, SECOND, EVEN, said("?"), said("A"), failing("timeout"), failing("refused")])
COMBINE = st.sampled_from(["mean-logit", "mean-probability", "vote", "tie-on-disagreement", "drop-inconsistent"])
AGGREGATE = st.sampled_from(["weighted-mean", "min", "lexicographic", "first"])


@given(st.lists(st.one_of(LOGPROBS, TEXTS), min_size=4, max_size=4), COMBINE, AGGREGATE)
def test_whatever_is_answered_no_number_is_nan_and_the_status_says_what_there_is(answers, combine, aggregate):
    standard = rubric("kind", "wise", compare="per-criterion", aggregate=aggregate, ties=True)
    held = judged("compare", CASE, in_turn(*answers), standard, combine=combine)
    verdict, usable = held.verdict, [vote for vote in held.finding.votes if vote.failure is None]
    assert held.finding.status in {4: ("judged", "dropped"), 0: ("unscored",)}.get(len(usable), ("partial",))
    assert (held.finding.failure is None) is bool(usable)
    if len(usable) < 4:
        assert verdict.winner is verdict.probability is verdict.logit is None
    else:
        assert 0.0 <= verdict.probability <= 1.0
        assert all(math.isfinite(number) for number in (verdict.logit, *verdict.criteria.values()))
        assert verdict.position_bias is None or math.isfinite(verdict.position_bias)
        assert verdict.winner in ("a", "b", "tie", None)
        assert (verdict.winner is None) is (held.finding.status == "dropped")
