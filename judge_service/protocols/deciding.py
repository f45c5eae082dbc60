"""Questions about one state of things, all asked in one round, each in every way of showing its options."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final, Literal, NamedTuple

from judge_service.domain.answers import Choice, FreeText, RankAnswer, option_labels
from judge_service.domain.decisions import DecisionAnswer, DecisionQuestion, Inquiry, OptionVote
from judge_service.domain.prompting import Completion, JudgePrompt, joined
from judge_service.domain.verdicts import Failure
from judge_service.errors import InvalidOption
from judge_service.protocols.inquiring import READING, Asking, DecidingBrief, Laid
from judge_service.protocols.readings import Unreadable, read
from judge_service.protocols.weighing import weighed
from judge_service.statistics.arrangements import ONE_LIST, Arrangement, arrangements, both_ways, grid

Decisions = Generator[list[JudgePrompt], list[Completion], tuple[DecisionAnswer, ...]]
"""Yields its one round of prompts, is sent their completions, and returns an answer to each question, in order."""

__all__ = ["COMBINES", "READING", "Decisions", "deciding"]

COMBINES: Final = ("mean-logit", "mean-probability", "vote")
_AROUND: Final = " \t\r\n*`\"'.:()[]"


class _Call(NamedTuple):
    """One call: in which way the options are shown, in places of the order drawn, and which repetition it is."""

    way: Arrangement
    repeat: int


class _Plan(NamedTuple):
    """The calls of one question.

    Attributes:
        order: the place of each option in the caller's list, in the order from which ways of showing them start.
    """

    question: DecisionQuestion
    order: tuple[int, ...]
    calls: tuple[_Call, ...]


def deciding(inquiry: Inquiry, brief: DecidingBrief) -> Decisions:
    """Asks everything at once: questions share the state, and ways of showing one question's options the question.

    * choice: the options in an order drawn by content, so that it does not matter in which the caller lists them: up to
      5 in all rotations, up to 20 in four orders in which each has the same mean place; more in groups, the rows and
      columns of a square, from which one strength to each is fitted (`statistics/luce.py`).
    * predicate: yes and no in both orders. score: the levels rising and falling.
    * A judge that answers in words sees all options at once, however many.
    * `orders` one: one of these ways, drawn by content. A way that failed is no answer to its question.

    Raises:
        InvalidOption: probabilities cannot be averaged over groups.
    """
    laid = Laid(inquiry, brief)
    plans = [_plan(question, inquiry, brief) for question in inquiry.questions]
    prompts = [_prompt(call, plan, laid) for plan in plans for call in plan.calls]
    answered = iter(list(zip(prompts, (yield prompts), strict=True)))
    answers = []
    for plan in plans:
        votes = [_vote(call, plan, *next(answered), brief) for call in plan.calls]
        answers.append(weighed(plan.question, plan.order, [c.way for c in plan.calls], votes, brief.options.combine))
    return tuple(answers)


def _plan(question: DecisionQuestion, inquiry: Inquiry, brief: DecidingBrief) -> _Plan:
    repeats = range(brief.options.repeats.max)
    ways = _ways(question, inquiry, brief)
    calls = tuple([_Call(way, repeat) for repeat in repeats for way in ways])
    return _Plan(question, _order(inquiry, question, brief.options.seed), calls)


def _order(inquiry: Inquiry, question: DecisionQuestion, seed: int) -> tuple[int, ...]:
    """The options in the order that ways of showing them start from; levels and yes and no have one of their own."""
    return inquiry.order(question, seed) if question.type == "choice" else tuple(range(len(question.options)))


def _ways(question: DecisionQuestion, inquiry: Inquiry, brief: DecidingBrief) -> tuple[Arrangement, ...]:
    n = len(question.options)
    one = brief.options.orders == "one"
    if n > ONE_LIST and brief.method == "direct":
        if brief.options.combine == "mean-probability":
            message = (
                f"more than {ONE_LIST} options are asked about in groups, and probabilities of groups have no mean"
            )
            raise InvalidOption(f"{message}; use combine mean-logit or vote", "combine")
        return grid(n, both=not one)
    ways = arrangements(n) if question.type == "choice" else both_ways(n)
    if not one:
        return ways
    # The order itself is drawn by content already; of levels, and of yes and no, the way is.
    at = 0 if question.type == "choice" else inquiry.order(question, brief.options.seed)[0] % 2
    return (ways[at],)


def _prompt(call: _Call, plan: _Plan, laid: Laid) -> JudgePrompt:
    shown = [plan.order[place] for place in call.way]
    return laid.prompt(plan.question, shown, _asking(plan.question, call.way), call.repeat)


def _asking(question: DecisionQuestion, way: Arrangement) -> Asking:
    if question.type == "score":
        return "rising" if way[0] < way[-1] else "falling"
    return question.type


def _vote(call: _Call, plan: _Plan, prompt: JudgePrompt, completion: Completion, brief: DecidingBrief) -> OptionVote:
    read_ = _read(prompt, completion, brief) if completion.failure is None else _Read(failure=completion.failure)
    include = brief.options.include
    return OptionVote(
        shown=tuple([plan.order[place] for place in call.way]),
        method=brief.method,
        repeat=call.repeat,
        evidence=read_.evidence,
        weights=read_.weights,
        label=read_.label,
        label_mass=completion.label_mass,
        explanation=completion.text or None if brief.method == "cot" and read_.failure is None else None,
        cached=completion.cached,
        failure=read_.failure,
        prompt=joined((*prompt.system, *prompt.user)) if "prompts" in include else None,
        raw=completion.text or None if "raw" in include else None,
    )


class _Read(NamedTuple):
    """What an answer says; the fields are those of a vote."""

    evidence: Literal["logprobs", "text"] | None = None
    weights: tuple[float, ...] | None = None
    label: str | None = None
    failure: Failure | None = None


def _read(prompt: JudgePrompt, completion: Completion, brief: DecidingBrief) -> _Read:
    space = prompt.space
    assert isinstance(space, Choice | FreeText)
    if isinstance(space, Choice) and completion.probabilities is not None:
        mass = completion.label_mass
        if mass is not None and mass < brief.min_label_mass:
            message = f"the judge gave the labels a probability of {mass:.3g} together, below {brief.min_label_mass:g}"
            return _Read(failure=Failure("low_label_mass", message, raw=completion.text))
        weights = tuple([completion.probabilities[label] for label in space.labels])
        return _Read("logprobs", weights, max(space.labels, key=completion.probabilities.__getitem__))
    try:
        return _in_words(space, completion, prompt)
    except Unreadable as e:
        return _Read(failure=Failure("unreadable", str(e), raw=completion.text))


def _in_words(space: Choice | FreeText, completion: Completion, prompt: JudgePrompt) -> _Read:
    """One option, named in a text.

    Raises:
        Unreadable: none is, or several are.
    """
    if isinstance(space, Choice):
        shown, label = len(space.labels), completion.text.strip(_AROUND)
        if label not in space.labels:
            raise Unreadable(f"the answer is none of {', '.join(space.labels)}")
    else:
        shown = space.shown
        answer = completion.answer or read(completion.text, space, [span.text for span in prompt.user if span.source])
        if not isinstance(answer, RankAnswer):
            raise Unreadable("the answer names no option")
        label = answer.label
    labels = option_labels(shown)
    return _Read("text", tuple([1.0 if each == label else 0.0 for each in labels]), label)
