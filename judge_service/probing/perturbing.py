"""The same cases put to a judge in other orders, under other labels, in other words, and again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from judge_service.domain.frozen import frozen
from judge_service.domain.judgments import Judgment
from judge_service.domain.options import Options
from judge_service.domain.standards import Standard
from judge_service.errors import InvalidRequest
from judge_service.evaluation.audits.arms import REPEATS, Answered, Arm, won_by
from judge_service.files.reading import Row
from judge_service.library import Library
from judge_service.library.perturbations import Variant
from judge_service.probing.asked import Shown, judgments_on, unseen
from judge_service.protocols.audited import both_leans
from judge_service.protocols.brief import DRAWN_TEMPERATURE
from judge_service.service import JudgingService
from judge_service.sitting import Sitting

USUAL = ("A", "B", "C")


@frozen
class Perturbed:
    """What was answered.

    Attributes:
        base: the usual wording.
        judgments: under it.
        left_out: the factors that could not be tried, each with why.
    """

    base: Arm
    arms: tuple[Arm, ...]
    judgments: tuple[Judgment, ...]
    left_out: Mapping[str, str]


@frozen
class Plan:
    """What is tried.

    Attributes:
        repeats: how often the usual wording is asked again, past the cache.
        thinker: the name under which the same judge thinks first; "" where it cannot.
    """

    variants: tuple[Variant, ...]
    repeats: int = 2
    thinker: str = ""


async def perturbed(
    service: JudgingService,
    options: Options,
    rows: Sequence[Row],
    fields: Mapping[str, str],
    plan: Plan,
    shown: Shown = unseen,
) -> Perturbed:
    """Asks everything in turn: first in the usual way, which teaches the judge's card as any run does.

    Raises:
        InvalidOption, UnknownName: the options are wrong.
        InvalidRequest: no case was judged in the usual wording.
    """
    sitting = service.sitting("compare", options)
    judgments = await judgments_on(sitting, rows, fields, shown)
    base = Arm("usual", "", answers_in(judgments, sitting.standard), USUAL)
    if not base.answers:
        failure = next((each.failure for each in judgments if each.failure is not None), None)
        raise InvalidRequest(f"no case has a verdict to set others beside{f': {failure.message}' if failure else ''}")
    arms: list[Arm] = []
    left_out: dict[str, str] = {}
    async for arm in asked_in(service, options, rows, fields, plan.variants, shown):
        if isinstance(arm, Arm):
            arms.append(arm)
        else:
            left_out[arm.factor] = arm.why
    async for told in again(service, options, rows, fields, plan.repeats, shown):
        number = sum(arm.factor == REPEATS for arm in arms) + 1
        arms.append(Arm(REPEATS, f"repeat {number}", answers_in(told, sitting.standard)))
    if plan.thinker:
        thinking = replace(options, judge=(plan.thinker,), method="cot", card=None)
        told = await _asked(service, thinking, service.library, rows, fields, shown)
        arms.append(Arm("thinking", "on", answers_in(told, sitting.standard)))
    else:
        left_out["thinking"] = 'its thinking is not optional (thinking = "optional" in its settings)'
    return Perturbed(base, tuple(arms), tuple(judgments), left_out)


class Impossible(NamedTuple):
    """A variant that this judge cannot be asked in, and why."""

    factor: str
    why: str


async def asked_in(
    service: JudgingService,
    options: Options,
    rows: Sequence[Row],
    fields: Mapping[str, str],
    variants: Sequence[Variant],
    shown: Shown = unseen,
) -> AsyncIterator[Arm | Impossible]:
    """The cases under each of the wordings, one wording after the other."""
    sitting = service.sitting("compare", options)
    for variant in variants:
        why = _why_not(variant, sitting)
        library = variant.library(service.library, sitting.standard)
        if why or library is None:
            yield Impossible(variant.factor, why or "this rubric is asked by a format of its own")
            continue
        told = await _asked(service, replace(options, card=None), library, rows, fields, shown)
        yield Arm(variant.factor, variant.name, answers_in(told, sitting.standard), variant.labels)


async def _asked(
    service: JudgingService,
    options: Options,
    library: Library,
    rows: Sequence[Row],
    fields: Mapping[str, str],
    shown: Shown,
) -> list[Judgment]:
    """What this teaches of the judge goes onto no card: it is not how it is asked elsewhere."""
    return await judgments_on(Sitting("compare", options, service.judges, library), rows, fields, shown)


async def again(
    service: JudgingService,
    options: Options,
    rows: Sequence[Row],
    fields: Mapping[str, str],
    times: int,
    shown: Shown = unseen,
) -> AsyncIterator[list[Judgment]]:
    """The same questions again, so many times, past the cache.

    A judge that is asked for a label should say the same; one that writes is drawn anew, with a seed for each time.
    """
    writes = service.sitting("compare", options).provenance.method != "direct"
    warmth = DRAWN_TEMPERATURE if options.temperature is None and writes else options.temperature
    for number in range(1, times + 1):
        seed = options.seed + number if writes else options.seed
        fresh = replace(options, cache="bypass", card=None, seed=seed, temperature=warmth)
        yield await _asked(service, fresh, service.library, rows, fields, shown)


def answers_in(judgments: Iterable[Judgment], standard: Standard) -> dict[str, Answered]:
    """The verdicts by case id; a case without one, or that took no call, is left out."""
    found: dict[str, Answered] = {}
    for judgment in judgments:
        won = won_by(judgment)
        if won is None or not judgment.votes:
            continue
        own = [vote for vote in judgment.votes if vote.method == "direct"]
        leans = both_leans(own, (judgment.candidates[0], judgment.candidates[1]), standard)
        found[judgment.case_id] = Answered(leans, won)
    return found


def _why_not(variant: Variant, sitting: Sitting) -> str:
    if variant.labels and sitting.provenance.method != "direct":
        return "this judge writes its verdict, in a form whose letters are read by their places"
    return ""
