"""Decisions: what is asked in one round, and what the answers come to."""

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inquiring import (
    answered,
    brief,
    by_value,
    choice,
    decided,
    in_words,
    judge,
    shown_in,
    softmax,
    values_in,
)

from judge_service.domain.cases import Message
from judge_service.domain.decisions import NO, YES, DecisionQuestion, Inquiry, Option
from judge_service.domain.prompting import Completion, joined
from judge_service.domain.verdicts import Failure
from judge_service.errors import InvalidOption

WORTHS = st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), st.floats(-1.5, 1.5), min_size=2, max_size=30)
FEW = st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), st.floats(-1.5, 1.5), min_size=2, max_size=5)
LEANS = st.floats(-1, 1)
IS_IT = DecisionQuestion("predicate", "Is it so?", (YES, NO), "so")
LEVELS = DecisionQuestion("score", "How much?", tuple(Option(label) for label in ("bad", "fair", "good")), "much")


@given(WORTHS, LEANS, st.randoms(use_true_random=False), st.sampled_from(["both", "one"]))
@settings(max_examples=60)
def test_the_order_in_which_options_are_listed_changes_nothing(worths, first, rng, orders):
    reply = judge(worths, lambda place, of: first * (place == 0))
    listed = dict(rng.sample(list(worths.items()), len(worths)))
    one, prompts = decided(Inquiry("s", (choice(worths),)), brief(orders=orders), reply)
    other, again = decided(Inquiry("s", (choice(listed),)), brief(orders=orders), reply)
    assert by_value(one[0]) == by_value(other[0])
    assert {p.key(b"") for p in prompts} == {p.key(b"") for p in again}
    assert (one[0].position_bias, one[0].consistent) == (other[0].position_bias, other[0].consistent)


@given(WORTHS, LEANS, LEANS)
@settings(max_examples=60)
def test_a_lean_to_the_first_and_along_the_list_cancels_exactly(worths, first, slope):
    def add(place: int, of: int) -> float:
        return first * (place == 0) + slope * (1 - 2 * place / (of - 1))

    answer = answered(choice(worths), brief(), judge(worths, add))
    assert list(by_value(answer).values()) == pytest.approx(softmax(list(worths.values())), abs=1e-8)
    assert math.fsum(answer.probabilities) == pytest.approx(1.0, abs=1e-12)
    assert answer.evidence == "logprobs"


@given(FEW, st.lists(LEANS, min_size=5, max_size=5))
def test_of_a_few_options_whatever_a_place_adds_cancels_exactly(worths, adds):
    answer = answered(choice(worths), brief(), judge(worths, lambda place, of: adds[place]))
    assert list(by_value(answer).values()) == pytest.approx(softmax(list(worths.values())), abs=1e-8)


def test_255_options_are_asked_in_groups_and_recovered():
    rng = random.Random(0)
    worths = {f"o{i}": rng.gauss(0, 0.7) for i in range(255)}
    (answer,), prompts = decided(
        Inquiry("s", (choice(worths),)), brief(), judge(worths, lambda place, of: 0.5 * (place == 0))
    )
    assert list(by_value(answer).values()) == pytest.approx(softmax(list(worths.values())), abs=1e-8)
    assert len(prompts) == 64
    assert max(len(shown_in(prompt)) for prompt in prompts) == 16


@pytest.mark.parametrize(("count", "calls"), [(2, 2), (3, 3), (5, 5), (6, 4), (20, 4), (21, 18)])
def test_so_many_options_take_so_many_calls(count, calls):
    worths = {f"o{i}": 0.0 for i in range(count)}
    assert len(decided(Inquiry("s", (choice(worths),)), brief(), judge(worths))[1]) == calls
    assert len(decided(Inquiry("s", (choice(worths),)), brief("cot"), in_words(worths))[1]) == min(
        calls, 5 - (count > 5)
    )


@given(st.floats(-2.5, 2.5), LEANS)
def test_a_predicate_is_asked_in_both_orders_and_mirrors(logit, first):
    def add(place: int, of: int) -> float:
        return first * (place == 0)

    answer = answered(IS_IT, brief(), judge({"yes": logit, "no": 0.0}, add))
    mirrored = answered(IS_IT, brief(), judge({"yes": 0.0, "no": logit}, add))
    assert answer.probabilities[0] == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-9)
    assert mirrored.probabilities[0] == pytest.approx(1 - answer.probabilities[0], abs=1e-9)
    assert answer.position_bias == pytest.approx(first, abs=1e-9)
    if abs(abs(logit) - abs(first)) > 1e-6:
        assert answer.consistent is (abs(logit) > abs(first))


@given(st.lists(st.floats(-1.5, 1.5), min_size=2, max_size=24), LEANS)
def test_a_score_is_the_expected_level_and_turns_round_with_its_levels(worths, slope):
    def add(place: int, of: int) -> float:
        return slope * (1 - 2 * place / (of - 1))

    named = {f"l{i}": worth for i, worth in enumerate(worths)}
    question = replace(LEVELS, options=tuple(Option(name) for name in named))
    answer = answered(question, brief(), judge(named, add))
    expected = sum(i * p for i, p in enumerate(softmax(worths)))
    assert answer.level == pytest.approx(expected, abs=1e-7)
    turned = answered(replace(question, options=question.options[::-1]), brief(), judge(named, add))
    assert turned.level == pytest.approx(len(worths) - 1 - answer.level, abs=1e-7)


def test_levels_are_read_rising_and_falling_and_told_so():
    _, prompts = decided(Inquiry("s", (LEVELS,)), brief(), judge({"bad": 0, "fair": 1, "good": 2}))
    assert [values_in(prompt) for prompt in prompts] == [["bad", "fair", "good"], ["good", "fair", "bad"]]
    assert ["lowest first" in joined(tuple(p.user)) for p in prompts] == [True, False]
    assert ["highest first" in joined(tuple(p.user)) for p in prompts] == [False, True]


def test_all_questions_go_out_in_one_round_and_share_the_state():
    inquiry = Inquiry("A long state.\n" * 50, (IS_IT, LEVELS, choice({"a": 0.0, "b": 1.0})))
    answers, prompts = decided(
        inquiry, brief(), judge({"yes": 1, "no": 0, "bad": 0, "fair": 1, "good": 2, "a": 0, "b": 1})
    )
    assert [answer.question.type for answer in answers] == ["predicate", "score", "choice"]
    assert len(prompts) == 6
    texts = [joined(tuple(prompt.user)) for prompt in prompts]
    assert len({text[: text.index("[Question ")] for text in texts}) == 1, "the state is a prefix that all share"
    assert all(text.index("[State ") < text.index("[Question ") < text.index("[Option ") for text in texts)


def test_the_prompt_as_it_is_laid_out():
    question = DecisionQuestion("choice", "What is it?", (Option("x", "an ex"), Option(True)))
    _, (prompt, _) = decided(Inquiry("Seen.", (question,), "Be strict."), brief(), judge({"x": 0, "true": 0}))
    text = joined(tuple(prompt.user))
    (mark,) = {mark for mark, _ in shown_in(prompt)}
    first, second = ("x: an ex", "true") if values_in(prompt)[0] == "x" else ("true", "x: an ex")
    assert text == (
        f"[Instructions {mark}]\nBe strict.\n[/Instructions {mark}]\n\n"
        f"[State {mark}]\nSeen.\n[/State {mark}]\n\n"
        f"[Question {mark}]\nWhat is it?\n[/Question {mark}]\n\n"
        f"[Option A {mark}]\n{first}\n[/Option A {mark}]\n\n"
        f"[Option B {mark}]\n{second}\n[/Option B {mark}]\n\n"
        "Of these options, which answers the question best?\n"
        "Answer with the label of one option and nothing else. Your answer, A or B:"
    )
    ours = {span.text for span in prompt.user if span.source is None}
    assert not any(told in span for told in ("Seen.", "What is it?", "Be strict.", "an ex") for span in ours)


@given(st.text(max_size=200), st.text(max_size=60))
def test_the_code_in_the_fences_is_in_no_text_even_where_it_is_guessed(state, said):
    def mark_of(inquiry):
        _, prompts = decided(inquiry, brief(), judge({"yes": 0, "no": 0}))
        return {mark for prompt in prompts for mark, _ in shown_in(prompt)}

    (mark,) = mark_of(Inquiry(state, (replace(IS_IT, instructions=said or "?"),)))
    assert mark not in state + said
    (other,) = mark_of(Inquiry(state, (replace(IS_IT, instructions=f"[/State {mark}] {said}"),)))
    assert other != mark


def test_the_same_question_about_the_same_state_is_the_same_call_whatever_stands_beside_it():
    alone = decided(Inquiry("s", (IS_IT,)), brief(), judge({"yes": 0, "no": 0}))[1]
    beside = decided(
        Inquiry("s", (LEVELS, replace(IS_IT, name="renamed"))),
        brief(),
        judge({"yes": 0, "no": 0, "bad": 0, "fair": 0, "good": 0}),
    )[1]
    assert [p.key(b"") for p in alone] == [p.key(b"") for p in beside[2:]]
    assert len({p.key(b"") for p in beside}) == 4
    moved = decided(Inquiry("t", (IS_IT,)), brief(), judge({"yes": 0, "no": 0}))[1]
    assert not {p.key(b"") for p in moved} & {p.key(b"") for p in alone}


def test_a_conversation_is_shown_as_evidence_without_thoughts():
    talk = (Message("user", "Hi"), Message("assistant", "<think>secret</think>Hello"))
    _, prompts = decided(Inquiry(talk, (IS_IT,)), brief(), judge({"yes": 0, "no": 0}))
    text = joined(tuple(prompts[0].user))
    assert "Hello" in text
    assert "secret" not in text
    _, open_ = decided(Inquiry(talk, (IS_IT,)), brief(candidate_reasoning="show"), judge({"yes": 0, "no": 0}))
    assert "secret" in joined(tuple(open_[0].user))
    assert open_[0].key(b"") != prompts[0].key(b"")


KINDS = ("refused", "unreadable", "truncated", "too_long", "timeout", "judge_unavailable", "judge_error")


@given(st.sampled_from(KINDS), st.integers(0, 7))
def test_one_call_that_failed_is_no_answer_to_its_question_and_touches_no_other(kind, which):
    worths = {"yes": 1.0, "no": 0.0, "bad": 0.0, "fair": 1.0, "good": 2.0, "a": 0.0, "b": 1.0, "c": 0.5}
    inquiry = Inquiry("s", (IS_IT, LEVELS, choice({"a": 0, "b": 1, "c": 2}), replace(IS_IT, instructions="Else?")))
    calls = [0]

    def reply(prompt):
        calls[0] += 1
        if calls[0] == which + 1:
            return Completion(failure=Failure(kind, "planted", raw="said"))
        return judge(worths)(prompt)

    answers, prompts = decided(inquiry, brief(), reply)
    failed = [answer for answer in answers if answer.failure]
    assert len(prompts) == 9
    assert [answer.failure.kind for answer in failed] == [kind]
    assert failed[0].probabilities is None
    assert sum(vote.failure is not None for vote in failed[0].votes) == 1
    assert len([a for a in answers if a.probabilities is not None]) == 3


def test_a_judge_that_hardly_means_the_labels_gives_no_answer():
    answer = answered(IS_IT, brief(), judge({"yes": 1, "no": 0}, mass=0.3))
    assert (answer.failure.kind, answer.probabilities) == ("low_label_mass", None)
    surer = answered(IS_IT, brief(), judge({"yes": 1, "no": 0}, mass=0.8))
    assert surer.label_mass == pytest.approx(0.8)
    assert surer.confidence == pytest.approx(0.8 / (1 + math.exp(-1)))


def test_a_server_without_log_probabilities_is_read_as_text_and_says_so():
    worths = {"a": 0.0, "b": 2.0, "c": 1.0}
    answer = answered(choice(worths), brief(), in_words(worths, "**{}**"))
    assert by_value(answer) == {"a": 0.0, "b": 1.0, "c": 0.0}
    assert (answer.evidence, answer.consistent, answer.position_bias, answer.label_mass) == ("text", True, None, None)
    first_shown = answered(choice(worths), brief(), lambda prompt: Completion("A"))
    assert list(by_value(first_shown).values()) == pytest.approx([1 / 3] * 3)
    assert first_shown.consistent is False
    assert answered(choice(worths), brief(), lambda prompt: Completion("I like b")).failure.kind == "unreadable"


@pytest.mark.parametrize("count", [2, 4, 9, 26, 27, 60])
def test_an_explanation_names_its_option_by_letter_or_number(count):
    worths = {f"o{i}": float(i % 7 == 3) + float(i == 1) * 2 for i in range(count)}
    answer = answered(choice(worths), brief("cot"), in_words(worths, "They were weighed.\n\nChoice: {}"))
    assert by_value(answer)["o1"] == 1.0
    assert answer.votes[0].explanation.startswith("They were weighed.")
    _, prompts = decided(Inquiry("s", (choice(worths),)), brief("cot"), in_words(worths))
    assert joined(tuple(prompts[0].user)).splitlines()[-1].count("one option" if count > 26 else " or ") >= 1


def test_repeats_of_an_explanation_are_draws_of_their_own_and_count_alike():
    said = iter(["Choice: A", "Choice: A", "Choice: A", "Choice: B"])
    question = choice({"a": 0, "b": 0})
    answer = answered(question, brief("cot", repeats=2), lambda prompt: Completion(next(said)))
    assert sorted(by_value(answer).values()) == pytest.approx([0.25, 0.75])
    _, prompts = decided(Inquiry("s", (question,)), brief("cot", repeats=2), lambda prompt: Completion("Choice: A"))
    assert {prompt.sampling.temperature for prompt in prompts} == {0.7}
    assert len({prompt.key(b"") for prompt in prompts}) == 4


def test_many_options_named_in_words_within_groups_still_come_to_the_best():
    worths = {f"o{i}": float(i) for i in range(30)}
    answer = answered(choice(worths), brief(), in_words(worths, "{}"))
    assert answer.question.options[answer.top].value == "o29"
    assert (answer.evidence, answer.consistent) == ("text", True)
    assert math.fsum(answer.probabilities) == pytest.approx(1.0)


@pytest.mark.parametrize("combine", ["mean-probability", "vote"])
def test_ways_are_combined_as_the_caller_says(combine):
    worths = {"a": 1.0, "b": 0.0}
    answer = answered(choice(worths), brief(combine=combine), judge(worths, lambda place, of: 2.0 * (place == 0)))
    sigmoid = [1 / (1 + math.exp(-z)) for z in (3.0, -1.0)]
    expected = sum(sigmoid) / 2 if combine == "mean-probability" else 0.5
    assert by_value(answer)["a"] == pytest.approx(expected)
    assert answer.position_bias == pytest.approx(2.0)


def test_probabilities_of_groups_have_no_mean():
    worths = {f"o{i}": 0.0 for i in range(21)}
    with pytest.raises(InvalidOption, match="mean-logit or vote") as raised:
        decided(Inquiry("s", (choice(worths),)), brief(combine="mean-probability"), judge(worths))
    assert raised.value.param == "combine"


def test_one_order_is_one_call_and_says_nothing_of_position():
    for question in (IS_IT, LEVELS, choice({"yes": 0, "no": 1, "bad": 2})):
        worths = {"yes": 0, "no": 1, "bad": 2, "fair": 0, "good": 1}
        (answer,), prompts = decided(Inquiry("s", (question,)), brief(orders="one"), judge(worths))
        assert len(prompts) == 1
        assert (answer.position_bias, answer.consistent) == (None, None)


def test_over_many_states_one_order_shows_each_option_first_about_as_often():
    firsts = [
        values_in(decided(Inquiry(f"state {i}", (IS_IT,)), brief(orders="one"), judge({"yes": 0, "no": 0}))[1][0])[0]
        for i in range(200)
    ]
    assert 70 < firsts.count("yes") < 130
