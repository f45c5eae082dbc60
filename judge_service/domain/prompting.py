"""A prompt is a list of spans: ours (template text) or theirs (untrusted). Only a backend turns spans into text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Literal, overload

from judge_service.domain.answers import Answer, AnswerSpace
from judge_service.domain.frozen import frozen
from judge_service.domain.verdicts import NO_USAGE, Failure, Usage

Source = Literal["prompt", "candidate", "reference", "context", "judge"]


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a prompt. `source` tells whose text it is; None means it is ours and may be trusted."""

    text: str
    source: Source | None = None


Spans = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is drawn: `seed` None where nothing is drawn, `temperature` None for the model's own."""

    temperature: float | None = 0.0
    max_tokens: int = 1
    seed: int | None = None


class LaidOut(Sequence[Span]):
    """Spans that are put together only when somebody reads them; a cache hit never does.

    Args:
        digest: 32 bytes that name the spans' content.
        make: puts them together.
    """

    __slots__ = ("_make", "_spans", "digest")

    def __init__(self, digest: bytes, make: Callable[[], Spans]) -> None:
        self.digest = digest
        self._make = make
        self._spans: Spans | None = None

    def _made(self) -> Spans:
        if self._spans is None:
            self._spans = self._make()
        return self._spans

    @overload
    def __getitem__(self, at: int) -> Span: ...
    @overload
    def __getitem__(self, at: slice) -> Spans: ...
    def __getitem__(self, at: int | slice) -> Span | Spans:
        """A span, or a run of them."""
        return self._made()[at]

    def __len__(self) -> int:
        """How many spans there are."""
        return len(self._made())

    def __iter__(self) -> Iterator[Span]:
        """The spans in order."""
        return iter(self._made())

    def __eq__(self, other: object) -> bool:
        """Whether the other holds the same spans."""
        return isinstance(other, Sequence) and self._made() == tuple(other)

    def __hash__(self) -> int:
        """Of the spans."""
        return hash(self._made())


@frozen
class JudgePrompt:
    """One question to a judge.

    Attributes:
        judge: the name of the judge that is asked.
        repeat: which repetition of the question this is; repetitions are separate draws and separate cache entries.
        after: what the judge has said to that already, and what it is asked then; None in a first question.
    """

    judge: str
    system: Spans
    user: Sequence[Span]
    space: AnswerSpace
    sampling: Sampling
    repeat: int = 0
    after: tuple[Span, Span] | None = None

    def key(self, identity: bytes) -> bytes:
        """32 bytes that name this question to that judge: all that could change its answer, and nothing else."""
        how = _how(self.space, self.sampling, self.repeat)
        user = self.user.digest if isinstance(self.user, LaidOut) else spans_digest(tuple(self.user))
        after = b"" if self.after is None else b"\x1d" + spans_digest(self.after)
        return sha256(b"\x1d".join((identity, spans_digest(self.system), user, how)) + after).digest()


@lru_cache(maxsize=1024)
def spans_digest(spans: Spans) -> bytes:
    """32 bytes that name the spans: every character, and whose it is."""
    parts = [f"\x1e{span.source}{len(span.text)}:{span.text}" for span in spans]
    return sha256("".join(parts).encode("utf-8", "surrogatepass")).digest()


@lru_cache(maxsize=4096)
def _how(space: AnswerSpace, sampling: Sampling, repeat: int) -> bytes:
    return f"{space!r}{sampling!r}{repeat}".encode()


@frozen
class Completion:
    """A judge's answer to one prompt, or why there is none.

    Attributes:
        text: what the judge wrote, without its thoughts.
        probabilities: the probability of each label of the answer space, normalised to 1; None if read as text only.
        label_mass: the probability the judge gave to the labels together before normalising, in [0, 1].
        reasoning: the judge's own thoughts, if it had any.
        answer: the verdict in a text that was read before and is no longer kept.
    """

    text: str = ""
    probabilities: Mapping[str, float] | None = None
    label_mass: float | None = None
    reasoning: str | None = None
    usage: Usage = NO_USAGE
    cached: bool = False
    failure: Failure | None = None
    answer: Answer | None = None


def joined(spans: Sequence[Span]) -> str:
    """The spans as one string, for people to read; what a judge is sent is made by its backend."""
    return "".join(span.text for span in spans)
