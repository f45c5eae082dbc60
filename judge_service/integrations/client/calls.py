"""Every call that one answer ends, without I/O: what is sent for it, and what is made of the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from judge_service.domain.judgments import Judgment
from judge_service.domain.options import Task
from judge_service.domain.records import judgment_from
from judge_service.errors import InvalidOption
from judge_service.integrations.client.wire import in_query, told_json, with_field

T = TypeVar("T")
Shape = Callable[[float], tuple[Mapping[str, str], bytes | None]]


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request and its one answer.

    Attributes:
        shape: query and body, for the seconds that the service may take.
        read: the answer's JSON -> what the caller is given; KeyError, TypeError or ValueError if it is not that.
        timeout: seconds for it, all attempts together; None: the client's own.
    """

    method: str
    path: str
    shape: Shape
    read: Callable[[Any], T]
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """A document's place: its index in what was sent, and how relevant it is, in [0, 1]."""

    index: int
    score: float


def judging(task: Task, case: Mapping[str, Any], more: Mapping[str, Any]) -> Call[Judgment]:
    """A judgment on one case.

    Args:
        more: further fields of the case, and options.
    """
    wire, timeout = split(more)
    checked = told_json({**case, **wire})
    return Call(
        "POST", f"/v1/{task}", lambda s: ({}, with_field(checked, "timeout", b"%g" % s)), judgment_from, timeout
    )


def listing(path: str) -> Call[list[dict[str, Any]]]:
    """All of a catalogue."""
    return Call("GET", path, _nothing, lambda told: list(told["data"]))


def fetching(path: str, name: str = "") -> Call[dict[str, Any]]:
    """One object."""
    return Call("GET", path + quote(name, safe=""), _nothing, dict)


def deciding(
    state: Any, questions: Mapping[str, Any], instructions: str | None, options: Mapping[str, Any]
) -> Call[dict[str, Any]]:
    """Answers to questions about a state, in the shape of /v1/systemone, by the questions' names."""
    body = {"state": state, "questions": questions} | ({} if instructions is None else {"instructions": instructions})
    return _drop_in("/v1/systemone", body, options, lambda told: dict(told["answers"]))


def rewarding(prompt: Any, responses: Sequence[Any], options: Mapping[str, Any]) -> Call[list[float | None]]:
    """A reward for each response of a group; None for those that have none."""

    def read(told: Any) -> list[float | None]:
        rewards = [None if reward is None else float(reward) for reward in told["rewards"]]
        if len(rewards) != len(responses):
            raise ValueError(f"{len(rewards)} rewards for {len(responses)} responses")
        return rewards

    return _drop_in("/v1/reward", {"prompt": prompt, "responses": list(responses)}, options, read)


def reranking(
    query: Any, documents: Sequence[Any], top_n: int | None, options: Mapping[str, Any]
) -> Call[list[Ranked]]:
    """The documents' places, best first."""
    body = {"query": query, "documents": list(documents)} | ({} if top_n is None else {"top_n": top_n})
    return _drop_in("/v1/rerank", body, options, _ranked)


def _ranked(told: Any) -> list[Ranked]:
    return [Ranked(int(place["index"]), float(place["relevance_score"])) for place in told["results"]]


def split(options: Mapping[str, Any]) -> tuple[dict[str, Any], float | None]:
    """The options to send, and the caller's own timeout, which is sent as what is left of it.

    Raises:
        InvalidOption: the timeout is no number above 0.
    """
    wire = {name: value for name, value in options.items() if value is not None}
    timeout = wire.pop("timeout", None)
    if timeout is None:
        return wire, None
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0:
        raise InvalidOption(f"timeout is a number of seconds above 0; got {timeout!r}", "timeout")
    return wire, float(timeout)


def _drop_in(path: str, body: Mapping[str, Any], options: Mapping[str, Any], read: Callable[[Any], T]) -> Call[T]:
    """A drop-in endpoint takes the options of a judgment in its query."""
    wire, timeout = split(options)
    query = {name: in_query(value) for name, value in wire.items()}
    content = told_json(body)
    return Call("POST", path, lambda s: ({**query, "timeout": f"{s:g}"}, content), read, timeout)


def _nothing(_: float) -> tuple[Mapping[str, str], None]:
    return {}, None
