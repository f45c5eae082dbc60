"""What each judge of a run is told besides the cases, and what makes two runs the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from judge_service.domain.judgments import JudgeIdentity
from judge_service.domain.options import Options, Task
from judge_service.domain.standards import Standard
from judge_service.domain.templates import PromptTemplate
from judge_service.errors import InvalidOption
from judge_service.judge import Judge
from judge_service.library import Library
from judge_service.protocols import OWN_PROTOCOLS
from judge_service.protocols.brief import Brief, Method
from judge_service.protocols.checks import check_brief
from judge_service.protocols.readings import LABEL_AFTER
from judge_service.protocols.reward import check_rewards

REWARD_NOTE: Final = "a reward model was shown the conversation alone, without rubric, reference and context: {}"
_MAY_NEED: Final[tuple[Task, ...]] = ("rank", "compare", "score")


def templates_for(task: Task, standard: Standard, library: Library) -> dict[Task, PromptTemplate]:
    """The templates a task may need; a ranking may be made of scores and of pairs.

    Raises:
        InvalidOption: the rubric is a trained judge's own format, which has none for this task.
    """
    templates: dict[Task, PromptTemplate] = {name: library.template(standard, name) for name in _MAY_NEED}
    if task == "rank":
        return templates
    if any(template.native for template in templates.values()) and not templates[task].native:
        raise InvalidOption(f"'{standard.id}' is a trained judge's own format, and has none to {task} by", "rubric")
    return {task: templates[task]}


def brief_for(
    task: Task, standard: Standard, templates: dict[Task, PromptTemplate], options: Options, judge: Judge
) -> Brief:
    """One judge's brief.

    Raises:
        InvalidOption: the options do not go with this judge or this standard.
    """
    if judge.identity.kind == "reward":
        brief = Brief(task, standard, templates, options, judge.name, "direct", rewards=True)
        check_rewards(brief)
        return brief
    if standard.protocol and standard.protocol not in OWN_PROTOCOLS:
        raise InvalidOption(f"'{standard.id}' names a protocol '{standard.protocol}', and there is none", "rubric")
    always = judge.thinking == "always"
    drawn = options.repeats.max > 1 and not (task == "rank" and options.strategy in ("auto", "listwise"))
    method = method_for(options, judge, drawn)
    if always and (options.reading or standard.reading) == LABEL_AFTER:
        message = f"judge '{judge.name}' always thinks: it cannot say a bare label after an explanation"
        raise InvalidOption(message, "reading")
    mass, tokens = judge.min_label_mass, tokens_for(judge)
    brief = Brief(task, standard, templates, options, judge.name, method, mass, tokens, always)
    check_brief(brief)
    return brief


def method_for(options: Options, judge: Judge, drawn: bool) -> Method:
    """Whether a judge is asked for one token or for a text.

    Args:
        drawn: whether a question is asked several times, each time for itself.

    Raises:
        InvalidOption: one token is asked of a judge that always thinks, or several times.
    """
    always = judge.thinking == "always"
    if options.method == "direct" and always:
        raise InvalidOption(f"judge '{judge.name}' always thinks before it answers; use method 'cot'", "method")
    if always or options.method == "cot":
        return "cot"
    if drawn:
        message = "repeats above 1 need sampling, and this judge is asked directly; use method 'cot'"
        raise InvalidOption(message, "repeats")
    return "direct"


def tokens_for(judge: Judge) -> int:
    """How long a text may grow, the thoughts of a judge that always thinks included."""
    return judge.explanation_tokens + (judge.thinking_tokens if judge.thinking == "always" else 0)


def note_on_rewards(briefs: Iterable[Brief]) -> str | None:
    """What is to be known of verdicts that a reward model had a part in; None where none had."""
    names = [brief.judge for brief in briefs if brief.rewards]
    return REWARD_NOTE.format(", ".join(names)) if names else None


def same_judges(identities: Iterable[JudgeIdentity]) -> list[list[Any]]:
    """What has to be the same of the judges for two runs to be the same: anything but their addresses."""
    return [[j.name, j.kind, j.model, _pinned(j), j.epoch, dict(j.sampling)] for j in identities]


def same_asking(briefs: Iterable[Brief]) -> list[list[Any]]:
    """What has to be the same of the way they are asked."""
    return [[b.method, b.min_label_mass if b.method == "direct" else b.explanation_tokens] for b in briefs]


def same_prompts(templates: Mapping[Task, PromptTemplate]) -> dict[Task, str]:
    """The templates by digest."""
    return {task: template.digest for task, template in templates.items()}


def _pinned(identity: JudgeIdentity) -> str:
    return "" if identity.revision.startswith(("http://", "https://")) else identity.revision
