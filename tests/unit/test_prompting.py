"""The key of a prompt: it changes with everything that could change the answer, and with nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.domain.answers import Choice, FreeText, Scale
from judge_service.domain.prompting import JudgePrompt, LaidOut, Sampling, Span, joined

WHO = b"judge"
PROMPT = JudgePrompt(
    "default", (Span("Be fair."),), (Span("A: "), Span("x", "candidate")), Choice(("A", "B")), Sampling(seed=None)
)
SPANS = st.lists(st.builds(Span, st.text(max_size=3), st.sampled_from([None, "prompt", "candidate"])), max_size=3).map(
    tuple
)
PROMPTS = st.builds(
    JudgePrompt,
    st.just("j"),
    SPANS,
    SPANS,
    st.sampled_from([Choice(("A", "B")), Choice(("A", "B", "C"), "C"), Scale(1, 5)]),
    st.sampled_from([Sampling(), Sampling(0.7, 100, 1)]),
    st.integers(0, 1),
)

CHANGES = [
    {"system": (Span("Be  fair."),)},
    {"system": ()},
    {"user": (Span("A: "), Span("y", "candidate"))},
    {"user": (Span("A: "), Span("x", "prompt"))},
    {"user": (Span("A: "), Span("x"))},
    {"user": (Span("A: x", "candidate"),)},
    {"user": (Span("A"), Span(": x", "candidate"))},
    {"user": (Span("x", "candidate"), Span("A: "))},
    {"system": (Span("Be fair."), Span("A: ")), "user": (Span("x", "candidate"),)},
    {"space": Choice(("A", "B", "C"), "C")},
    {"space": Choice(("A", "B", "C"))},
    {"space": Scale(1, 5)},
    {"space": Scale(1, 10)},
    {"space": FreeText("json", "pair", 2)},
    {"space": FreeText("choice", "pair", 2)},
    {"space": FreeText("json", "pair", 2, ties=False)},
    {"sampling": Sampling(0.7)},
    {"sampling": Sampling(None)},
    {"sampling": Sampling(max_tokens=2)},
    {"sampling": Sampling(seed=1)},
    {"repeat": 1},
]


def test_each_part_of_a_prompt_changes_its_key():
    keys = {replace(PROMPT, **change).key(WHO) for change in [{}, *CHANGES]}
    assert len(keys) == len(CHANGES) + 1


def test_another_judge_has_another_key():
    assert PROMPT.key(b"other judge") != PROMPT.key(WHO)


def test_the_name_a_judge_is_configured_under_is_no_part_of_the_key():
    assert replace(PROMPT, judge="another name").key(WHO) == PROMPT.key(WHO)


@given(PROMPTS, PROMPTS)
def test_two_prompts_share_a_key_exactly_when_they_are_equal(one, other):
    assert (one.key(WHO) == other.key(WHO)) is (one == other)


def test_forged_boundaries_between_spans_make_no_other_prompts_key():
    one = replace(PROMPT, user=(Span("a", "prompt"), Span("b", "prompt")))
    forged = replace(PROMPT, user=(Span("a\x1eprompt1:b", "prompt"),))
    assert one.key(WHO) != forged.key(WHO)


@pytest.mark.parametrize("text", ["\ud800", "\x00", "🌊", ""])
def test_every_text_has_a_key_of_32_bytes(text):
    assert len(replace(PROMPT, user=(Span(text, "candidate"),)).key(WHO)) == 32


def test_spans_are_joined_for_people_to_read():
    assert joined(PROMPT.user) == "A: x"


def test_the_steps_of_a_scale_are_labels():
    assert Scale(8, 11).labels == ("8", "9", "10", "11")


def test_spans_are_laid_out_once_and_only_when_somebody_reads_them():
    made = []
    spans = LaidOut(b"name", lambda: made.append(1) or (Span("a"), Span("b", "prompt")))
    prompt = replace(PROMPT, user=spans)
    assert prompt.key(WHO) == replace(PROMPT, user=LaidOut(b"name", lambda: ())).key(WHO)
    assert prompt.key(WHO) != replace(PROMPT, user=LaidOut(b"other", lambda: ())).key(WHO)
    assert made == []
    assert (len(spans), spans[0], spans[1:], joined(spans)) == (2, Span("a"), (Span("b", "prompt"),), "ab")
    assert made == [1]


def test_laid_out_spans_are_equal_to_any_spans_of_the_same_content():
    spans = (Span("a"), Span("b", "prompt"))
    assert LaidOut(b"x", lambda: spans) == LaidOut(b"y", lambda: spans) == spans
    assert len({LaidOut(b"x", lambda: spans), LaidOut(b"y", lambda: spans)}) == 1
    assert LaidOut(b"x", lambda: spans) not in (spans[:1], "ab", None)
