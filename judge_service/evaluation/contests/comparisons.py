"""Judgments on two models' answers to one prompt, as win rates and leaderboards take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from judge_service.domain.cases import Case, plain
from judge_service.domain.digests import digest
from judge_service.domain.frozen import frozen
from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import Evidence, Preference, Status, Vote

Measure = Literal["probability", "vote share", "reward"]
"""What a soft rate is made of: a judge's own probabilities, shares of its votes, or a reward model's differences."""

UNNAMED = ("a", "b")


@frozen
class Comparison:
    """Two models' answers to one prompt, and what the judge made of them.

    Attributes:
        prompt: what the answers of one prompt have in common: the unit that is drawn, and that intervals go by.
        models: who wrote the first answer and who the second.
        soft: P(the first is better) in [0, 1], a tie half; None where there is no verdict.
        won: 1 where the first won, 0 where the second did, 0.5 for a tie; None where there is no verdict.
        consistent: whether both orders named the same winner; None with one order.
        lean: the judge's lean to the first-shown, in logits; None with one order or text votes.
        evidence: None where both answers were the same, or there is no verdict.
        texts: the two answers, where they are known.
        category: the case's, as its owner named it.
        measure: what `soft` is; None where both answers were the same, or there is no verdict.
        by_order: P(the first is better) with the first shown first, and with the second shown first; None where there
            were not both orders of one judge asked one question.
        asked: what was asked, where it is known.
    """

    case_id: str
    prompt: str
    models: tuple[str, str]
    status: Status
    soft: float | None
    won: float | None
    consistent: bool | None = None
    lean: float | None = None
    evidence: Evidence | None = None
    texts: tuple[str, str] | None = None
    category: str | None = None
    measure: Measure | None = None
    by_order: tuple[float, float] | None = None
    asked: str | None = None

    @property
    def is_judged(self) -> bool:
        """Whether there is a verdict."""
        return self.won is not None

    def turned(self) -> Comparison:
        """The same seen from the second model."""
        return Comparison(
            self.case_id, self.prompt, (self.models[1], self.models[0]), self.status,
            None if self.soft is None else 1.0 - self.soft,
            None if self.won is None else 1.0 - self.won,
            self.consistent, self.lean, self.evidence,
            None if self.texts is None else (self.texts[1], self.texts[0]),
            self.category,
            self.measure,
            None if self.by_order is None else (1.0 - self.by_order[1], 1.0 - self.by_order[0]),
            self.asked,
        )  # fmt: skip


def comparison_of(
    judgment: Judgment, prompt: str, texts: tuple[str, str] | None = None, category: str | None = None
) -> Comparison:
    """A stored preference as a comparison; what was not judged has no verdict, whatever votes it holds.

    A candidate whose author is not named goes by its own id.

    Raises:
        ValueError: the judgment is no preference between two candidates.
    """
    verdict = judgment.verdict
    if judgment.kind != "preference" or (verdict is not None and not isinstance(verdict, Preference)):
        raise ValueError(f"a {judgment.kind} is no preference")
    first, second = judgment.candidates or UNNAMED
    models = (judgment.models.get(first) or first, judgment.models.get(second) or second)
    category = judgment.domain if category is None else category
    told = (judgment.case_id, prompt, models, judgment.status)
    if judgment.status != "judged" or verdict is None or verdict.winner is None:
        return Comparison(*told, soft=None, won=None, texts=texts, category=category)
    won = 0.5 if verdict.winner == "tie" else float(verdict.winner == first)
    usable = [vote for vote in judgment.votes if vote.failure is None]
    return Comparison(
        *told, verdict.probability, won, verdict.consistent, verdict.position_bias, verdict.evidence, texts, category,
        _measure(verdict), _by_order(usable, first, second),
    )  # fmt: skip


def _measure(verdict: Preference) -> Measure | None:
    """What the soft verdict is; evidence is "logprobs" only where no vote was read from text or after a thought."""
    if verdict.evidence is None or verdict.evidence == "reward":
        return verdict.evidence
    return "probability" if verdict.evidence == "logprobs" and verdict.combine != "vote" else "vote share"


def _by_order(usable: Sequence[Vote], first: str, second: str) -> tuple[float, float] | None:
    """What each order says by itself: the mean of its votes, a tie half."""
    if len({(vote.judge, vote.criterion, vote.principle) for vote in usable}) != 1:
        return None
    orders: dict[str, list[float]] = {first: [], second: []}
    for vote in usable:
        if vote.kind == "pair" and vote.probabilities is not None:
            orders[vote.order[0]].append(vote.probabilities[first] + (vote.tie or 0.0) / 2.0)
    if not all(orders.values()):
        return None
    one, other = (sum(votes) / len(votes) for votes in orders.values())
    return one, other


def prompt_of(judgment: Judgment, case: Case | None, field: str = "") -> str:
    """What tells the prompt of a judgment from others: a field of the metadata, the prompt's text, or the case's id.

    Args:
        case: the case itself, where its texts are known.
        field: of the metadata; "" for none. A case that lacks it is a prompt of its own.
    """
    if field:
        value: Any = judgment.metadata.get(field)
        return judgment.case_id if value is None else str(value)
    return judgment.case_id if case is None else name_of_prompt(case)


def name_of_prompt(case: Case) -> str:
    """What tells the prompt of a case from others by its text."""
    return digest({"prompt": plain(case.prompt), "context": case.context})
