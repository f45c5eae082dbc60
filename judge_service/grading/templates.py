"""`{{ sample.output_text }}` and `{{ item.answer }}` in a grader's texts, filled in one pass."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from judge_service.grading.ungraded import Ungraded

_SLOT: Final = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)
_PATH: Final = re.compile(r"(?P<space>item|sample)(?P<rest>(?:\.\w[\w-]*|\[\d+\])*)\Z")
_STEP: Final = re.compile(r"\.(\w[\w-]*)|\[(\d+)\]")
_MISSING: Final = object()


class Sampled(NamedTuple):
    """What a grader's texts may name: the model's output, and the row of the data set that it was sampled for."""

    output: str
    row: Any


def filled(text: str, sampled: Sampled, param: str) -> str:
    """The text with its slots filled; what is filled in is not looked at again, and holds no slots.

    Raises:
        Ungraded: a slot names nothing that there is.
    """
    return _SLOT.sub(lambda slot: _text(_found(slot[1], sampled, param)), text)


def check_slots(text: str, param: str) -> None:
    """Refuses slots that could name nothing.

    Raises:
        Ungraded: one of them is no path into item or sample.
    """
    for slot in _SLOT.findall(text):
        _path(slot, param)


def _path(slot: str, param: str) -> tuple[str, list[str | int]]:
    path = _PATH.match(slot)
    if path is None:
        message = f"{{{{ {slot} }}}} names neither item.NAME nor sample.output_text or sample.output_json"
        raise Ungraded(message[:300], "invalid_variable_error", param)
    steps: list[str | int] = [name or int(number) for name, number in _STEP.findall(path["rest"])]
    if path["space"] == "sample" and (not steps or steps[0] not in ("output_text", "output_json")):
        message = f"{{{{ {slot} }}}}: of a sample there are output_text and output_json"
        raise Ungraded(message[:300], "invalid_variable_error", param)
    return path["space"], steps


def _found(slot: str, sampled: Sampled, param: str) -> Any:
    space, steps = _path(slot, param)
    value = sampled.row
    if space == "sample":
        value = sampled.output if steps[0] == "output_text" else _json(sampled.output, slot, param)
        steps = steps[1:]
    for step in steps:
        value = _inside(value, step)
        if value is _MISSING:
            raise Ungraded(f"there is no {slot}"[:300], "invalid_variable_error", param)
    return value


def _inside(value: Any, step: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(step, _MISSING)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return _MISSING


def _json(output: str, slot: str, param: str) -> Any:
    try:
        return json.loads(output)
    except (ValueError, RecursionError):
        raise Ungraded(f"{slot}: the sample is no JSON"[:300], "sample_parse_error", param) from None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
