"""A drop-in endpoint as the application mounts it and the OpenAPI page tells of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from judge_service.api.drop_ins.told_options import check_defaults
from judge_service.domain.options import Task
from judge_service.errors import InvalidConfiguration


@dataclass(frozen=True, slots=True)
class DropIn:
    """An endpoint in another service's shape.

    Attributes:
        name: of its section in the configuration.
        task: what it judges by, and so which options it takes; None if it takes none.
        paths: where it answers.
        answers: a request's answer; `dropins.judged` makes one of a function that answers a `Call`.
        body: what it reads; further fields that stock clients send are ignored, and the model allows them.
        result: what it answers.
        examples: bodies by name, which run as they are written.
        beside: query parameters that it takes besides options and `on_failure`, with what they mean.
        passes_on: whether its answers are another server's: of any status, and streamed if that streams them.
    """

    name: str
    task: Task | None
    paths: tuple[str, ...]
    answers: Callable[[Request], Awaitable[Response]]
    summary: str
    body: type[BaseModel]
    result: type[BaseModel]
    examples: Mapping[str, Mapping[str, Any]]
    beside: Mapping[str, str] = field(default_factory=dict)
    passes_on: bool = False

    def routes(self) -> list[Route]:
        """Its routes, for `judging.Straight`."""
        return [Route(path, self.answers, methods=["POST"]) for path in self.paths]


def check_endpoints(configured: Mapping[str, Mapping[str, Any]], drop_ins: Sequence[DropIn]) -> None:
    """Refuses a configuration of endpoints that do not exist, or with what they do not take.

    Raises:
        InvalidConfiguration: naming the value at fault.
    """
    known = {drop_in.name: drop_in for drop_in in drop_ins if drop_in.task is not None}
    for name, section in configured.items():
        if name not in known:
            raise InvalidConfiguration(
                f"configuration: endpoints.{name}: there is no such endpoint; there are {', '.join(sorted(known))}"
            )
        check_defaults(name, section, known[name].task or "rank", known[name].beside)
