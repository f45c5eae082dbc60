"""Lays an inquiry before the judge: what all questions share first, then the question, its options, and the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Literal

from judge_service.domain.answers import Choice, FreeText, option_labels
from judge_service.domain.cases import Content
from judge_service.domain.decisions import DecisionQuestion, Inquiry, Option
from judge_service.domain.digests import draw
from judge_service.domain.options import Options
from judge_service.domain.prompting import JudgePrompt, LaidOut, Sampling, Source, Span, Spans
from judge_service.domain.standards import Standard
from judge_service.domain.templates import Layout, PromptTemplate
from judge_service.protocols.brief import DRAWN_TEMPERATURE, EXPLANATION_TOKENS, Method
from judge_service.protocols.exhibits import laid_out, without_thoughts
from judge_service.protocols.readings import READINGS
from judge_service.protocols.wording import standard_text

LAYOUT: Final = 1
"""Goes up with every change of how an inquiry is laid out below: cache keys name texts before they are laid out."""
READING: Final = "option"
Asking = Literal["predicate", "choice", "rising", "falling"]


@dataclass(frozen=True, slots=True)
class _Form:
    """A question without its texts: all of our own wording is in place."""

    user: Layout
    space: Choice | FreeText
    digest: bytes


@dataclass(frozen=True, slots=True)
class DecidingBrief:
    """How one judge is to decide all inquiries of a run.

    Attributes:
        standard: what is shown as the standard to go by; None where the questions alone say what counts.
        min_label_mass: below this probability on the labels an answer counts as none.
    """

    template: PromptTemplate
    options: Options
    judge: str
    method: Method
    min_label_mass: float = 0.5
    explanation_tokens: int = EXPLANATION_TOKENS
    standard: Standard | None = None
    forms: dict[tuple[Asking, int], _Form] = field(default_factory=dict, compare=False, repr=False)

    def form(self, asking: Asking, shown: int) -> _Form:
        """The wording for so many options."""
        key = (asking, shown)
        if key not in self.forms:
            self.forms[key] = self._form(asking, shown)
        return self.forms[key]

    def _form(self, asking: Asking, shown: int) -> _Form:
        labels = option_labels(shown)
        space: Choice | FreeText
        if self.method == "direct":
            space = Choice(labels)
            closing = self.template.text("answer choice", labels=" or ".join(labels))
        else:
            space = FreeText(READING, "option", shown)
            closing = READINGS[READING].closing(space)
        fixed = {
            "standard": standard_text(self.standard, "compare") if self.standard else "",
            "answer": f"{self.template.text(f'ask {asking}')}\n{closing}",
        }
        layout = self.template.layout("user", fixed)
        return _Form(layout, space, sha256(f"{LAYOUT}{layout!r}".encode()).digest())

    def sampling(self, space: Choice | FreeText, repeat: int) -> Sampling:
        """One token, or a text; texts that are asked for several times are drawn."""
        if isinstance(space, Choice):
            return Sampling()
        options = self.options
        temperature = options.temperature
        if temperature is None:
            temperature = DRAWN_TEMPERATURE if options.repeats.max > 1 else 0.0
        seed = draw("repeat", options.seed, repeat) & 0x7FFFFFFF if temperature > 0 else None
        return Sampling(temperature, options.max_tokens or self.explanation_tokens, seed)


class Laid:
    """An inquiry as it is laid before a judge; its questions share what stands first."""

    def __init__(self, inquiry: Inquiry, brief: DecidingBrief) -> None:
        self._inquiry = inquiry
        self._brief = brief
        self._shows = brief.options.candidate_reasoning == "show"
        self._shared: dict[str, dict[str, Spans]] = {}

    def prompt(self, question: DecisionQuestion, shown: Sequence[int], asking: Asking, repeat: int) -> JudgePrompt:
        """One call.

        Args:
            shown: the places of the options that are shown, in that order.
        """
        brief = self._brief
        form = brief.form(asking, len(shown))
        options = [question.options[place] for place in shown]
        named = [form.digest, self._inquiry.digest, question.digest, *map(_digest_of, options)]
        digest = sha256(b"%d" % self._shows + b"\x1d".join(named)).digest()
        user = LaidOut(digest, lambda: form.user.fill(self._values(question, options)))
        system = (Span(brief.template.sections["system"]),)
        return JudgePrompt(brief.judge, system, user, form.space, brief.sampling(form.space, repeat), repeat)

    def _values(self, question: DecisionQuestion, options: Sequence[Option]) -> dict[str, Spans]:
        mark = self._mark(question)
        if mark not in self._shared:
            self._shared[mark] = self._shared_under(mark)
        asked = laid_out(question.instructions, "prompt", mark, self._shows)
        spans: list[Span] = []
        for label, option in zip(option_labels(len(options)), options, strict=True):
            gap = "\n\n" if spans else ""
            spans += (Span(f"{gap}[Option {label} {mark}]\n"), *_told(option), Span(f"\n[/Option {label} {mark}]"))
        return {**self._shared[mark], "question": _fenced("Question", asked, mark), "candidates": tuple(spans)}

    def _shared_under(self, mark: str) -> dict[str, Spans]:
        inquiry = self._inquiry
        state = inquiry.state
        if not self._shows and not isinstance(state, str):
            state = without_thoughts(state)
        told = laid_out(inquiry.instructions, "context", mark, self._shows)
        seen = laid_out(state, "prompt", mark, self._shows)
        return {
            "context": _fenced("Instructions", told, mark) if told else (),
            "prompt": _fenced("State", seen, mark),
        }

    def _mark(self, question: DecisionQuestion) -> str:
        """Eight hex digits, drawn from what all questions share so that these share it, and absent from all texts."""
        inquiry = self._inquiry
        texts = [inquiry.state, inquiry.instructions, question.instructions]
        texts += [f"{option.value}\n{option.description}" for option in question.options]
        for attempt in range(1000):
            mark = f"{draw('mark', inquiry.lot, attempt) & 0xFFFFFFFF:08x}"
            if not any(_holds(text, mark) for text in texts):
                return mark
        raise AssertionError("a thousand codes all occur in the texts")


def _holds(text: Content | None, mark: str) -> bool:
    return text is not None and mark in (text if isinstance(text, str) else repr(text))


def _fenced(name: str, spans: Spans, mark: str) -> Spans:
    return (Span(f"[{name} {mark}]\n"), *spans, Span(f"\n[/{name} {mark}]"))


def _told(option: Option) -> Spans:
    """An option's value and what it means."""
    source: Source = "candidate"
    value = str(option.value).lower() if isinstance(option.value, bool) else option.value
    if not option.description:
        return (Span(value, source),)
    return (Span(value, source), Span(": "), Span(option.description, source))


def _digest_of(option: Option) -> bytes:
    return sha256(f"{option.value!r}\x1f{option.description!r}".encode("utf-8", "surrogatepass")).digest()
