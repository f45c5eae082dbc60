"""TRL's rows as cases of the service: what trainers hand to a reward function, taken as it comes. Pure.

A row is a prompt, a completion, and a value of every other column of the dataset. Both formats are taken: text, and
conversations, with the messages that tools and environments bring along.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from judge_service.errors import InvalidConfiguration

_MESSAGE: Final = ("role", "content", "name", "tool_call_id", "reasoning", "reasoning_content")
Case = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of the dataset that say more about a row; an empty name takes none.

    Attributes:
        reference: an answer known to be good.
        context: what a rater should know besides the conversation.
        domain: the slice of the dataset, for estimates by slice.
        baseline: the answer that completions are to beat.
        prompt_id: names the prompt in judgments; taken where there is such a column, and never to find groups by.
    """

    reference: str = ""
    context: str = ""
    domain: str = ""
    baseline: str = ""
    prompt_id: str = "prompt_id"

    def check(self, given: Mapping[str, Any]) -> None:
        """Refuses to go without a column that was named.

        Raises:
            InvalidConfiguration: the dataset has none of that name.
        """
        for role in ("reference", "context", "domain", "baseline"):
            name = getattr(self, role)
            if name and name not in given:
                there = ", ".join(sorted(column for column, rows in given.items() if isinstance(rows, list)))
                raise InvalidConfiguration(f"{role}: the dataset has no column '{name}'; it has {there or 'none'}")


@dataclass(frozen=True, slots=True)
class Row:
    """One completion to be judged.

    Attributes:
        prompt: text or messages, as the service takes them; completion likewise.
        extra: values of the columns that were named, by their role in a case; `baseline` and `id` among them.
    """

    prompt: Any
    completion: Any
    extra: Mapping[str, Any]

    @property
    def is_judgeable(self) -> bool:
        """Whether there is a completion at all, in text that can be sent."""
        return isinstance(self.completion, str | list) and self.completion != [] and is_unicode(self.completion)


def rows_from(
    prompts: Sequence[Any], completions: Sequence[Any], given: Mapping[str, Any], columns: Columns
) -> list[Row]:
    """The rows of a call, in its order.

    Args:
        given: all other arguments of the call, dataset columns among them, each a list with a value to a row.

    Raises:
        InvalidConfiguration: a column that was named is missing.
    """
    columns.check(given)
    named = {
        "reference": (columns.reference, content),
        "context": (columns.context, _text),
        "domain": (columns.domain, _text),
        "baseline": (columns.baseline, content),
        "id": (columns.prompt_id, _text),
    }
    taken = {role: (given[name], form) for role, (name, form) in named.items() if name and name in given}
    return [
        Row(content(prompt), content(completion), _extra(taken, place))
        for place, (prompt, completion) in enumerate(zip(prompts, completions, strict=True))
    ]


def content(value: Any) -> Any:
    """A text as it is; messages with those of their fields that a judge may see, tool calls as OpenAI writes them."""
    if isinstance(value, Mapping):
        return [_message(value)]
    if isinstance(value, list | tuple):
        return [_message(message) if isinstance(message, Mapping) else message for message in value]
    return value


def length(value: Any) -> int:
    """Characters of a content, as `content` returned it: of its texts, thoughts and tool calls left out."""
    if isinstance(value, str):
        return len(value)
    texts = [message.get("content") for message in value] if isinstance(value, list) else []
    return sum(len(text) for text in texts if isinstance(text, str))


def is_unicode(value: Any) -> bool:
    """Whether all texts in it can be encoded: half of a surrogate pair would have the whole group refused."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (TypeError, ValueError):
        return False
    return True


def in_groups(rows: int, size: int) -> list[range]:
    """The places of each group: runs of so many rows.

    Raises:
        ValueError: the last run is not whole.
    """
    if rows % size:
        raise ValueError(f"{rows} rows are no groups of {size}")
    return [range(start, start + size) for start in range(0, rows, size)]


def group_case(name: str, rows: Mapping[int, Row]) -> Case:
    """The case that ranks the completions to one prompt: the candidates' ids are the rows' places."""
    first = next(iter(rows.values()))
    candidates = [{"id": str(place), "content": row.completion} for place, row in rows.items()]
    return _case(name, first, candidates)


def own_case(name: str, row: Row) -> Case:
    """The case that scores one completion by itself."""
    return _case(name, row, [{"id": "a", "content": row.completion}])


def baseline_case(name: str, row: Row) -> Case:
    """The case that sets a completion against the answer it is to beat."""
    return _case(name, row, [{"id": "a", "content": row.completion}, {"id": "b", "content": row.extra["baseline"]}])


def pair_case(name: str, first: Row, second: Row) -> Case:
    """The case that compares two completions to one prompt."""
    return _case(name, first, [{"id": "a", "content": first.completion}, {"id": "b", "content": second.completion}])


def _case(name: str, row: Row, candidates: list[Case]) -> Case:
    known = {role: value for role, value in row.extra.items() if role not in ("baseline", "id") and value is not None}
    own = row.extra.get("id")
    return {"id": f"{own}@{name}" if own else name, "prompt": row.prompt, "candidates": candidates, **known}


def _extra(taken: Mapping[str, tuple[Sequence[Any], Callable[[Any], Any]]], place: int) -> dict[str, Any]:
    return {role: None if values[place] is None else form(values[place]) for role, (values, form) in taken.items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: message[name] for name in _MESSAGE if message.get(name) is not None}
    if isinstance(told.get("content"), list | tuple):
        told["content"] = [_part(part) for part in told["content"]]
    calls = message.get("tool_calls")
    if calls:
        told["tool_calls"] = [_tool_call(call) for call in calls]
        told.setdefault("content", "")
    return told


def _part(part: Any) -> Any:
    """A part of a message. Images that are no URL cannot be sent: the service refuses the part, and says so."""
    if not isinstance(part, Mapping):
        return part
    return {name: value for name, value in part.items() if isinstance(value, str | Mapping) and value is not None}


def _tool_call(call: Any) -> Any:
    """Tool calls carry their arguments as an object here, and as JSON text in OpenAI's messages."""
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping):
        return call
    arguments = function.get("arguments")
    told = arguments if isinstance(arguments, str) else json.dumps(arguments or {}, default=str)
    return {"type": "function", "function": {"name": function.get("name"), "arguments": told}}
