"""What the questions of a case have in common comes first, so that an inference server computes it once."""

from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import PLAIN, case_of, constitution, judged, leaning, rubric, shown, text_of

from judge_service.domain.prompting import joined

CANDIDATES = ("3 apples", "1 pear", "2 plums", "5 figs")
CASE = case_of(*CANDIDATES, context="All of it is fruit.", reference="Figs.")
EACH = {
    "criteria": (rubric("kind", "brave", "wise", compare="per-criterion"), {}),
    "principles": (constitution("kind", "brave", "wise"), {"principle": "per-principle"}),
}
LONGEST_QUESTION = 200


def prompts_of(task, case=CASE, standard=PLAIN, **options):
    return judged(task, case, leaning(lambda text: float(text.split()[0])), standard, **options).prompts


def shared_by(prompts):
    """The beginning in which all prompts agree."""
    texts = [text_of(prompt) for prompt in prompts]
    agree = takewhile(lambda characters: len(set(characters)) == 1, zip(*texts, strict=False))
    return texts[0][: sum(1 for _ in agree)]


def endings(prompts):
    """What each prompt has behind that in which all agree."""
    shared = len(shared_by(prompts))
    return [text_of(prompt)[shared:] for prompt in prompts]


@pytest.mark.parametrize("each", EACH)
@pytest.mark.parametrize("task", ["compare", "score", "rank"])
def test_questions_about_the_same_texts_differ_in_their_last_lines_only(task, each):
    standard, options = EACH[each]
    case = case_of(*CANDIDATES[:2]) if task == "compare" else CASE
    told = {**options, "strategy": "listwise"} if task == "rank" else options
    prompts = prompts_of(task, case, standard, **told)
    groups = {tuple(shown(p)): [q for q in prompts if shown(q) == shown(p)] for p in prompts}
    assert {len(group) for group in groups.values()} == {3}
    for group in groups.values():
        assert len(set(map(text_of, group))) == 3
        assert all("[/Response" not in end and len(end) < LONGEST_QUESTION for end in endings(group))


def test_pairs_that_show_the_same_response_first_share_it_and_all_that_stands_before_it():
    prompts = prompts_of("rank", strategy="round-robin", orders="both")
    assert len(prompts) == 12
    for first in CANDIDATES:
        group = [prompt for prompt in prompts if shown(prompt)[0] == first]
        assert len(group) == 3
        assert all(end.startswith(tuple(CANDIDATES)) for end in (e.lstrip("\n") for e in endings(group))), endings(
            group
        )


@given(st.text(min_size=1), st.text(min_size=1))
def test_cases_share_the_system_prompt_and_the_whole_standard(one, other):
    cases = [case_of("3 apples", "1 pear", prompt=prompt) for prompt in (one, other)]
    prompts = [prompt for case in cases for prompt in prompts_of("compare", case)]
    assert len({joined(prompt.system) for prompt in prompts}) == 1
    shared = shared_by(prompts)
    assert all(criterion.text in shared for criterion in PLAIN.criteria)


def test_a_drawn_principle_is_still_shown_alone():
    (prompt, *_) = prompts_of("compare", case_of("3 apples", "1 pear"), EACH["principles"][0], principle="sample")
    assert sum(f"Text of {name}." in text_of(prompt) for name in ("kind", "brave", "wise")) == 1
