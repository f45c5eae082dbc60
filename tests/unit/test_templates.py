"""A prompt's wording: sections with slots that are filled in one pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.domain.prompting import Span, joined
from judge_service.domain.templates import PromptTemplate, slots_of

USER = "# $standard\n\nBackground:\n$context\n\nAsked: $prompt\n\nEnd."


def template(user: str = USER, **sections: str) -> PromptTemplate:
    return PromptTemplate("t", {"user": user, **sections}, "sha256:0")


def filled(user: str = USER, fixed=None, **values: str) -> tuple[Span, ...]:
    spans = {name: (Span(text, "prompt"),) if text else () for name, text in values.items()}
    return template(user).layout("user", fixed or {"standard": "S"}).fill(spans)


def test_slots_are_filled_and_everything_else_stays():
    assert joined(filled(context="C", prompt="P")) == "# S\n\nBackground:\nC\n\nAsked: P\n\nEnd."


def test_a_block_whose_slot_is_empty_is_left_out_with_its_words():
    assert joined(filled(context="", prompt="P")) == "# S\n\nAsked: P\n\nEnd."
    assert joined(filled(prompt="P")) == "# S\n\nAsked: P\n\nEnd."


def test_a_block_whose_own_text_is_empty_is_left_out_too():
    assert joined(filled(fixed={"standard": "S", "context": ""}, prompt="P")) == "# S\n\nAsked: P\n\nEnd."


def test_each_value_stays_one_untouched_span_between_spans_of_ours():
    spans = filled(context="C", prompt="P")
    assert [span.source for span in spans] == [None, None, "prompt", None, "prompt", None]
    assert [span.text for span in spans if span.source] == ["C", "P"]


@given(st.text())
def test_no_value_is_rescanned_for_slots(text):
    hostile = text + "$prompt $context ${standard} $$"
    spans = filled(context=hostile, prompt="P")
    assert [span.text for span in spans if span.source] == [hostile, "P"]


def test_our_own_text_is_not_rescanned_either():
    assert joined(filled(fixed={"standard": "costs $prompt"}, prompt="P")).startswith("# costs $prompt\n\n")
    assert template(question="$name: $question").text("question", name="$question", question="Q") == "$question: Q"


def test_a_line_of_nothing_but_blanks_parts_two_blocks():
    assert joined(filled("$standard\n \t\nAsked: $prompt\nEnd.", prompt="P")) == "S\n\nAsked: P\nEnd."


def test_blocks_that_are_all_ours_become_one_span():
    spans = filled("Intro.\n\n$standard\n\nMore.\n\n$prompt\n\nEnd.\n\nFin.", prompt="P")
    assert [span.text for span in spans] == ["Intro.\n\nS\n\nMore.", "\n\n", "P", "\n\nEnd.\n\nFin."]


def test_several_spans_fill_one_slot_in_order():
    layout = template("<$prompt>").layout("user", {})
    spans = layout.fill({"prompt": (Span("a", "prompt"), Span("b"), Span("c", "prompt"))})
    assert [span.text for span in spans] == ["<", "a", "b", "c", ">"]


def test_a_text_with_a_value_missing_is_a_mistake_and_no_silent_gap():
    with pytest.raises(KeyError):
        template(question="$name").text("question")


def test_the_slots_of_a_section_are_its_dollar_names():
    assert slots_of("$a_b, $c. $$ $5 $A ${d} $e") == {"a_b", "c", "e"}
