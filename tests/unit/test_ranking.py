"""A ranking from pairs, from scores, or from scores refined by pairs."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import (
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
    topic_of,
    writing,
)

from judge_service.domain.parsing import unnamed

PAIRED = ("pairs", "round-robin", "pointwise+pairs")
ALL = ("listwise", "pointwise", *PAIRED)
KIND = rubric("kind", scale=(1, 9))


def case_with(n, spread=0.4):
    """n candidates whose worths are the given number of logits apart, in mixed order."""
    places = sorted(range(n), key=lambda place: (place * 7) % 11)
    return case_of(*(str(round(5 + spread * (place - n / 2), 3)) for place in places))


def true_order(case):
    return tuple(c.id for c in sorted(case.candidates, key=lambda c: -float(c.content)))


def ranked(case, rule, strategy="auto", method="direct", standard=KIND, **options):
    return judged("rank", case, rule, standard, method, strategy=strategy, **options)


def pairs_asked(held):
    return [tuple(shown(prompt)) for prompt in held.prompts if len(shown(prompt)) == 2]


# The true order comes out


@pytest.mark.parametrize("strategy", PAIRED)
@pytest.mark.parametrize("n", [3, 5, 6, 9, 12])
def test_a_judge_that_leans_to_the_first_shown_still_yields_the_true_order(strategy, n):
    case = case_with(n)
    held = ranked(case, leaning(bias=0.8), strategy)
    assert held.finding.status == "judged"
    assert held.verdict.ranking == true_order(case)
    assert [held.verdict.ranks[name] for name in held.verdict.ranking] == list(range(1, n + 1))


@pytest.mark.parametrize("strategy", ["pairs", "round-robin"])
def test_strengths_are_the_worths_apart_from_their_mean(strategy):
    case = case_with(7, spread=0.5)
    strengths = ranked(case, leaning(bias=1.0), strategy, orders="both").verdict.strengths
    mean = math.fsum(float(c.content) for c in case.candidates) / 7
    assert strengths == pytest.approx({c.id: float(c.content) - mean for c in case.candidates}, abs=0.1)


@pytest.mark.parametrize("strategy", ALL)
def test_a_judge_in_words_yields_the_true_order(strategy):
    case = case_of("3", "8", "5", "1")
    held = ranked(case, writing(), strategy, "cot")
    assert held.verdict.ranking == ("b", "c", "a", "d")
    assert (held.verdict.strengths is None) is (strategy in ("listwise", "pointwise"))


@given(st.lists(st.integers(10, 90).map(lambda x: x / 10), min_size=2, max_size=7, unique=True), st.sampled_from(ALL))
def test_the_ranking_does_not_depend_on_the_order_of_the_candidates(worths, strategy):
    here, there = (ranked(case_of(*map(str, ws)), leaning(bias=0.5), strategy).verdict for ws in (worths, worths[::-1]))
    by_worth = dict(zip(worths, here.scores.values(), strict=True))
    assert by_worth == pytest.approx(dict(zip(worths[::-1], there.scores.values(), strict=True)))


@pytest.mark.parametrize("strategy", ALL)
def test_scores_are_mean_probabilities_of_beating_another_and_strengths_have_no_mean(strategy):
    verdict = ranked(case_with(6), leaning(), strategy).verdict
    assert all(0.0 <= score <= 1.0 for score in verdict.scores.values())
    assert math.fsum(verdict.scores.values()) / 6 == pytest.approx(0.5)
    assert verdict.strengths is None or math.fsum(verdict.strengths.values()) == pytest.approx(0.0, abs=1e-9)
    assert (verdict.strategy, verdict.kendall_w) == (strategy, None)


# Which questions are asked


@pytest.mark.parametrize(
    ("n", "strategy", "pairs", "scores"),
    [
        (2, "round-robin", 1, 0),
        (5, "round-robin", 10, 0),
        (6, "pairs", 12, 0),
        (10, "pairs", 20, 0),
        (11, "pointwise+pairs", 19, 11),
        (20, "pointwise+pairs", 37, 20),
        (21, "pointwise+pairs", 57, 21),
    ],
)
def test_the_number_of_candidates_chooses_the_design(n, strategy, pairs, scores):
    held = ranked(case_with(n, spread=2.0), leaning())
    assert held.verdict.strategy == strategy
    assert (len(pairs_asked(held)), len(held.prompts) - len(pairs_asked(held))) == (pairs, scores)


@pytest.mark.parametrize(
    ("reading", "n", "strategy"),
    [
        ("json", 12, "pointwise+pairs"),
        ("arena-hard", 4, "round-robin"),
        ("arena-hard", 12, "pairs"),
        ("ranking", 4, "listwise"),
        ("prometheus-score", 4, "pointwise"),
    ],
)
def test_in_words_the_design_keeps_to_what_the_reading_can_settle(reading, n, strategy):
    held = ranked(case_with(n), always(failing("timeout")), "auto", "cot", reading=reading)
    assert held.verdict.strategy == strategy


@pytest.mark.parametrize(("orders", "count"), [("both", 12), ("audited", 12), ("one", 6), ("design", 6)])
def test_orders_of_a_round_robin(orders, count):
    held = ranked(case_with(4, spread=3.0), leaning(), "round-robin", orders=orders)
    assert len(held.prompts) == count
    asked = Counter(tuple(sorted(pair)) for pair in pairs_asked(held))
    assert set(asked.values()) == {count // 6}


def test_near_ties_of_a_round_robin_are_asked_the_other_way_round_too():
    held = ranked(case_of("1.0", "1.5", "9.0"), leaning(), "round-robin")
    assert [len(prompts) for prompts in held.rounds] == [3, 1]
    again = tuple(shown(held.rounds[1][0]))
    assert sorted(again) == ["1.0", "1.5"]
    assert again[::-1] in pairs_asked(held)


def test_a_near_tie_is_asked_once_more_however_many_principles_or_repeats_there_are():
    standard = constitution("kind", "wise")
    held = ranked(case_of("1.0", "1.5"), leaning(), "round-robin", standard=standard, principle="per-principle")
    assert [len(prompts) for prompts in held.rounds] == [2, 2]
    repeated = ranked(case_of("1", "1.0001"), always(said('{"verdict": "tie"}')), "round-robin", "cot", repeats=3)
    assert [len(prompts) for prompts in repeated.rounds] == [3, 3]


def test_one_order_means_one_order_even_for_near_ties():
    assert len(ranked(case_of("1.0", "1.1"), leaning(), "round-robin", orders="one").prompts) == 1


def test_scores_choose_which_pairs_are_worth_asking():
    case = case_with(12, spread=0.6)
    held = ranked(case, leaning(), "pointwise+pairs")
    assert [len(prompts) for prompts in held.rounds] == [12, 21]
    order = [c.content for c in sorted(case.candidates, key=lambda c: -float(c.content))]
    assert all(abs(order.index(one) - order.index(other)) <= 2 for one, other in pairs_asked(held))


def test_each_candidate_of_a_circle_is_shown_first_as_often_as_second():
    held = ranked(case_with(8), leaning(), "pairs")
    first, second = (Counter(pair[side] for pair in pairs_asked(held)) for side in (0, 1))
    assert set(first.values()) == set(second.values()) == {2}


def test_pairs_are_oriented_by_content_and_seed():
    def asked(case, seed=0):
        return {prompt.key(b"") for prompt in ranked(case, leaning(), "pairs", seed=seed).prompts}

    case = case_of(*"123456")
    assert asked(case) == asked(case_of(*"654321")) != asked(case, seed=1)


# Constitutions


@pytest.mark.parametrize("strategy", ["pointwise", *PAIRED])
@pytest.mark.parametrize("principle", ["all", "per-principle", "sample", "wise"])
def test_a_constitution_ranks_by_every_way_of_asking_about_its_principles(strategy, principle):
    standard = constitution("kind", "wise", scale=(1, 9))
    held = ranked(case_of("3", "8", "5"), writing(), strategy, "cot", standard, principle=principle, repeats=4)
    assert (held.finding.status, held.verdict.ranking) == ("judged", ("b", "c", "a"))
    asked = {"all": {None}, "wise": {"wise"}}.get(principle, {"kind", "wise"})
    assert {vote.principle for vote in held.finding.votes} == asked


@pytest.mark.parametrize(("principle", "status"), [("per-principle", "partial"), ("sample", "judged")])
@pytest.mark.parametrize("strategy", ["pointwise", *PAIRED])
def test_a_principle_nobody_answers_on_is_missed_only_where_it_had_to_be_asked(strategy, principle, status):
    def rule(prompt):
        about_wise = topic_of(prompt, ("kind", "wise")) == "wise"
        return failing("refused") if about_wise else writing()(prompt)

    standard = constitution("kind", "wise", scale=(1, 9))
    held = ranked(case_of("3", "8", "5"), rule, strategy, "cot", standard, principle=principle, repeats=6)
    assert held.finding.status == status


def test_scores_by_criterion_are_joined_by_their_weights_before_they_rank():
    def rule(prompt):
        kind = topic_of(prompt, ("kind", "wise")) == "kind"
        return choosing(**{"9" if (shown(prompt) == ["x"]) is kind else "1": 1.0})

    light_first = rubric("kind", "wise", weights=(1.0, 3.0), scale=(1, 9))
    assert ranked(case_of("x", "y"), rule, "pointwise", standard=light_first).verdict.ranking == ("b", "a")


# Ties and identical candidates


@pytest.mark.parametrize("strategy", ALL)
def test_identical_candidates_share_a_place_and_are_asked_about_once(strategy):
    held = ranked(case_of("7", "2", " 7\n", "4"), leaning(), strategy)
    assert held.verdict.ranks == {"a": 1, "c": 1, "d": 3, "b": 4}
    assert held.verdict.ranking == ("a", "c", "d", "b")
    assert held.verdict.scores["a"] == held.verdict.scores["c"]
    assert all(len({text.strip() for text in shown(prompt)}) == len(shown(prompt)) for prompt in held.prompts)


@pytest.mark.parametrize("strategy", ALL)
def test_candidates_that_are_all_the_same_are_tied_without_a_call(strategy):
    held = ranked(case_of("7", "7 ", " 7"), leaning(), strategy)
    assert held.rounds == []
    assert (held.finding.status, held.finding.votes) == ("judged", ())
    assert held.verdict.ranks == {"a": 1, "b": 1, "c": 1}
    assert held.verdict.scores == {"a": 0.5, "b": 0.5, "c": 0.5}
    assert held.verdict.kendall_w is None


def test_candidates_of_equal_scores_share_a_rank_and_the_next_is_skipped():
    held = ranked(case_of("5", "7", "5.0", "2"), leaning(), "pointwise")
    assert held.verdict.ranks == {"b": 1, "a": 2, "c": 2, "d": 4}
    assert held.verdict.scores == pytest.approx({"a": 0.5, "b": 1.0, "c": 0.5, "d": 0.0})


def test_a_judge_that_always_says_tie_ties_everybody():
    held = ranked(case_of("3", "1", "2"), always(said('{"verdict": "tie"}')), "pairs", "cot")
    assert held.verdict.ranks == {"a": 1, "b": 1, "c": 1}


def test_a_judge_that_only_looks_at_the_place_ties_everybody():
    held = ranked(case_with(7), always(choosing(A=0.9, B=0.1)), "pairs")
    assert set(held.verdict.ranks.values()) == {1}
    assert held.verdict.strengths == pytest.approx(dict.fromkeys(map(unnamed, range(7)), 0.0), abs=1e-9)


# What does not come


@pytest.mark.parametrize("strategy", ALL)
def test_without_any_usable_vote_the_case_is_unscored_and_says_why(strategy):
    held = ranked(case_with(4), always(failing("judge_unavailable")), strategy)
    assert (held.finding.status, held.finding.failure.kind) == ("unscored", "judge_unavailable")
    assert held.verdict.ranking is held.verdict.ranks is held.verdict.scores is None
    assert held.verdict.strategy == strategy


@pytest.mark.parametrize("strategy", PAIRED)
def test_one_pair_without_an_answer_leaves_the_case_partial(strategy):
    def rule(prompt):
        return failing("timeout") if set(shown(prompt)) == {"1", "2"} else leaning()(prompt)

    held = ranked(case_of("1", "2", "3"), rule, strategy)
    assert (held.finding.status, held.finding.failure, held.verdict.ranking) == ("partial", None, None)
    assert any(vote.failure is None for vote in held.finding.votes)


@pytest.mark.parametrize("strategy", PAIRED)
def test_a_failed_repeat_beside_a_usable_one_leaves_the_case_judged(strategy):
    def rule(prompt):
        return failing("timeout") if prompt.repeat == 1 else writing()(prompt)

    held = ranked(case_of("3", "8", "5"), rule, strategy, "cot", repeats=2)
    assert held.finding.status == "judged"
    assert held.verdict.ranking == ("b", "c", "a")


def test_pairs_are_not_asked_once_the_scores_have_failed():
    held = ranked(case_with(4), always(failing("timeout")), "pointwise+pairs")
    assert len(held.rounds) == 1


ODDS = st.lists(st.floats(0.0, 1.0), min_size=9, max_size=9).filter(lambda odds: odds[0] + odds[1] > 0)


@given(ODDS, st.sampled_from(ALL), st.integers(2, 6), st.booleans())
def test_whatever_is_answered_no_number_is_nan(odds, strategy, n, swaps):
    def rule(prompt):
        labels = prompt.space.labels
        told = odds[: len(labels)][:: -1 if swaps and prompt.repeat % 2 else 1]
        return choosing(**{label: odd / sum(told) for label, odd in zip(labels, told, strict=True)})

    verdict = ranked(case_with(n), rule, strategy).verdict
    numbers = [*verdict.scores.values(), *(verdict.strengths or {}).values(), verdict.kendall_w or 0.0]
    assert all(math.isfinite(number) for number in numbers)
    assert sorted(verdict.ranking) == [unnamed(place) for place in range(n)]
