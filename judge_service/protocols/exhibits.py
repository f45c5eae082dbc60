"""Lays a case before the judge: every untrusted text between lines that carry a code no candidate can know."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Final

from judge_service.domain.cases import Case, Content, Message
from judge_service.domain.digests import draw
from judge_service.domain.images import Image
from judge_service.domain.lazy import lazy
from judge_service.domain.options import Options, Truncation
from judge_service.domain.prompting import Picture, Source, Span, Spans
from judge_service.protocols.notes import Notes
from judge_service.protocols.pictures import illustrated

LAYOUT: Final = 1
"""Goes up with every change of how a case is laid out below, since cache keys name texts before they are laid out."""
CHARACTERS_PER_TOKEN: Final = 4
_THOUGHT: Final = re.compile(r"<(think|thinking)>.*?</\1>\s*", re.DOTALL)
_ONLY_THOUGHT: Final = re.compile(r"\s*<(think|thinking)>(?!.*</\1>).*", re.DOTALL)


class Exhibits:
    """A case's texts as spans, laid out when they are first read; its questions share them.

    Attributes:
        mark: the code that fences carry.
        truncated: ids of the candidates that were cut.
        notes: what the judge wrote before; None where it wrote nothing.
    """

    def __init__(self, case: Case, options: Options, notes: Notes | None = None) -> None:
        self._case = case
        self._options = options
        self.notes = notes
        self._shows = options.candidate_reasoning == "show"

    @lazy
    def mark(self) -> str:
        """Eight hex digits drawn from all texts together, so that no candidate can know them, and absent from all."""
        case = self._case
        texts = [case.prompt, case.reference, case.context, *(c.content for c in case.candidates)]
        for attempt in range(1000):
            mark = f"{draw('mark', case.lot, attempt) & 0xFFFFFFFF:08x}"
            if not any(mark in (t if isinstance(t, str) else repr(t)) for t in texts if t):
                return mark
        raise AssertionError("a thousand codes all occur in the texts")

    @lazy
    def around(self) -> dict[str, Spans]:
        """Context, prompt and reference, each fenced; empty where there is none."""
        case = self._case
        prompt = case.prompt
        if not self._shows and not isinstance(prompt, str):
            # Only an assistant's turns hold thoughts; a tag in what a user wrote is part of the question.
            prompt = without_thoughts(prompt)
        return {
            "context": self._fenced("Context", case.context, "context"),
            "prompt": self._fenced("Prompt", prompt, "prompt"),
            "reference": self._fenced("Reference", case.reference, "reference"),
        }

    @lazy
    def bare(self) -> dict[str, tuple[Spans, ...]]:
        """Everything without fences, for formats that have a layout of their own; each text whole."""
        case, shows = self._case, self._shows
        prompt = case.prompt if shows or isinstance(case.prompt, str) else without_thoughts(case.prompt)
        return {
            "context": (laid_out(case.context, "context", self.mark, shows),),
            "prompt": (laid_out(prompt, "prompt", self.mark, shows),),
            "reference": (laid_out(case.reference, "reference", self.mark, shows),),
            "candidates": self._whole,
        }

    @lazy
    def candidates(self) -> tuple[Spans, ...]:
        """Each candidate's text in the case's order, without fences, cut where it is too long."""
        return tuple([_cut(spans, self._options.truncate) for spans in self._whole])

    @lazy
    def truncated(self) -> tuple[str, ...]:
        """Ids of the candidates that were cut."""
        if self._options.truncate is None:
            return ()
        pairs = zip(self._case.candidates, self._whole, self.candidates, strict=True)
        return tuple(candidate.id for candidate, whole, shown in pairs if shown is not whole)

    @lazy
    def _whole(self) -> tuple[Spans, ...]:
        contents = [c.content if self._shows else without_thoughts(c.content) for c in self._case.candidates]
        return tuple([laid_out(content, "candidate", self.mark, self._shows) for content in contents])

    def _fenced(self, name: str, content: Content | None, source: Source) -> Spans:
        spans = laid_out(content, source, self.mark, self._shows)
        return (Span(f"[{name} {self.mark}]\n"), *spans, Span(f"\n[/{name} {self.mark}]")) if spans else ()

    @lazy
    def _made_of(self) -> bytes:
        cut = self._options.truncate
        return f"{LAYOUT}{self._shows}{cut.candidate_tokens if cut else ''}{self._case.lot:x}".encode()

    def digest(self, order: Sequence[int]) -> bytes:
        """Names everything shown when the candidates stand in this order, without laying it out.

        The lot is part of it, since the fences' code is drawn from it.
        """
        around, contents = self._case.text_digests
        shown = b"\x1d".join((self._made_of, around, *[contents[place] for place in order]))
        return shown if self.notes is None else shown + self.notes.digest(order)

    def shown(self, order: Sequence[int], labels: Sequence[str]) -> Spans:
        """The candidates in this order under these labels; a lone candidate needs no label."""
        spans: list[Span] = []
        for place, label in zip(order, labels, strict=True):
            name = f"Response {label} {self.mark}" if label else f"Response {self.mark}"
            gap = "\n\n" if spans else ""
            spans += (Span(f"{gap}[{name}]\n"), *self.candidates[place], Span(f"\n[/{name}]"))
        return tuple(spans)


def with_thoughts_hidden(case: Case, options: Options) -> tuple[str, ...]:
    """Ids of the candidates whose thoughts are not shown to the judge."""
    if options.candidate_reasoning == "show":
        return ()
    return tuple([c.id for c in case.candidates if without_thoughts(c.content) != c.content])


def laid_out(content: Content | None, source: Source, mark: str, show: bool) -> Spans:
    """A content without fences, as spans; nothing where there is none.

    Args:
        mark: the code that our headings within a conversation carry.
        show: whether its writers' thoughts are shown.
    """
    if content is None:
        return ()
    if isinstance(content, str):
        return (Span(content, source),)
    numbers = count(1)
    if len(content) == 1 and _is_plain(content[0]):
        return tuple(_body(content[0], source, mark, numbers))
    spans: list[Span] = []
    for i, message in enumerate(content):
        spans.extend(_turn(message, source, mark, show, i == 0, numbers))
    return tuple(spans)


def _is_plain(message: Message) -> bool:
    return message.role in ("user", "assistant") and not message.tool_calls and not message.reasoning


def _body(message: Message, source: Source, mark: str, numbers: Iterator[int]) -> list[Span]:
    return illustrated(message, source, mark, numbers) if message.images else [Span(message.content, source)]


def _turn(message: Message, source: Source, mark: str, show: bool, first: bool, numbers: Iterator[int]) -> list[Span]:
    """One turn of a transcript under our own heading; its speaker's name and its tool calls are untrusted text too."""
    spans = [Span(("" if first else "\n\n") + f"({message.role} {mark}")]
    if message.name:
        spans += (Span(" "), Span(message.name, source))
    spans.append(Span(")\n"))
    if show and message.reasoning:
        spans += (Span("(thoughts)\n"), Span(message.reasoning, source), Span("\n(end of thoughts)\n"))
    spans += _body(message, source, mark, numbers)
    for call in message.tool_calls:
        gap = "\n" if message.content or message.images or call is not message.tool_calls[0] else ""
        spans += (Span(gap + "(calls tool) "), Span(f"{call.name} {call.arguments}", source))
    return spans


def without_thoughts(content: Content) -> Content:
    """The content without its writer's thoughts."""
    if isinstance(content, str):
        return _thoughtless(content)
    if not any(m.role == "assistant" and (m.reasoning or "<think" in m.content) for m in content):
        return content
    return tuple(_thoughtless_message(m) for m in content)


def _thoughtless(text: str) -> str:
    """The text without closed blocks of thoughts, and empty if it broke off in its first one.

    A tag that is spoken of further on and never closed opens no block: the text behind it is part of the answer.
    """
    if "<think" not in text:
        return text
    return "" if _ONLY_THOUGHT.fullmatch(text) else _THOUGHT.sub("", text)


def _thoughtless_message(message: Message) -> Message:
    if message.role != "assistant":
        return message
    text, images = _thoughtless(message.content), _not_in_thoughts(message) if message.images else ()
    return Message(message.role, text, message.name, None, message.tool_calls, images)


def _not_in_thoughts(message: Message) -> tuple[Image, ...]:
    """The images that stand in no thought, at their places in what is left of the text."""
    if _ONLY_THOUGHT.fullmatch(message.content):
        return tuple(image for image in message.images if image.at == 0)
    # White space behind a thought goes with it, but an image that stands in there does not.
    found = _THOUGHT.finditer(message.content)
    thoughts = [(each.start(), each.start() + len(each[0].rstrip()), each.end()) for each in found]
    left = [image for image in message.images if not any(start < image.at < end for start, end, _ in thoughts)]
    return tuple(
        image.moved(image.at - sum(min(gone, image.at) - start for start, _, gone in thoughts if start < image.at))
        for image in left
    )


def _cut(spans: Spans, truncation: Truncation | None) -> Spans:
    """The spans with their middle left out if they are longer than allowed, at four characters to the token.

    Images all stay, and count for nothing.
    """
    if truncation is None:
        return spans
    allowed = truncation.candidate_tokens * CHARACTERS_PER_TOKEN
    total = sum(len(span.text) for span in spans if not isinstance(span, Picture))
    if total <= allowed:
        return spans
    left_out = -(-(total - allowed) // CHARACTERS_PER_TOKEN)
    head, tail = allowed - allowed // 2, total - allowed // 2
    kept: list[Span] = []
    at = 0
    for span in spans:
        if isinstance(span, Picture):
            kept.append(span)
            continue
        end = at + len(span.text)
        if at < head:
            kept.append(Span(span.text[: head - at], span.source))
        if at <= head < end:
            kept.append(Span(f"\n[… {left_out:,} tokens left out …]\n"))
        if end > tail:
            kept.append(Span(span.text[max(0, tail - at) :], span.source))
        at = end
    return tuple(kept)
