"""What holds of readings for every text: no stray error, no side preferred, no time beyond the text's length."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading_outcome import outcome
from test_readings import FORMS, MT, SPACES

from judge_service.protocols.readings import READINGS

SCRAPS = """[[A]] [[B]] [[ ]] [[C]] [[A>B]] A B Output (a) (b) is better than not over neither . : ; ! ? ``` ` " “ ” ' >
**
[RESULT] { } "verdict": "A" "scores": "ranking": [ ] 1 2 10 <think> </think> Tie Answer: final decision Response"""
SCRAP = st.sampled_from([*SCRAPS.split(), "\n", " "])
SCRAP_TEXT = st.lists(SCRAP, max_size=30)
JUDGE_LIKE = st.one_of(st.text(), SCRAP_TEXT.map(" ".join), SCRAP_TEXT.map("".join))


@given(text=JUDGE_LIKE, space=st.sampled_from(SPACES), quoted=st.lists(st.text(), max_size=2))
def test_nothing_but_unreadable_is_ever_raised(text, space, quoted):
    outcome(space.reading, text, tuple(quoted), space)


SYMMETRIC = st.sampled_from((MT, "prometheus-pair", "choice", "json"))
SWAP = str.maketrans("AB", "BA")
MIRROR = {"first": "second", "second": "first", "tie": "tie", None: None}
SAYINGS = '[[A]] [[B]] [RESULT] A B Response Choice: is better than not over or and . , so the ` ** "'
SAYING = st.sampled_from([*SAYINGS.split(), '{"verdict": "A"}', '{"verdict": "B"}', "\n"])


@given(name=SYMMETRIC, words=st.lists(SAYING, max_size=14))
def test_swapping_the_letters_mirrors_the_answer(name, words):
    text = " ".join(words)
    assert outcome(name, text.translate(SWAP)) == MIRROR[outcome(name, text)]


@given(
    before=st.text(alphabet=string.ascii_lowercase + " .,:;!?-\n", max_size=300), which=st.integers(0, len(FORMS) - 1)
)
def test_earlier_lines_without_labels_change_nothing(before, which):
    name, text, expected = FORMS[which]
    if name not in ("pandalm", "two-scores"):
        assert outcome(name, f"{before}.\n\n{text}") == expected


@pytest.mark.parametrize(
    "unit", ["a", "a b. ", "[[", "{", '{"', "\n", '"', "` ", "> x\n", "```\n", "<think>", "(a) ", "1\n", "“"]
)
@pytest.mark.parametrize("name", READINGS)
def test_a_long_run_of_one_mark_is_no_verdict_and_does_not_hang(name, unit):
    # No clock: a rule whose time grew with the square of the length would not come to the end of this at all.
    assert outcome(name, unit * (1_000_000 // len(unit))) == outcome(name, unit * 3)


@pytest.mark.parametrize("name", READINGS)
def test_five_megabytes_are_read(name):
    text = "Response one is well made, and it's 'clear' too; the other says \"no\".\n" * 75_000
    assert outcome(name, text) == outcome(name, text[:200])
    assert outcome(MT, text + "[[B]]") == "second"
