"""What is judged, what names it, and where its random draws come from."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import case_of, swapped

from judge_service.domain.cases import Candidate, Message, ToolCall, content_digest, plain, same_content
from judge_service.domain.digests import digest, draw

ASKED = (Message("user", "Hi"), Message("assistant", "", tool_calls=(ToolCall("look", '{"x": 1}'),)))


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "Name a lake."},
        {"reference": "The Rhine."},
        {"context": "Rivers of Europe."},
        {"candidates": (Candidate("a", "Elbe"), Candidate("b", "Oder"))},
        {"candidates": (Candidate("x", "Rhine"), Candidate("b", "Elbe"))},
        {"candidates": (Candidate("a", "Rhine", "gpt-4"), Candidate("b", "Elbe"))},
        {"candidates": (Candidate("a", "Rhine", "None"), Candidate("b", "Elbe"))},
    ],
)
def test_the_digest_names_everything_that_is_judged(change):
    case = case_of("Rhine", "Elbe")
    assert replace(case, **change).digest != case.digest


def test_the_digest_leaves_out_what_is_not_judged():
    case = case_of("Rhine", "Elbe")
    assert replace(case, id="other", domain="rivers", metadata={"k": 1}).digest == case.digest


def test_an_empty_reference_is_another_case_than_none():
    assert case_of("Rhine", reference="").digest != case_of("Rhine").digest


@given(st.lists(st.text(), min_size=2, max_size=5, unique=True), st.randoms(use_true_random=False))
def test_the_lot_depends_on_the_texts_and_not_on_their_order(texts, dice):
    shuffled = list(texts)
    dice.shuffle(shuffled)
    assert case_of(*shuffled).lot == case_of(*texts).lot
    assert case_of(*texts, "one more").lot != case_of(*texts).lot


def test_the_lot_depends_on_prompt_reference_and_context_but_on_no_name():
    case = case_of("Rhine", "Elbe")
    lots = {
        replace(case, **change).lot for change in ({}, {"prompt": "?"}, {"reference": "Rhine"}, {"context": "Rhine"})
    }
    assert len(lots) == 4
    renamed = tuple(Candidate("x" + c.id, c.content, "some model") for c in case.candidates)
    assert replace(case, id="other", candidates=renamed, domain="d").lot == case.lot


def test_equal_cases_have_equal_hashes_so_that_they_can_be_looked_up():
    assert len({case_of("Rhine", "Elbe"), case_of("Rhine", "Elbe"), case_of("Rhine", "Oder")}) == 2
    assert swapped(case_of("Rhine", "Elbe")) != case_of("Rhine", "Elbe")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Rhine", " Rhine\n", True),
        ("the  Rhine", "the\tRhine", True),
        ("Rhine", "rhine", False),
        ("", " ", True),
        (ASKED, ASKED, True),
        ((Message("user", "Hi"),), (Message("user", "Hi "),), True),
        ((Message("user", "Hi"),), (Message("assistant", "Hi"),), False),
        (ASKED, (Message("user", "Hi"), Message("assistant", "")), False),
        ((Message("user", "Hi"),), "Hi", False),
    ],
)
def test_candidates_are_identical_apart_from_white_space(one, other, same):
    assert same_content(one, other) is same
    assert same_content(other, one) is same


@given(*[st.text(st.sampled_from("ab \n\t\x1f\u00a0"), max_size=6)] * 2)
def test_two_texts_are_identical_exactly_when_their_words_are(one, other):
    assert same_content(one, other) is (one.split() == other.split())


def test_content_digests_tell_texts_conversations_and_nothing_apart():
    keys = [content_digest(content) for content in (None, "", "n", (Message("user", ""),), ASKED)]
    assert len(set(keys)) == 5


def test_a_conversation_as_plain_values_has_the_shape_of_openai_messages():
    full = Message("assistant", "Hm", "bot", "I think", (ToolCall("look", "{}"),))
    assert plain((full,)) == [
        {
            "role": "assistant",
            "content": "Hm",
            "name": "bot",
            "reasoning": "I think",
            "tool_calls": [{"type": "function", "function": {"name": "look", "arguments": "{}"}}],
        }
    ]


def test_a_digest_ignores_the_order_of_keys_and_nothing_else():
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert len({digest(x) for x in ([1, 2], [2, 1], ["1", 2], {"1": 2}, None, "", "null")}) == 7


def test_a_draw_is_the_same_on_every_machine_and_in_every_run():
    assert draw("order", 0, 17) == 2704292705119913731
    assert draw("a", "b") != draw("ab")


def test_draws_are_spread_evenly():
    counts = Counter(draw("order", 0, i) % 2 for i in range(2000))
    assert abs(counts[0] - 1000) < 100
