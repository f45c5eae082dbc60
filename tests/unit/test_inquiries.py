"""Bodies as OpenAI's decisions API takes them, checked."""

import base64

import pytest

from judge_service.domain.decisions import NO, YES, Option
from judge_service.domain.inquiries import MAX_QUESTIONS, inquiry_from
from judge_service.errors import InvalidCase

OK = {"type": "predicate", "name": "ok", "instructions": "Is it?"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "x"}
DESCRIBED = {"value": "a", "description": 1}
PICTURE = "data:image/png;base64," + base64.b64encode(b"png").decode()


def pick(*choices, **told):
    return {"type": "choice", "instructions": "Which?", "choices": [{"value": value} for value in choices], **told}


def rate(*labels):
    return {"type": "score", "instructions": "How?", "levels": [{"label": label} for label in labels]}


def body(*questions, **told):
    return {"input": "text", "questions": list(questions or (OK,)), **told}


def test_three_kinds_of_questions_are_read():
    levels = {
        "type": "score",
        "instructions": "How?",
        "levels": [{"label": "bad"}, {"label": "good", "description": "d"}],
    }
    inquiry = inquiry_from(body(OK, pick("a", True, "true"), levels))
    assert inquiry.state == "text"
    assert [q.type for q in inquiry.questions] == ["predicate", "choice", "score"]
    assert [q.name for q in inquiry.questions] == ["ok", None, None]
    assert inquiry.questions[0].options == (YES, NO)
    assert inquiry.questions[1].options == (Option("a"), Option(True), Option("true"))
    assert inquiry.questions[2].options == (Option("bad"), Option("good", "d"))


def test_a_conversation_with_tools_json_and_images_is_read():
    inquiry = inquiry_from(
        body(
            input=[
                {"role": "developer", "content": "Be brief."},
                {
                    "type": "message",
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "Look:", "prompt_cache_breakpoint": {"mode": "explicit"}},
                        {"type": "input_image", "image_url": PICTURE, "detail": "low"},
                        {"type": "input_json", "data": {"a": [1, None]}},
                    ],
                },
                {"type": "function_call", "call_id": "c1", "name": "find", "arguments": '{"q": 1}'},
                {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "7"}]},
                {"type": "custom_tool_call", "call_id": "c2", "name": "run", "input": "x"},
                {"type": "custom_tool_call_output", "call_id": "c2", "output": "done"},
                {
                    "role": "assistant",
                    "content": [{"type": "output_text", "text": "7"}, {"type": "refusal", "refusal": "no"}],
                },
            ]
        )
    )
    roles = [message.role for message in inquiry.state]
    assert roles == ["developer", "user", "assistant", "tool", "assistant", "tool", "assistant"]
    assert inquiry.state[1].content == 'Look:\n{"a": [1, null]}'
    assert len(inquiry.images) == 1
    assert (inquiry.state[2].tool_calls[0].name, inquiry.state[2].tool_calls[0].arguments) == ("find", '{"q": 1}')
    assert (inquiry.state[3].content, inquiry.state[5].content, inquiry.state[6].content) == ("7", "done", "7\nno")


WRONG = [
    ({"questions": [OK]}, "input"),
    ({"input": [], "questions": [OK]}, "input"),
    ({"input": 7, "questions": [OK]}, "input"),
    ({"input": [{"role": "boss", "content": "x"}], "questions": [OK]}, "input[0].role"),
    ({"input": [{"type": "reasoning"}], "questions": [OK]}, "input[0].type"),
    ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}], "questions": [OK]}, "input[0].call_id"),
    ({"input": [{**OUTPUT, "call_id": "other"}], "questions": [OK]}, "input[0].call_id"),
    (
        {
            "input": [{"role": "user", "content": [{"type": "input_image", "image_url": "http://host/x.png"}]}],
            "questions": [OK],
        },
        "input[0].content[0]",
    ),
    ({"input": "x"}, "questions"),
    ({"input": "x", "questions": []}, "questions"),
    ({"input": "x", "questions": [{**OK, "name": str(i)} for i in range(MAX_QUESTIONS + 1)]}, "questions"),
    (body({"type": "essay", "instructions": "x"}), "questions[0].type"),
    (body({"type": ["choice"], "instructions": "x"}), "questions[0].type"),
    (body("x"), "questions[0]"),
    (body(OK, OK), "questions[1].name"),
    (body({**OK, "name": 7}), "questions[0].name"),
    (body({"type": "predicate"}), "questions[0].instructions"),
    (body({**OK, "instructions": " "}), "questions[0].instructions"),
    (body({**OK, "instructions": []}), "questions[0].instructions"),
    (body({**OK, "instructions": "\ud800"}), "questions[0].instructions"),
    (body(pick("a")), "questions[0].choices"),
    (body(OK, pick(*map(str, range(256)))), "questions[1].choices"),
    (body(pick("a", "a")), "questions[0].choices[1].value"),
    (body(pick(True, True)), "questions[0].choices[1].value"),
    (body(pick("a", 7)), "questions[0].choices[1].value"),
    (body(pick("a", " ")), "questions[0].choices[1].value"),
    (body({**pick("a", "b"), "choices": [{"value": "a"}, "b"]}), "questions[0].choices[1]"),
    (body({**pick("a", "b"), "choices": [DESCRIBED, {"value": "b"}]}), "questions[0].choices[0].description"),
    (body(rate("only")), "questions[0].levels"),
    (body(rate("a", True)), "questions[0].levels[1].label"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "param"), WRONG, ids=[f"{i}-{param}" for i, (_, param) in enumerate(WRONG)])
def test_what_is_wrong_is_named(wrong, param):
    with pytest.raises(InvalidCase) as raised:
        inquiry_from(wrong)
    assert raised.value.param == param


def test_the_most_that_may_be_asked_is_read():
    inquiry = inquiry_from(body(*[{**pick(*map(str, range(255))), "name": str(i)} for i in range(MAX_QUESTIONS)]))
    assert len(inquiry.questions) == 400
    assert len(inquiry.questions[-1].options) == 255
