"""Judging until it is decided: what is looked at, and in which order."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.contests.sequential import UntilDecided, drawn_order, sequence_of
from judge_service.evaluation.contests.comparisons import Comparison

soft = st.sampled_from([0.1, 0.4, 0.5, 0.7, 0.9, 1.0])


def comparison(prompt, value, case="", status="judged"):
    won = None if value is None else 0.5 if value == 0.5 else float(value > 0.5)
    return Comparison(case or prompt, prompt, ("new", "old"), status, value, won)


def until(prompts, **options):
    return UntilDecided([(prompt, 1) for prompt in prompts], sequence_of("betting", 0.05), **options)


@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=20), st.randoms())
def test_the_order_is_drawn_and_does_not_depend_on_where_prompts_stood(prompts, shuffler):
    shuffled = list(prompts)
    shuffler.shuffle(shuffled)
    assert drawn_order(shuffled, 7) == drawn_order(prompts, 7)
    assert sorted(drawn_order(prompts, 7)) == sorted(set(prompts))


def test_another_seed_draws_another_order():
    prompts = [f"p{n}" for n in range(30)]
    assert drawn_order(prompts, 0) != drawn_order(prompts, 1)
    assert drawn_order(prompts, 0) != prompts


@given(st.lists(soft, min_size=1, max_size=60), st.randoms())
def test_it_stops_at_the_same_prompt_whatever_comes_first(values, shuffler):
    prompts = [f"p{n}" for n in range(len(values))]
    outcomes = [comparison(prompt, value) for prompt, value in zip(prompts, values, strict=True)]
    in_order, shuffled = until(prompts), until(prompts)
    for outcome in outcomes:
        in_order.take(outcome)
    shuffler.shuffle(outcomes)
    for outcome in outcomes:
        shuffled.take(outcome)
    assert (shuffled.taken, shuffled.decided) == (in_order.taken, in_order.decided)
    assert shuffled.sequence.interval == in_order.sequence.interval
    # By hand: the values in the drawn order, up to where betting on them decides.
    again = sequence_of("betting", 0.05)
    needed = next((n for n, value in enumerate(values, 1) if again.add(value)), len(values))
    assert in_order.taken == needed


def test_an_answer_that_comes_early_waits_for_those_drawn_before_it():
    prompts = [f"p{n}" for n in range(100)]
    asked = until(prompts)
    for prompt in prompts[1:]:
        assert not asked.take(comparison(prompt, 1.0))
    assert asked.taken == 0
    assert asked.take(comparison("p0", 0.0))
    assert asked.decided == 1
    assert 5 < asked.taken < 30


def test_stopping_as_verdicts_come_would_favour_what_is_quickly_judged():
    # Answers that win are judged at once, those that lose later: in the drawn order there is nothing in it.
    draws = random.Random(1)
    wrong = naive = 0
    for _ in range(120):
        prompts = [f"p{n}" for n in range(150)]
        outcomes = [comparison(prompt, draws.choice([0.15, 0.85])) for prompt in prompts]
        quick = sorted(outcomes, key=lambda outcome: -outcome.soft)
        asked, as_they_come = until(prompts), until([outcome.prompt for outcome in quick])
        for outcome in quick:
            asked.take(outcome)
            as_they_come.take(outcome)
        wrong += asked.decided != 0
        naive += as_they_come.decided != 0
    assert naive == 120
    assert wrong <= 6


def test_answers_of_one_prompt_count_once_and_only_when_all_are_there():
    asked = UntilDecided([("p0", 2), ("p1", 1)], sequence_of("betting", 0.05))
    asked.take(comparison("p0", 0.9, "a"))
    assert asked.taken == 0
    asked.take(comparison("p0", 0.5, "b"))
    once = sequence_of("betting", 0.05)
    once.add((0.9 + 0.5) / 2)
    assert asked.taken == 1
    assert asked.sequence.interval == once.interval


@given(st.lists(st.one_of(st.none(), soft), min_size=1, max_size=60), st.data())
def test_what_is_decided_with_cases_unscored_holds_whatever_they_would_have_been(values, drawing):
    prompts = [f"p{n}" for n in range(len(values))]
    asked, known = until(prompts), until(prompts)
    for prompt, value in zip(prompts, values, strict=True):
        asked.take(comparison(prompt, value, status="judged" if value is not None else "unscored"))
        known.take(comparison(prompt, drawing.draw(st.floats(0, 1)) if value is None else value))
    assert asked.decided in (0, known.decided)
    assert asked.taken >= known.taken
    assert asked.unknown == values[: asked.taken].count(None)


def test_a_judge_that_fails_on_the_losing_side_cannot_decide_by_it():
    # The worse half of the verdicts is missing: what is left wins throughout.
    prompts = [f"p{n}" for n in range(400)]
    values = [0.9 if n % 2 else None for n in range(400)]
    rules = {rule: until(prompts, unscored=rule) for rule in ("bounds", "drop", "tie")}
    for prompt, value in zip(prompts, values, strict=True):
        for asked in rules.values():
            asked.take(comparison(prompt, value, status="judged" if value else "unscored"))
    assert rules["bounds"].decided == 0
    assert rules["bounds"].unknown == 200
    assert rules["drop"].decided == 1
    assert rules["drop"].left_out > 0
    assert rules["tie"].decided == 1


@pytest.mark.parametrize(("value", "bounds"), [("soft", (0.6, 0.6)), ("discrete", (1.0, 1.0))])
def test_soft_verdicts_or_votes_are_what_decides(value, bounds):
    asked, told = until(["p"], value=value), sequence_of("betting", 0.05)
    asked.take(comparison("p", 0.6))
    told.add(*bounds)
    assert asked.sequence.interval == told.interval


def test_a_budget_ends_it_undecided_and_a_larger_one_goes_on_to_where_one_run_would_have_come():
    values = [0.7, 0.3, 0.8, 0.9] * 60
    prompts = [f"p{n}" for n in range(len(values))]
    small, large = until(prompts[:10]), until(prompts[:200])
    for prompt, value in zip(prompts, values, strict=True):
        small.take(comparison(prompt, value))
    assert (small.is_over, small.taken, small.decided) == (True, 10, 0)
    low, high = small.sequence.interval
    assert low < 0.5 < high
    for prompt, value in zip(prompts, values, strict=True):
        large.take(comparison(prompt, value))
    assert large.decided == 1
    assert 10 < large.taken < 200
