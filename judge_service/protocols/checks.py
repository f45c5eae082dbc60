"""What a brief, or a case, is refused for before a judge is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from judge_service.domain.cases import Case
from judge_service.domain.options import Task
from judge_service.domain.standards import Constitution, Rubric, Standard
from judge_service.errors import InvalidCase, InvalidOption
from judge_service.protocols.brief import Brief
from judge_service.protocols.formats import check_formats
from judge_service.protocols.readings import READINGS, Ask
from judge_service.protocols.together import TOGETHER

_ASKS: Final[Mapping[Task, Ask]] = {"compare": "pair", "score": "score", "rank": "rank"}
_IN_WORDS: Final[Mapping[Ask, str]] = {
    "pair": "a pair",
    "score": "a score",
    "scores": "scores of several at once",
    "rank": "a rank",
    "option": "one of several options",
}
_STRATEGY_ASKS: Final[Mapping[str, frozenset[Ask]]] = {
    "auto": frozenset(),
    "listwise": frozenset(("rank",)),
    "pairs": frozenset(("pair",)),
    "round-robin": frozenset(("pair",)),
    "pointwise": frozenset(("score",)),
    "pointwise+pairs": frozenset(("score", "pair")),
}


def check_brief(brief: Brief) -> None:
    """Refuses options that this standard, its prompts, the reading or the task cannot serve, before the first case.

    Raises:
        InvalidOption: naming the option.
    """
    reading = READINGS.get(brief.reading)
    if reading is None:
        raise InvalidOption(f"there is no reading '{brief.reading}'; there are {', '.join(READINGS)}", "reading")
    needed = _needed(brief)
    if brief.method == "cot" and not needed <= reading.asks:
        missing = _IN_WORDS[min(needed - reading.asks)]
        raise InvalidOption(f"reading '{brief.reading}' cannot settle {missing}", "reading")
    _check_principle(brief)
    _check_keep(brief)
    check_formats(brief)
    for task, template in brief.templates.items():
        for section in () if template.native and not brief.asks_after else _sections(brief, task):
            if section not in template.sections:
                raise InvalidOption(f"prompt '{template.id}' has no section '{section}' to {task} by", "rubric")


def _needed(brief: Brief) -> frozenset[Ask]:
    """What the reading has to settle."""
    if brief.task == "rank":
        return _STRATEGY_ASKS[brief.options.strategy]
    if brief.task == "score" and brief.standard.protocol == TOGETHER:
        return frozenset(("score", "scores"))
    return frozenset((_ASKS[brief.task],))


def _check_keep(brief: Brief) -> None:
    per_topic = brief.options.principle == "per-principle" or (
        isinstance(brief.standard, Rubric)
        and brief.standard.compare == "per-criterion"
        and len(brief.standard.criteria) > 1
    )
    if brief.options.repeats.keep is not None and per_topic:
        raise InvalidOption("repeats.keep takes one question to a ranking, and this asks several", "repeats.keep")


def _sections(brief: Brief, task: Task) -> tuple[str, ...]:
    """The sections of a template that this brief will use."""
    if isinstance(brief.standard, Constitution):
        question = "question together" if brief.options.principle == "all" else "question principle"
    else:
        by_criterion = task == "score" or brief.standard.compare == "per-criterion"
        question = "question criterion" if by_criterion else "question together"
    if brief.method == "cot" and not brief.asks_after:
        return (question,)
    if task == "score":
        return (question, "answer scale")
    return (question, "answer choice or tie" if brief.ties and task == "compare" else "answer choice")


def _check_principle(brief: Brief) -> None:
    wanted = brief.options.principle
    if wanted == "all":
        return
    if not isinstance(brief.standard, Constitution):
        raise InvalidOption(f"'{brief.standard.id}' is a rubric: principle goes with a constitution", "principle")
    names = [p.name for p in brief.standard.principles]
    if wanted not in ("per-principle", "sample", *names):
        raise InvalidOption(
            f"'{brief.standard.id}' has no principle '{wanted}'; it has {', '.join(names)}", "principle"
        )


def check_case(case: Case, standard: Standard, blind: Sequence[str] = ()) -> None:
    """Refuses a case that lacks what the standard takes, or that has what a judge does not take.

    Args:
        blind: names of the judges that take no images.

    Raises:
        InvalidCase: naming the field.
    """
    for name in standard.takes:
        if name in ("reference", "context") and not getattr(case, name):
            raise InvalidCase(f"'{standard.id}' takes a {name}, and the case has none", name)
        if name == "images" and not case.images:
            raise InvalidCase(f"'{standard.id}' takes images, and the case has none", "prompt")
    if blind and case.images:
        message = f"the case has an image, and judge '{blind[0]}' takes text only"
        raise InvalidCase(f"{message} (`images = true` in [judges.{blind[0]}] says that its model sees)", _place(case))


def _place(case: Case) -> str:
    """The first field that holds an image."""
    contents = {"prompt": case.prompt, "reference": case.reference}
    contents |= {f"candidates[{i}]": candidate.content for i, candidate in enumerate(case.candidates)}
    return next(n for n, talk in contents.items() if isinstance(talk, tuple) and any(m.images for m in talk))
