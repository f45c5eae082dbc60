"""Formats whose rows are all answers to a prompt at once. One function to each format."""

from __future__ import annotations

import math
from typing import Any

from judge_service.domain.verdicts import Preference
from judge_service.exports.groups import Group
from judge_service.exports.paired import Row, Writing
from judge_service.exports.shapes import text, told
from judge_service.statistics.debias import sigmoid


def listwise(group: Group, writing: Writing) -> list[Row]:
    """All answers with scores and ranks; 1 is best, and equal answers share a rank."""
    return [
        {
            "prompt": told(group.case.prompt, "user", writing.talk),
            "responses": [told(answer.content, "assistant", writing.talk) for answer in group.answers],
            "scores": [answer.score for answer in group.answers],
            "ranks": [answer.rank for answer in group.answers],
            "models": [answer.model for answer in group.answers],
        }
    ]


def grpo(group: Group, writing: Writing) -> list[Row]:
    """Scalars for best-of-n and for rewards that are looked up: logits, or shares of the scale.

    Their column is not called `completions`: TRL hands every column to a reward function under its name, and that name
    is its own.
    """
    return [
        {
            "prompt": told(group.case.prompt, "user", writing.talk),
            "responses": [told(answer.content, "assistant", writing.talk) for answer in group.answers],
            "rewards": [answer.worth for answer in group.answers],
            "best": min(range(len(group.answers)), key=lambda place: group.answers[place].rank),
        }
    ]


def nectar(group: Group, writing: Writing) -> list[Row]:
    """Nectar's columns: the prompt as text, answers with ranks from 1."""
    prompt = group.case.prompt
    turns = 1 if isinstance(prompt, str) else sum(message.role == "user" for message in prompt)
    answers = [{"answer": text(a.content), "model": a.model, "rank": float(a.rank)} for a in group.answers]
    return [
        {
            "prompt": text(prompt),
            "answers": sorted(answers, key=lambda answer: float(answer["rank"] or 0.0)),
            "turns": turns,
            "num_responses": len(answers),
            "source": [group.case.domain] if group.case.domain else [],
            "good_natured": _told_of(group, "good_natured", bool),
        }
    ]


def stepwise(group: Group, writing: Writing) -> list[Row]:
    """TRL's stepwise supervision: the steps of one solution, in the order of the case, each right or not.

    A step is right from a share of the scale on; a reward's share is its sigmoid. Of a candidate that repeats the steps
    before it as messages, the last message is the step.
    """
    shares = [answer.worth if not group.logits else sigmoid(answer.worth) for answer in group.answers]
    steps = [a.content if isinstance(a.content, str) else a.content[-1].content for a in group.answers]
    return [
        {
            "prompt": text(group.case.prompt),
            "completions": steps,
            "labels": [share >= writing.threshold for share in shares],
        }
    ]


def argilla(group: Group, writing: Writing) -> list[Row]:
    """Argilla's records, as `Dataset.records.from_json` reads them: the verdict is a suggestion, for people to mend.

    The fields are those of `Settings.for_ranking`. Its rankings have no equal ranks: equal answers, about which
    nothing can be suggested, have no suggestion.
    """
    names = [f"response{place}" for place in range(1, len(group.answers) + 1)]
    ranks = dict(zip(names, (answer.rank for answer in group.answers), strict=True))
    suggested: dict[str, Any] = {"value": sorted(names, key=ranks.__getitem__), "agent": _annotator(group) or None}
    verdict = group.judgment.verdict
    if isinstance(verdict, Preference) and verdict.probability is not None:
        suggested["score"] = max(verdict.probability, 1.0 - verdict.probability)
    return [
        {
            "id": group.case.id,
            "fields": {
                "instruction": text(group.case.prompt),
                **{name: text(a.content) for name, a in zip(names, group.answers, strict=True)},
            },
            "metadata": {f"{name}_model": a.model for name, a in zip(names, group.answers, strict=True) if a.model},
            "suggestions": {"ranking": suggested} if len(set(ranks.values())) == len(ranks) else {},
        }
    ]


def alpaca_eval(group: Group, writing: Writing) -> list[Row]:
    """AlpacaEval's annotations: 1 where the first answer wins, 2 where the second does, 1.5 for a tie.

    The first candidate is the reference, the second the model under test; the preference of a compared pair is
    2 - P(the first is better), as their weighted annotators have it.
    """
    first, second = group.answers
    named = (first.model or first.id, second.model or second.id)
    texts = (text(first.content), text(second.content))
    dataset = group.case.domain or ""
    return [annotation(text(group.case.prompt), texts, named, dataset, _annotator(group), _preference(group))]


def annotation(
    instruction: str,
    outputs: tuple[str, str],
    generators: tuple[str, str],
    dataset: str,
    annotator: str,
    preference: float | None,
) -> Row:
    """A row of AlpacaEval's `annotations.json`, with all the fields that it has.

    Args:
        outputs, generators: the reference's, then those of the model under test.
        preference: from 1 to 2; None where there is no verdict.
    """
    return {
        "instruction": instruction,
        "output_1": outputs[0],
        "generator_1": generators[0],
        "dataset": dataset,
        "output_2": outputs[1],
        "generator_2": generators[1],
        "annotator": annotator,
        "preference": preference,
        "raw_completion": None,
        "time_per_example": None,
        "price_per_example": None,
    }


def _preference(group: Group) -> float:
    first, second = group.answers
    if first.rank == second.rank:
        return 1.5
    if group.probability is not None:
        return 2.0 - group.probability
    return 1.5 + math.copysign(0.5, first.rank - second.rank)


def _told_of(group: Group, name: str, kind: type) -> Any:
    """What the case's own row said of it, if it is of that kind."""
    value = group.judgment.metadata.get(name)
    return value if isinstance(value, kind) else None


def _annotator(group: Group) -> str:
    told = group.judgment.provenance
    return "+".join(judge.name for judge in told.judges) if told is not None else ""
