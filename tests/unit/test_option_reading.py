"""The reading of an answer that names one of several options."""

import pytest

from judge_service.domain.answers import FreeText
from judge_service.protocols.readings import Unreadable, default_space, read

NAMED = [
    (4, "I weigh.\n\nChoice: C", "C"),
    (4, "C", "C"),
    (4, "**C**", "C"),
    (4, "(C)", "C"),
    (4, "Option C", "C"),
    (4, "Therefore the answer is option B.", "B"),
    (4, "Answer: C because it fits.", "C"),
    (4, "My final choice: **B**", "B"),
    (4, "Choice: A (blue)", "A"),
    (4, "Choice: B: blue", "B"),
    (4, "Choice: A\nOn reflection.\nChoice: B", "B"),
    (4, "<think>Choice: D</think>Choice: A", "A"),
    (4, "Choice： Ｂ", "B"),
    (12, "Choice: I", "I"),
    (40, "Choice: 37", "37"),
    (40, "37", "37"),
]
UNREADABLE = [
    (4, "Choice: Z"),
    (4, "Choice: A or B"),
    (4, "A is good. B is bad."),
    (4, "The answer is not C."),
    (12, "Answer: I do not know"),
    (3, "yes"),
    (3, ""),
    (40, "Choice: 41"),
    (40, "Choice: 0"),
    (40, "Choice: A"),
    (4, "Choice: 1"),
]


@pytest.mark.parametrize(("shown", "text", "label"), NAMED)
def test_the_option_that_is_named_comes_first(shown, text, label):
    answer = read(text, FreeText("option", "option", shown))
    assert answer.label == label
    assert len(answer.tiers[0]) == 1
    assert sorted(answer.tiers[0] + answer.tiers[1]) == list(range(shown))


@pytest.mark.parametrize(("shown", "text"), UNREADABLE)
def test_what_names_no_option_or_several_is_unreadable(shown, text):
    with pytest.raises(Unreadable):
        read(text, FreeText("option", "option", shown))


def test_where_nobody_knows_how_many_were_shown_the_label_tells_its_place():
    space = default_space("option")
    assert read("Choice: C", space).tiers == ((2,),)
    assert read("Choice: 12", space).tiers == ((11,),)


def test_options_that_are_quoted_from_the_prompt_are_not_named():
    said = 'The text says "Choice: A" and that is all.'
    with pytest.raises(Unreadable):
        read(said, FreeText("option", "option", 3), ["Choice: A"])
