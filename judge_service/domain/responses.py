"""What a model said in the shape of OpenAI's Responses API, as chat messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from judge_service.errors import InvalidCase

_TEXTS: Final = {"output_text": "text", "refusal": "refusal", "text": "text", "input_text": "text"}


def messages_of(response: Any, param: str) -> list[dict[str, Any]]:
    """The turns of a response object: reasoning goes with the turn it led to, and a call of a tool is part of its turn.

    Returns:
        chat messages, one at least: a response that says nothing is an empty turn.

    Raises:
        InvalidCase: it is no response object.
    """
    given = response.get("output") if isinstance(response, Mapping) else None
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        raise InvalidCase("a response is an object with output, a list", param)
    turns: list[dict[str, Any]] = []
    for place, part in enumerate(given):
        at = f"{param}.output[{place}]"
        if not isinstance(part, Mapping):
            raise InvalidCase("a part of output is an object with a type", at)
        _add(turns, part, at)
    return turns or [_turn()]


def _turn(text: str = "") -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def _add(turns: list[dict[str, Any]], part: Mapping[str, Any], at: str) -> None:
    """Puts a part where it belongs; what is neither said, thought nor called by the model is left out."""
    kind = part.get("type", "message")
    if kind == "message":
        turn = _open(turns, speaking=True)
        turn["content"] += _said(part.get("content"), f"{at}.content")
    elif kind == "reasoning":
        thoughts = _said(part.get("content") or part.get("summary") or [], at, thought=True)
        turn = _open(turns, speaking=True)
        turn["reasoning"] = turn.get("reasoning", "") + thoughts
    elif kind == "function_call":
        called = {"name": _text(part.get("name"), f"{at}.name")}
        called["arguments"] = _text(part.get("arguments", ""), f"{at}.arguments")
        _open(turns, speaking=False).setdefault("tool_calls", []).append({"type": "function", "function": called})
    elif kind == "function_call_output":
        turns.append({"role": "tool", "content": _said(part.get("output"), f"{at}.output")})


def _open(turns: list[dict[str, Any]], speaking: bool) -> dict[str, Any]:
    """The turn that goes on: words after a call of a tool are another one."""
    if not turns or turns[-1]["role"] != "assistant" or (speaking and "tool_calls" in turns[-1]):
        turns.append(_turn())
    return turns[-1]


def _said(value: Any, at: str, thought: bool = False) -> str:
    """The texts of a content, joined as they came."""
    if isinstance(value, str) or value is None:
        return value or ""
    if not isinstance(value, Sequence) or isinstance(value, bytes):
        raise InvalidCase("content is a string or a list of parts", at)
    parts = [part for part in value if isinstance(part, Mapping)]
    fields = [("text" if thought else _TEXTS.get(part.get("type", "output_text"), ""), part) for part in parts]
    return "".join(_text(part.get(name), at) for name, part in fields if name)


def _text(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise InvalidCase("a text is a string", at)
    return value
