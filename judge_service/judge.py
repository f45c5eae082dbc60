"""A configured judge: a model under a name, and what is known of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from judge_service.backends.base import Backend
from judge_service.domain.judgments import JudgeIdentity
from judge_service.domain.prompting import JudgePrompt
from judge_service.errors import UnknownName
from judge_service.protocols.brief import EXPLANATION_TOKENS

if TYPE_CHECKING:
    from judge_service.backends.passing import Passing

Thinking = Literal["auto", "never", "optional", "always"]
_SOME: Final = 256


def by_bytes(prompt: JudgePrompt) -> int:
    """About how many tokens a prompt has, at four bytes each: so for English, and nearly so for other languages."""
    return sum(len(span.text.encode("utf-8", "replace")) for span in (*prompt.system, *prompt.user)) // 4 + 1


class Length(NamedTuple):
    """How long a prompt is.

    Attributes:
        most: how many tokens its judge takes, the answer's included; 0 where that is not known.
        is_exact: whether the judge's own tokenizer has counted.
    """

    tokens: int
    most: int
    is_exact: bool

    @property
    def is_over(self) -> bool:
        """Whether there is no room for it and one token of an answer."""
        return 0 < self.most <= self.tokens


async def _always() -> bool:
    return True


async def _nothing() -> None:
    """There is nothing to watch."""


def _room_for_some(cases: int) -> bool:
    return cases < _SOME


def _no_line(_gives_way: bool) -> tuple[int, float]:
    return 0, 0.0


def _nobody() -> Sequence[tuple[str, int, int]]:
    return ()


@dataclass(slots=True)
class Judge:
    """A configured model under a name.

    Attributes:
        identity: who it is now; an epoch later it is another.
        thinking: whether it always thinks before it answers; `auto` and `optional` are asked for one token.
        thinking_tokens: how long its thoughts may grow, where it always thinks.
        most_tokens: how long a prompt and its answer may be together; 0 where that is not known.
        tokens_of: how many tokens a prompt has.
        images: whether it takes cases with images.
        answers: whether it can be reached right now.
        watch: looks, when it is time to, whether it is still who it was.
        tend: goes on as long as the judge is open, and lets its servers come and go.
        has_room: whether another case may begin while so many are under way, by what its servers take.
        passing: carries chats of others to its servers; None for one that nobody can chat with.
        loads: of each server its name, how many calls it is sent at a time, and how many are in flight.
        line: how many of its calls wait for a place before one that comes now, and gives way or not; and the seconds
            for which that one would wait, as far as they are known.
    """

    name: str
    backend: Backend
    identity: JudgeIdentity
    thinking: Thinking = "auto"
    min_label_mass: float = 0.5
    explanation_tokens: int = EXPLANATION_TOKENS
    thinking_tokens: int = 0
    images: bool = False
    most_tokens: int = 0
    tokens_of: Callable[[JudgePrompt], int] = by_bytes
    answers: Callable[[], Awaitable[bool]] = _always
    watch: Callable[[], Awaitable[None]] = _nothing
    tend: Callable[[], Coroutine[Any, Any, None]] = _nothing
    has_room: Callable[[int], bool] = _room_for_some
    loads: Callable[[], Sequence[tuple[str, int, int]]] = _nobody
    line: Callable[[bool], tuple[int, float]] = _no_line
    passing: Passing | None = None

    def length(self, prompt: JudgePrompt) -> Length:
        """How long a prompt is for this judge."""
        return Length(self.tokens_of(prompt), self.most_tokens, self.tokens_of is not by_bytes)

    def is_found(self, identity: JudgeIdentity, thinks: bool) -> None:
        """Learns who it is, and that it always thinks, where that was left open."""
        if identity != self.identity:
            self.identity = identity
        if self.thinking == "auto" and thinks:
            self.thinking = "always"


def judge_among(judges: Mapping[str, Judge], name: str) -> Judge:
    """The judge of that name.

    Raises:
        UnknownName: there is none.
    """
    if name not in judges:
        raise UnknownName(f"there is no judge '{name}'; there are {', '.join(judges)}", "judge")
    return judges[name]
