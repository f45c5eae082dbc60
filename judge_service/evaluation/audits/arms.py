"""The same cases under several wordings: what was answered, and what two orders under two labels tell apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from judge_service.domain.frozen import frozen
from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import Preference
from judge_service.evaluation.people.labels import TIE

REPEATS: Final = "repeats"


class Answered(NamedTuple):
    """What the judge says of one case under one wording.

    Attributes:
        leans: logits to the first-shown, with the first candidate first and with the second; None for votes in words.
        won: 1 where the first candidate wins by both orders, 0 where the second does, 0.5 for a tie.
    """

    leans: tuple[float, float] | None
    won: float

    @property
    def logit(self) -> float | None:
        """Of the first candidate, its place taken out."""
        return None if self.leans is None else (self.leans[0] - self.leans[1]) / 2


@frozen
class Arm:
    """One wording and what was answered under it, by case id.

    Attributes:
        labels: of the responses in the order shown, where the wording changes them.
    """

    factor: str
    name: str
    answers: Mapping[str, Answered]
    labels: tuple[str, ...] = ()


class Cells(NamedTuple):
    """A case in both orders under both assignments of its labels, as orthogonal effects in logits.

    Attributes:
        place: the lean to the first-shown.
        label: the lean to the label that comes first in the alphabet.
        other: what the labels change about the verdict itself.
    """

    place: float
    label: float
    other: float


def cells_of(usual: Answered, turned: Answered) -> Cells:
    """The effects from the leans under labels in their usual order and the other way round; both must be exact."""
    assert usual.leans is not None
    assert turned.leans is not None
    one, other = sum(usual.leans) / 2, sum(turned.leans) / 2
    assert usual.logit is not None
    assert turned.logit is not None
    return Cells((one + other) / 2, (one - other) / 2, (usual.logit - turned.logit) / 2)


def label_families(arms: Sequence[Arm]) -> dict[str, tuple[Arm, Arm]]:
    """Arms that differ only in which response has which of two labels, the usual order first; by their labels."""
    by_order = {arm.labels[:2]: arm for arm in arms if arm.labels}
    return {
        " and ".join(order): (arm, by_order[order[::-1]])
        for order, arm in by_order.items()
        if order[0] < order[1] and order[::-1] in by_order
    }


def cells_by_case(family: tuple[Arm, Arm], exact: Sequence[str]) -> dict[str, Cells]:
    """The effects of the cases that were answered with log-probabilities under both."""
    found: dict[str, Cells] = {}
    for case_id in exact:
        usual, turned = (arm.answers.get(case_id) for arm in family)
        if usual is not None and turned is not None and usual.leans is not None and turned.leans is not None:
            found[case_id] = cells_of(usual, turned)
    return found


def won_by(judgment: Judgment) -> float | None:
    """1 where the first candidate won, 0 where the second did, 0.5 for a tie; None where there is no verdict."""
    verdict = judgment.verdict
    if judgment.status != "judged" or not isinstance(verdict, Preference) or verdict.winner is None:
        return None
    return 0.5 if verdict.winner == TIE else float(verdict.winner == judgment.candidates[0])
