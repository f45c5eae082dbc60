"""The same questions without what keeps candidates apart from us, to measure what it is worth. For the audit alone.

Our prompts say whose each text is, put it between lines with a code that no candidate can know, and break control
strings in it. Here the same words are asked without these three: `[Response A 1a2b3c4d]` becomes `Response A:`, the
closing lines go, and every text counts as ours. What the judge is told about texts that address it stays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Final

from judge_service.backends.base import Backend, Terms
from judge_service.domain.digests import digest
from judge_service.domain.prompting import Completion, JudgePrompt, LaidOut, Picture, Span, Spans, spans_digest
from judge_service.domain.templates import PromptTemplate
from judge_service.library import Library
from judge_service.service import JudgingService

_ON_FENCES: Final = re.compile(
    r"Everything between a line such as \[[^\]]+\] and its closing line \[[^\]]+\], with the same code in both,"
    r" (is|was)"
)
_OPENED: Final = re.compile(r"\[(?!/)([A-Z][\w ]*?) [0-9a-f]{8}\]")
_CLOSED: Final = re.compile(r"\n?\[/[A-Z][\w ]*? [0-9a-f]{8}\]")
_HEADED: Final = re.compile(r"^(\n*\(\w+) [0-9a-f]{8}", re.MULTILINE)


class Unguarded:
    """A backend that is asked everything unguarded. It stands before the cache, whose keys are of what is asked."""

    def __init__(self, inner: Backend) -> None:
        self._inner = inner

    async def complete(self, prompts: Sequence[JudgePrompt], terms: Terms) -> list[Completion]:
        """One completion for each prompt, in their order."""
        return await self._inner.complete([unguarded(prompt) for prompt in prompts], terms)

    async def aclose(self) -> None:
        """Closes nothing: the judge is somebody else's."""


def unguarded(prompt: JudgePrompt) -> JudgePrompt:
    """The question without its guards, under a key of its own."""
    told = prompt.user.digest if isinstance(prompt.user, LaidOut) else spans_digest(prompt.user)
    user = LaidOut(sha256(b"unguarded" + told).digest(), lambda: _bare(prompt.user))
    return replace(prompt, system=_bare(prompt.system), user=user)


def without_guards(service: JudgingService) -> JudgingService:
    """The same judges and rubrics, every question asked without its guards and under other prompts' digests."""
    judges = {name: replace(judge, backend=Unguarded(judge.backend)) for name, judge in service.judges.items()}
    templates = {name: without_words_on_fences(template) for name, template in service.library.templates.items()}
    return JudgingService(judges, Library(service.library.standards, templates))


def without_words_on_fences(template: PromptTemplate) -> PromptTemplate:
    """The template without the words on fences, which are no longer there."""
    sections = {name: _ON_FENCES.sub(r"All that is shown below \1", text) for name, text in template.sections.items()}
    return replace(template, sections=sections, digest=digest({"unguarded": template.digest}))


def _bare(spans: Sequence[Span]) -> Spans:
    return tuple([span if isinstance(span, Picture) else _bare_span(span) for span in spans])


def _bare_span(span: Span) -> Span:
    """A text of theirs passes for ours, control strings and all; of ours, the fences go."""
    if span.source is not None:
        return Span(span.text)
    text = _CLOSED.sub("", span.text)
    text = _OPENED.sub(r"\1:", text)
    return Span(_HEADED.sub(r"\1", text))
