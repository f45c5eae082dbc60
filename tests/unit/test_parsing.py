"""Plain values become a checked case, or an error that names the field."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.domain.cases import Candidate, Message, ToolCall
from judge_service.domain.parsing import MAX_CANDIDATES, case_from, content_from, unnamed
from judge_service.domain.records import case_record
from judge_service.errors import InvalidCase

PAIR = {"prompt": "Name a river.", "candidates": ["Rhine", "Elbe"]}
CALL = {"id": "1", "type": "function", "function": {"name": "look", "arguments": '{"x": 1}'}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def refused(given, task="compare", at=""):
    with pytest.raises(InvalidCase) as caught:
        case_from(given, task, at)
    return caught.value


def test_strings_are_enough_for_a_case():
    case = case_from(PAIR, "compare")
    assert case.prompt == "Name a river."
    assert case.candidates == (Candidate("a", "Rhine"), Candidate("b", "Elbe"))
    assert (case.reference, case.context, case.domain, case.metadata) == (None, None, None, {})


def test_candidates_may_bring_their_own_id_and_model():
    given = PAIR | {"candidates": [{"id": "x", "content": "Rhine", "model": "gpt-4"}, {"content": "Elbe"}]}
    assert case_from(given, "compare").candidates == (Candidate("x", "Rhine", "gpt-4"), Candidate("b", "Elbe"))


def test_a_candidate_may_be_one_message_or_several():
    one, several = {"role": "assistant", "content": "Rhine"}, [{"role": "assistant", "content": "Elbe"}]
    case = case_from(PAIR | {"candidates": [one, several]}, "compare")
    assert [c.content for c in case.candidates] == [(Message("assistant", "Rhine"),), (Message("assistant", "Elbe"),)]


def test_openai_messages_are_taken_with_tool_calls_results_and_thoughts():
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None},
        {"role": "tool", "tool_call_id": "call_1", "content": "42"},
        {"role": "assistant", "content": "42", "reasoning_content": "Hm.", "name": "bot"},
    ]
    assert content_from(messages, "prompt") == (
        Message("system", "Be brief."),
        Message("assistant", "", tool_calls=(ToolCall("look", '{"x": 1}'),)),
        Message("tool", "42", name="call_1"),
        Message("assistant", "42", name="bot", reasoning="Hm."),
    )


def test_text_parts_are_joined_by_lines():
    parts = [{"type": "text", "text": "one"}, {"type": "input_text", "text": "two"}]
    assert content_from([{"role": "user", "content": parts}], "prompt") == (Message("user", "one\ntwo"),)


def test_a_response_stands_for_the_one_candidate_of_a_score():
    case = case_from({"prompt": "?", "response": "Rhine"}, "score")
    assert case.candidates == (Candidate("a", "Rhine"),)
    assert refused({"prompt": "?", "response": "Rhine"}, "compare").param == "response"
    assert refused(PAIR | {"response": "Rhine"}).param == "response"


@pytest.mark.parametrize(
    ("task", "count", "fits"),
    [
        ("compare", 1, False),
        ("compare", 2, True),
        ("compare", 3, False),
        ("score", 0, False),
        ("score", 1, True),
        ("rank", 1, False),
        ("rank", 2, True),
        ("rank", MAX_CANDIDATES, True),
        ("rank", MAX_CANDIDATES + 1, False),
    ],
)
def test_each_task_takes_its_own_number_of_candidates(task, count, fits):
    given = PAIR | {"candidates": [str(i) for i in range(count)]}
    if fits:
        assert len(case_from(given, task).candidates) == count
    else:
        assert refused(given, task).param == "candidates"


def test_unnamed_candidates_are_a_to_z_then_aa():
    names = [unnamed(place) for place in range(703)]
    assert names[:3] + names[25:29] == ["a", "b", "c", "z", "aa", "ab", "ac"]
    assert names[701:] == ["zz", "aaa"]
    assert len(set(names)) == 703


@pytest.mark.parametrize(
    ("given", "param"),
    [
        (PAIR | {"answer": "x"}, "answer"),
        ({"candidates": ["x", "y"]}, "prompt"),
        (PAIR | {"prompt": None}, "prompt"),
        (PAIR | {"prompt": 7}, "prompt"),
        (PAIR | {"prompt": []}, "prompt"),
        (PAIR | {"prompt": ["Hi"]}, "prompt[0]"),
        (PAIR | {"prompt": [{"content": "Hi"}]}, "prompt[0].role"),
        (PAIR | {"prompt": [{"role": "judge", "content": "Hi"}]}, "prompt[0].role"),
        (PAIR | {"prompt": [{"role": ["user"], "content": "Hi"}]}, "prompt[0].role"),
        (PAIR | {"prompt": [{"role": "user"}]}, "prompt[0].content"),
        (PAIR | {"prompt": [{"role": "user", "content": 7}]}, "prompt[0].content"),
        (PAIR | {"prompt": [{"role": "user", "content": [7]}]}, "prompt[0].content[0]"),
        (PAIR | {"prompt": [{"role": "user", "content": [{"type": "image_url"}]}]}, "prompt[0].content[0]"),
        (PAIR | {"prompt": [{"role": "user", "content": [{"type": "text"}]}]}, "prompt[0].content[0]"),
        (PAIR | {"prompt": [{"role": "user", "content": "", "name": 7}]}, "prompt[0].name"),
        (PAIR | {"prompt": [{"role": "user", "content": "", "reasoning": 7}]}, "prompt[0].reasoning"),
        (PAIR | {"prompt": [{"role": "assistant", "content": "", "tool_calls": 7}]}, "prompt[0].tool_calls"),
        (PAIR | {"prompt": [{"role": "assistant", "content": "", "tool_calls": {"a": 1}}]}, "prompt[0].tool_calls"),
        (PAIR | {"prompt": [{"role": "assistant", "content": "", "tool_calls": [7]}]}, "prompt[0].tool_calls[0]"),
        (
            PAIR | {"prompt": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": [7]}}]}]},
            "prompt[0].tool_calls[0].function.arguments",
        ),
        ({"prompt": "?"}, "candidates"),
        (PAIR | {"candidates": "xy"}, "candidates"),
        (PAIR | {"candidates": {"a": "x", "b": "y"}}, "candidates"),
        (PAIR | {"candidates": ["x", None]}, "candidates[1]"),
        (PAIR | {"candidates": ["x", {"id": "y"}]}, "candidates[1].content"),
        (PAIR | {"candidates": ["x", {"content": "y", "score": 1}]}, "candidates[1].score"),
        (PAIR | {"candidates": ["x", {"content": "y", "id": 7}]}, "candidates[1].id"),
        (PAIR | {"candidates": ["x", {"content": "y", "model": 7}]}, "candidates[1].model"),
        (PAIR | {"candidates": ["x", {"content": "y", "id": "a"}]}, "candidates[1].id"),
        (PAIR | {"candidates": [{"content": "y", "id": "tie"}, "x"]}, "candidates[0].id"),
        (PAIR | {"candidates": ["x", [{"role": "user", "content": 7}]]}, "candidates[1][0].content"),
        (PAIR | {"reference": 7}, "reference"),
        (PAIR | {"context": ["x"]}, "context"),
        (PAIR | {"domain": 7}, "domain"),
        (PAIR | {"metadata": []}, "metadata"),
        (PAIR | {"id": ""}, "id"),
        (PAIR | {"id": True}, "id"),
        (PAIR | {"id": 1.5}, "id"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(given, param):
    assert refused(given).param == param
    assert refused(given, at="cases[3].").param == f"cases[3].{param}"


@pytest.mark.parametrize("given", ["text", [], None, 7, True])
def test_a_case_that_is_no_object_is_named_by_its_place_in_the_list(given):
    assert refused(given).param is None
    assert refused(given, at="cases[3].").param == "cases[3]"


@pytest.mark.parametrize(
    ("given", "param"),
    [
        (PAIR | {"prompt": "\ud800"}, "prompt"),
        (PAIR | {"candidates": ["x", "y\udfff"]}, "candidates[1]"),
        (PAIR | {"id": "\ud800"}, "id"),
        (PAIR | {"context": "\ud800"}, "context"),
        (
            PAIR | {"prompt": [{"role": "user", "content": [{"type": "text", "text": "\ud800"}]}]},
            "prompt[0].content[0].text",
        ),
    ],
)
def test_a_lone_surrogate_is_no_text(given, param):
    assert refused(given).param == param


@pytest.mark.parametrize("text", ["", "\x00", "a\x00b", "🌊", "\u200b", "\ufeff", "e\u0301", "\r\n\x85\u2028"])
def test_every_unicode_text_is_taken_as_it_is(text):
    case = case_from({"prompt": text, "candidates": [text, "x"]}, "compare")
    assert case.prompt == case.candidates[0].content == text


def test_whole_numbers_are_ids_too():
    assert case_from(PAIR | {"id": 17}, "compare").id == "17"


def test_an_id_is_derived_from_the_content_and_the_order_where_none_is_given():
    given = case_from(PAIR, "compare").id
    assert given.startswith("case_")
    assert case_from(PAIR | {"metadata": {"k": 1}}, "compare").id != given
    assert case_from(PAIR | {"candidates": ["Elbe", "Rhine"]}, "compare").id != given


def test_metadata_is_kept_untouched():
    kept = {"a": [1, {"b": None}], "ä": "ö"}
    assert case_from(PAIR | {"metadata": kept}, "compare").metadata is kept


def test_a_case_becomes_a_record_and_the_same_case_again():
    given = PAIR | {"id": "7", "reference": [{"role": "user", "content": "x"}], "context": "c", "domain": "d"}
    given["candidates"] = [{"id": "x", "content": [{"role": "assistant", "content": "", "tool_calls": [CALL]}]}, "y"]
    case = case_from(given, "compare")
    assert case_from(json.loads(json.dumps(case_record(case))), "compare") == case


@given(JSON, st.sampled_from(["compare", "score", "rank"]))
def test_whatever_comes_in_becomes_a_case_or_a_named_fault(value, task):
    for told in (value, {"prompt": value, "candidates": ["x", "y"]}, {"prompt": "?", "candidates": value}):
        with suppress(InvalidCase):
            case_from(told, task)


@given(JSON, st.sampled_from(["role", "content", "name", "reasoning", "tool_calls", "tool_call_id"]))
def test_whatever_stands_in_a_message_becomes_a_message_or_a_named_fault(value, field):
    with suppress(InvalidCase):
        content_from([{"role": "user", "content": "x"} | {field: value}], "prompt")
