"""Judges of decisions with planted opinions, driven without a network, and inquiries to ask them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from judge_service.domain.answers import option_labels
from judge_service.domain.decisions import DecisionAnswer, DecisionQuestion, Inquiry, Option
from judge_service.domain.options import options_from
from judge_service.domain.prompting import Completion, JudgePrompt, joined
from judge_service.library import open_library
from judge_service.protocols.deciding import deciding
from judge_service.protocols.inquiring import DecidingBrief

TEMPLATE = open_library().templates["decide"]
Reply = Callable[[JudgePrompt], Completion]
Add = Callable[[int, int], float]
"""What a judge adds to a place (from 0) of a list of so many."""


def brief(method: Any = "direct", **told: Any) -> DecidingBrief:
    return DecidingBrief(TEMPLATE, options_from(told, "compare"), "j", method)


def choice(worths: Mapping[Any, float], name: str | None = None) -> DecisionQuestion:
    """A choice among values; a judge is to find each worth what the mapping says."""
    return DecisionQuestion("choice", "Which one?", tuple(Option(value) for value in worths), name)


def shown_in(prompt: JudgePrompt) -> list[str]:
    """The options' values in the order shown."""
    text = joined(tuple(prompt.user))
    return re.findall(r"^\[Option (?:\w+) (\w+)\]\n(.*?)\n\[/Option \w+ \1\]$", text, re.MULTILINE | re.DOTALL)


def values_in(prompt: JudgePrompt) -> list[str]:
    return [value.partition(":")[0] for _, value in shown_in(prompt)]


def judge(worths: Mapping[str, float], add: Add = lambda place, of: 0.0, mass: float = 1.0) -> Reply:
    """Its log-probabilities are the options' worths and what it adds to their places."""

    def reply(prompt: JudgePrompt) -> Completion:
        values = values_in(prompt)
        logits = [worths[value] + add(place, len(values)) for place, value in enumerate(values)]
        most = max(logits)
        weights = [math.exp(z - most) for z in logits]
        labels = option_labels(len(values))
        told = {label: weight / sum(weights) for label, weight in zip(labels, weights, strict=True)}
        return Completion(max(told, key=told.__getitem__), told, mass)

    return reply


def in_words(worths: Mapping[str, float], form: str = "Choice: {}") -> Reply:
    """A judge without log-probabilities, who names the best."""

    def reply(prompt: JudgePrompt) -> Completion:
        values = values_in(prompt)
        best = max(range(len(values)), key=lambda place: worths[values[place]])
        return Completion(form.format(option_labels(len(values))[best]))

    return reply


def decided(inquiry: Inquiry, how: DecidingBrief, reply: Reply) -> tuple[tuple[DecisionAnswer, ...], list[JudgePrompt]]:
    """The answers, and the prompts of the one round."""
    deliberation = deciding(inquiry, how)
    prompts = next(deliberation)
    try:
        deliberation.send([reply(prompt) for prompt in prompts])
    except StopIteration as end:
        return end.value, prompts
    raise AssertionError("a second round")


def answered(question: DecisionQuestion, how: DecidingBrief, reply: Reply, state: Any = "The state.") -> DecisionAnswer:
    (answer,), _ = decided(Inquiry(state, (question,)), how, reply)
    return answer


def by_value(answer: DecisionAnswer) -> dict[Any, float]:
    assert answer.probabilities is not None, answer.failure
    return dict(zip([option.value for option in answer.question.options], answer.probabilities, strict=True))


def softmax(worths: Sequence[float]) -> list[float]:
    weights = [math.exp(worth) for worth in worths]
    return [weight / sum(weights) for weight in weights]
