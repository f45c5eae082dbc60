"""Plain values, as OpenAI's decisions API takes them, become a checked inquiry."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from judge_service.domain.cases import Content, Conversation, Message, ToolCall
from judge_service.domain.decisions import NO, YES, DecisionQuestion, DecisionType, Inquiry, Option
from judge_service.domain.parsing import content_from
from judge_service.errors import InvalidCase

MAX_QUESTIONS: Final = 400
MAX_OPTIONS: Final = 255
QUESTION_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "predicate": ("type", "name", "instructions"),
    "choice": ("type", "name", "instructions", "choices"),
    "score": ("type", "name", "instructions", "levels"),
}
"""The fields of each type of question."""
_CALLS: Final = {"function_call": "arguments", "custom_tool_call": "input"}
_OUTPUTS: Final = ("function_call_output", "custom_tool_call_output")


def inquiry_from(body: Mapping[str, Any]) -> Inquiry:
    """The inquiry in a request's body; fields that are not known are left aside.

    Raises:
        InvalidCase: naming the field.
    """
    if body.get("input") is None:
        raise InvalidCase("input is missing", "input")
    state = state_from(body["input"], "input")
    questions = listed(body.get("questions"), "questions", 1, MAX_QUESTIONS)
    checked = tuple([_question(question, f"questions[{i}]") for i, question in enumerate(questions)])
    seen: set[str] = set()
    for i, question in enumerate(checked):
        if question.name in seen:
            raise InvalidCase(f"two questions have the name '{question.name}'", f"questions[{i}].name")
        seen |= {question.name} if question.name is not None else set()
    return Inquiry(state, checked)


def listed(value: Any, param: str, low: int, high: int) -> Sequence[Any]:
    """The value, if it is a list of so many.

    Raises:
        InvalidCase: naming the field.
    """
    if not isinstance(value, list | tuple) or not low <= len(value) <= high:
        got = f"a list of {len(value)}" if isinstance(value, list | tuple) else type(value).__name__
        raise InvalidCase(f"{param} is a list of {low} to {high}; got {got}", param)
    return value


def state_from(value: Any, param: str) -> Content:
    """A text, or messages, calls of tools and their outputs, as the responses API has them.

    Raises:
        InvalidCase: naming the field.
    """
    if isinstance(value, str):
        return content_from(value, param)
    if not isinstance(value, list | tuple) or not value:
        raise InvalidCase(f"{param} is a text or a list of one message or more", param)
    called: set[str] = set()
    return tuple([_turn(turn, f"{param}[{i}]", called) for i, turn in enumerate(value)])


def _turn(value: Any, param: str, called: set[str]) -> Message:
    if not isinstance(value, Mapping):
        raise InvalidCase("a message is an object", param)
    kind = value.get("type", "message")
    if kind in _CALLS:
        return _call(value, param, called)
    if kind in _OUTPUTS:
        return _output(value, param, called)
    if kind != "message":
        known = ", ".join(("message", *_CALLS, *_OUTPUTS))
        raise InvalidCase(f"type is one of {known}; got {kind!r}"[:300], f"{param}.type")
    return _message({"role": value.get("role"), "content": _plain_parts(value.get("content"), param)}, param)


def _message(told: Mapping[str, Any], param: str) -> Message:
    content = content_from(told, param)
    assert not isinstance(content, str)
    return content[0]


def _call(value: Mapping[str, Any], param: str, called: set[str]) -> Message:
    """A call of a tool, as a turn of the assistant's."""
    name, arguments = text_in(value, "name", param), text_in(value, _CALLS[value["type"]], param)
    called.add(text_in(value, "call_id", param))
    return Message("assistant", "", tool_calls=(ToolCall(name, arguments),))


def _output(value: Mapping[str, Any], param: str, called: set[str]) -> Message:
    """What a tool gave back."""
    call = text_in(value, "call_id", param)
    if call not in called:
        raise InvalidCase(f"no call before this output has the id '{call}'"[:200], f"{param}.call_id")
    return _message({"role": "tool", "name": call, "content": _plain_parts(value.get("output"), param)}, param)


def text_in(value: Mapping[str, Any], name: str, param: str) -> str:
    """A field that is a text.

    Raises:
        InvalidCase: it is none.
    """
    told, at = value.get(name), f"{param}.{name}" if param else name
    if not isinstance(told, str):
        raise InvalidCase(f"{name} is a string; got {type(told).__name__}", at)
    content_from(told, at)
    return told


def _plain_parts(content: Any, param: str) -> Any:
    """Parts that chat messages do not have, JSON and refusals, as parts of text; what they name is checked later."""
    if not isinstance(content, list):
        return content
    return [_plain_part(part, f"{param}.content[{i}]") for i, part in enumerate(content)]


def _plain_part(part: Any, param: str) -> Any:
    if not isinstance(part, Mapping):
        return part
    if part.get("type") == "input_json":
        return {"type": "input_text", "text": json_text(part.get("data"), f"{param}.data")}
    if part.get("type") == "refusal":
        return {"type": "output_text", "text": part.get("refusal")}
    return part


def json_text(value: Any, param: str) -> str:
    """A JSON value as compact text.

    Raises:
        InvalidCase: it is nested too deeply.
    """
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        raise InvalidCase(f"{param} is nested too deeply", param) from None


def _question(value: Any, param: str) -> DecisionQuestion:
    if not isinstance(value, Mapping):
        raise InvalidCase("a question is an object", param)
    kind, name = value.get("type"), value.get("name")
    if not isinstance(kind, str) or kind not in _OPTIONS:
        raise InvalidCase(f"type is one of {', '.join(_OPTIONS)}; got {kind!r}"[:200], f"{param}.type")
    if name is not None:
        text_in(value, "name", param)
    type_: DecisionType
    type_, options = _OPTIONS[kind]
    return DecisionQuestion(type_, _instructions(value.get("instructions"), param), options(value, param), name)


def _instructions(value: Any, param: str) -> Content:
    """A text, or one message of texts, images and JSON."""
    param = f"{param}.instructions"
    if isinstance(value, str):
        content: Content = content_from(value, param)
    elif isinstance(value, list) and value:
        told = {"role": "user", "content": [_plain_part(part, f"{param}[{i}]") for i, part in enumerate(value)]}
        content = (_message(told, param),)
    else:
        raise InvalidCase("instructions is a text or a list of parts", param)
    if not _says_something(content):
        raise InvalidCase("instructions is empty: it says what is asked", param)
    return content


def _says_something(content: Content) -> bool:
    if isinstance(content, str):
        return bool(content.strip())
    talk: Conversation = content
    return any(message.content.strip() or message.images for message in talk)


def _choices(value: Mapping[str, Any], param: str) -> tuple[Option, ...]:
    param = f"{param}.choices"
    options = [
        _option(choice, "value", f"{param}[{i}]", booleans=True)
        for i, choice in enumerate(listed(value.get("choices"), param, 2, MAX_OPTIONS))
    ]
    seen: set[tuple[type, str | bool]] = set()
    for i, option in enumerate(options):
        typed = (type(option.value), option.value)
        if typed in seen:
            raise InvalidCase(f"two choices have the value {option.value!r}"[:200], f"{param}[{i}].value")
        seen.add(typed)
    return tuple(options)


def _levels(value: Mapping[str, Any], param: str) -> tuple[Option, ...]:
    param = f"{param}.levels"
    levels = listed(value.get("levels"), param, 2, MAX_OPTIONS)
    return tuple([_option(level, "label", f"{param}[{i}]") for i, level in enumerate(levels)])


def _option(told: Any, field: str, param: str, booleans: bool = False) -> Option:
    if not isinstance(told, Mapping):
        raise InvalidCase(f"it is an object with {field} and description", param)
    value, description = told.get(field), told.get("description")
    if not (booleans and isinstance(value, bool)):
        value = text_in(told, field, param)
        if not value.strip():
            raise InvalidCase(f"{field} is empty", f"{param}.{field}")
    if description is not None:
        description = text_in(told, "description", param)
    return Option(value, description or None)


def _yes_and_no(_: Mapping[str, Any], __: str) -> tuple[Option, ...]:
    return (YES, NO)


_OPTIONS: Final[Mapping[str, tuple[DecisionType, Callable[[Mapping[str, Any], str], tuple[Option, ...]]]]] = {
    "predicate": ("predicate", _yes_and_no),
    "choice": ("choice", _choices),
    "score": ("score", _levels),
}
