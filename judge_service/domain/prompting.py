"""A prompt is a list of spans: ours (template text) or theirs (untrusted). Only a backend turns spans into text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from judge_service.domain.answers import AnswerSpace
from judge_service.domain.verdicts import NO_USAGE, Failure, Usage

Source = Literal["prompt", "candidate", "reference", "context"]


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


@dataclass(frozen=True, slots=True)
class JudgePrompt:
    """One question to a judge.

    Attributes:
        judge: the name of the judge that is asked.
        repeat: which repetition of the question this is; repetitions are separate draws and separate cache entries.
    """

    judge: str
    system: Spans
    user: Spans
    space: AnswerSpace
    sampling: Sampling
    repeat: int = 0

    def key(self, identity: bytes) -> bytes:
        """32 bytes that name this question to that judge: all that could change its answer, and nothing else."""
        parts = [f"{self.space!r}{self.sampling!r}{self.repeat}"]
        for spans in (self.system, self.user):
            for span in spans:
                parts.append(f"\x1e{span.source}{len(span.text)}:")
                parts.append(span.text)
            parts.append("\x1d")
        return sha256(identity + "".join(parts).encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class Completion:
    """A judge's answer to one prompt, or why there is none.

    Attributes:
        text: what the judge wrote, without its thoughts.
        probabilities: the probability of each label of the answer space, normalised to 1; None if read as text only.
        label_mass: the probability the judge gave to the labels together before normalising, in [0, 1].
        reasoning: the judge's own thoughts, if it had any.
    """

    text: str = ""
    probabilities: Mapping[str, float] | None = None
    label_mass: float | None = None
    reasoning: str | None = None
    usage: Usage = NO_USAGE
    cached: bool = False
    failure: Failure | None = None


def joined(spans: Sequence[Span]) -> str:
    """The spans as one string, for people to read; what a judge is sent is made by its backend."""
    return "".join(span.text for span in spans)
