"""What a protocol is told besides the case: standard, templates and options, prepared once for all cases of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final, Literal

from judge_service.domain.answers import AnswerSpace, Choice, FreeText, Scale
from judge_service.domain.cards import PositionEstimate
from judge_service.domain.cases import Case
from judge_service.domain.digests import draw
from judge_service.domain.options import Options, Task
from judge_service.domain.prompting import JudgePrompt, LaidOut, Sampling, Span, Spans
from judge_service.domain.standards import Constitution, Criterion, Principle, Standard
from judge_service.domain.templates import Layout, PromptTemplate, slots_of, system_of
from judge_service.protocols.exhibits import Exhibits
from judge_service.protocols.native import BareTexts, only_part, rubric_of
from judge_service.protocols.notes import Notes
from judge_service.protocols.readings import LABEL_AFTER, READINGS, form_of
from judge_service.protocols.wording import standard_text

Method = Literal["direct", "cot"]
MAX_DIRECT_LIST: Final = 20
DRAWN_TEMPERATURE: Final = 0.7
EXPLANATION_TOKENS: Final = 1024


@dataclass(frozen=True, slots=True)
class Topic:
    """What one question is about: the whole standard, one criterion, or one principle."""

    criterion: Criterion | None = None
    principle: Principle | None = None


WHOLE: Final = Topic()


@dataclass(frozen=True, slots=True)
class Form:
    """A question without its case: all of our own text is in place.

    Attributes:
        sampling: where every answer is read alike; None where each repeat is a draw of its own.
    """

    system: Spans
    user: Layout
    space: AnswerSpace
    digest: bytes
    sampling: Sampling | None


@dataclass(frozen=True, slots=True)
class Brief:
    """How one judge is to judge all cases of a run.

    Attributes:
        judge: its name in votes.
        method: direct (one token) or cot (a text that ends in a verdict).
        min_label_mass: below this probability on the labels an answer counts as none.
        explanation_tokens: how long a text may grow.
        rewards: whether the judge is a reward model: it is shown a conversation and nothing of the standard.
        thinks: whether the judge always thinks first; a thought that is cut is then asked for again with more room.
        notes: what this judge wrote on the case before it is asked for a verdict.
        position: the audited estimate of the judge's bias under this standard, frozen for the run; None without one.
    """

    task: Task
    standard: Standard
    templates: dict[Task, PromptTemplate]
    options: Options
    judge: str
    method: Method
    min_label_mass: float = 0.5
    explanation_tokens: int = EXPLANATION_TOKENS
    thinks: bool = False
    rewards: bool = False
    position: PositionEstimate | None = None
    notes: Notes | None = None
    forms: dict[tuple[Task, str | None, int, str], Form] = field(default_factory=dict, compare=False, repr=False)

    def exhibits(self, case: Case) -> Exhibits:
        """The case as it is laid before this judge."""
        return Exhibits(case, self.options, self.notes)

    @property
    def reading(self) -> str:
        """How a text is read."""
        return self.options.reading or self.standard.reading

    @property
    def ties(self) -> bool:
        """Whether the judge may answer that neither is better."""
        if self.options.ties is not None:
            return self.options.ties == "allow"
        return self.standard.ties or (self.method == "cot" and READINGS[self.reading].has_tie)

    def topics(self, case: Case, repeat: int) -> tuple[Topic, ...]:
        """What is asked about a case in comparisons and rankings, in one repeat."""
        if isinstance(self.standard, Constitution):
            return self._principles(case, repeat)
        if self.standard.compare == "per-criterion":
            return tuple(Topic(criterion=criterion) for criterion in self.standard.criteria)
        return (WHOLE,)

    def score_topics(self, case: Case, repeat: int) -> tuple[Topic, ...]:
        """What is asked about a case in scores, in one repeat: one question to each criterion."""
        if isinstance(self.standard, Constitution):
            return self._principles(case, repeat)
        return tuple(Topic(criterion=criterion) for criterion in self.standard.criteria)

    def _principles(self, case: Case, repeat: int) -> tuple[Topic, ...]:
        assert isinstance(self.standard, Constitution)
        principles = self.standard.principles
        wanted = self.options.principle
        if wanted == "all":
            return (WHOLE,)
        if wanted == "per-principle":
            return tuple(Topic(principle=p) for p in principles)
        if wanted == "sample":
            names = sorted(p.name for p in principles)
            wanted = names[draw("principle", self.options.seed, case.lot, repeat) % len(names)]
        return tuple(Topic(principle=p) for p in principles if p.name == wanted)

    def prompt(
        self, task: Task, topic: Topic, exhibits: Exhibits, order: Sequence[int], repeat: int, attempt: int = 0
    ) -> JudgePrompt:
        """One question about a case.

        Args:
            order: places of the candidates shown, first to last.
            attempt: 0, or which time the question is asked again because the answer could not be read.
        """
        template = self.templates[task]
        bare = BareTexts(exhibits) if template.native else None
        section = bare.section(template) if bare else "user"
        key = (task, topic_name(topic), len(order), section)
        form = self.forms.get(key)
        if form is None:
            form = self.forms[key] = self._form(task, topic, len(order), section)
        made = sha256(form.digest + exhibits.digest(order)).digest()
        labels = labels_for(task, template, len(order))
        user = LaidOut(made, lambda: form.user.fill(_values(labels, topic, exhibits, order, bare)))
        draws = repeat + attempt * 1_000_000
        return JudgePrompt(self.judge, form.system, user, form.space, self._sampling(form, draws, attempt), draws)

    @property
    def asks_after(self) -> bool:
        """Whether the verdict is asked for once the judge has explained itself."""
        return self.method == "cot" and self.reading == LABEL_AFTER

    def prompt_after(self, prompt: JudgePrompt, task: Task, topic: Topic, shown: int, said: str) -> JudgePrompt:
        """The second question, on the same prefix: which label it is, after what was said."""
        space = self._direct_space(task, shown)
        template = self.templates[task]
        asked = f"{_question(template, topic)}\n{self._answer(template, task, space, shown)}"
        return replace(prompt, space=space, sampling=_one_token(space), after=(Span(said, "judge"), Span(asked)))

    def _sampling(self, form: Form, draws: int, attempt: int) -> Sampling:
        if form.sampling is not None:
            return form.sampling
        options = self.options
        drawn = options.repeats.max > 1 or attempt > 0
        temperature = options.temperature
        if temperature is None:
            temperature = DRAWN_TEMPERATURE if drawn else 0.0
        seed = draw("repeat", options.seed, draws) & 0x7FFFFFFF if temperature > 0 else None
        return Sampling(temperature, options.max_tokens or self.explanation_tokens, seed)

    def _form(self, task: Task, topic: Topic, shown: int, section: str) -> Form:
        template = self.templates[task]
        space = self._space(task, topic, shown)
        layout = template.layout(section, self._fixed(template, section, task, topic, space, shown))
        told = template.sections.get(system_of(section), template.sections["system"])
        system = (Span(told),) if told else ()
        exact = None if isinstance(space, FreeText) else _one_token(space)
        # What responses are called stands in no layout; with the usual letters digests are as they always were.
        ours = repr(layout) if not template.labels else repr((layout, template.labels))
        return Form(system, layout, space, sha256(ours.encode()).digest(), exact)

    def _fixed(
        self, template: PromptTemplate, section: str, task: Task, topic: Topic, space: AnswerSpace, shown: int
    ) -> dict[str, str]:
        """All of our own text; a native layout gets what it has a place for."""
        if template.native:
            fixed = rubric_of(template, topic.criterion or topic.principle or only_part(self.standard))
        else:
            # Principles that are all asked about share the whole text, as criteria do; one that is drawn stands alone.
            only = None if self.options.principle == "per-principle" else topic.principle
            fixed = {"standard": standard_text(self.standard, task, only)}
        slots = slots_of(template.sections[section])
        if "question" in slots:
            fixed["question"] = _question(template, topic)
        if "answer" in slots:
            fixed["answer"] = self._answer(template, task, space, shown)
        return fixed

    def _space(self, task: Task, topic: Topic, shown: int) -> AnswerSpace:
        if self.method == "direct":
            return self._direct_space(task, shown)
        low, high = self.standard.scale
        if task == "compare":
            return FreeText(form_of(self.reading, "pair"), "pair", 2, ties=self.ties)
        if task == "rank":
            return FreeText(self.reading, "rank", shown, ties=self.options.ties != "forbid")
        if shown > 1:
            return FreeText(self.reading, "scores", shown, (low, high))
        return FreeText(form_of(self.reading, "score"), "score", 1, (low, high), (topic_name(topic) or "overall",))

    def _direct_space(self, task: Task, shown: int) -> Choice | Scale:
        if task == "score":
            return Scale(*self.standard.scale)
        tie = self.ties and task == "compare"
        labels = self.templates[task].called(shown + tie)
        return Choice(labels, labels[-1] if tie else None)

    def _answer(self, template: PromptTemplate, task: Task, space: AnswerSpace, shown: int) -> str:
        if isinstance(space, FreeText):
            return READINGS[space.reading].closing(space)
        if isinstance(space, Scale):
            return template.text("answer scale", low=str(space.low), high=str(space.high))
        section = "answer choice or tie" if space.tie else "answer choice"
        return template.text(section, labels=" or ".join(template.called(shown)))


def _values(
    labels: Sequence[str], topic: Topic, exhibits: Exhibits, order: Sequence[int], bare: BareTexts | None
) -> Mapping[str, Spans]:
    """What a form's open slots are filled with."""
    if bare is not None:
        return bare.values(order)
    notes = exhibits.notes.shown(order, labels, topic_name(topic)) if exhibits.notes else ()
    return {**exhibits.around, "candidates": exhibits.shown(order, labels), "notes": notes}


def _one_token(space: Choice | Scale) -> Sampling:
    # A number of two digits may be two tokens to a judge that is read as text.
    return Sampling(max_tokens=max(map(len, space.labels)))


def labels_for(task: Task, template: PromptTemplate, shown: int) -> Sequence[str]:
    """What candidates are called in the order shown; a response that is scored alone has no name."""
    return ("",) if task == "score" and shown == 1 else template.called(shown)


def topic_name(topic: Topic) -> str | None:
    """The criterion's or principle's name."""
    part = topic.criterion or topic.principle
    return part.name if part else None


def _question(template: PromptTemplate, topic: Topic) -> str:
    if topic.criterion:
        return template.text("question criterion", name=topic.criterion.name, question=topic.criterion.question)
    if topic.principle:
        return template.text("question principle", name=topic.principle.name)
    return template.text("question together")
