"""Two judgments of each case, from two runs: what became of it, and how far apart they are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Final, NamedTuple

from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import Preference, Ranking, Scorecard
from judge_service.evaluation.changes import Change, Changes
from judge_service.statistics.kappa import cohens_kappa

_ENOUGH: Final = 16
_PLACES: Final = {"1": 1, "2": -1}


class Outcome(NamedTuple):
    """What one run found of one case.

    Attributes:
        text: the end of the digest of what was judged.
        winner: the id of the best candidate, "tie", or a lone response's score to the nearest step; None where there is
            no verdict.
        value: the logit of a pair, for its first candidate, or the score of a lone response.
        prompt: what judgments on one prompt have in common.
        models: who wrote the two of a pair, where both are named.
        longer: the longer of a pair, where its texts are known and not as long.
    """

    status: str
    text: str
    candidates: tuple[str, ...]
    winner: str | None = None
    value: float | None = None
    prompt: str = ""
    domain: str | None = None
    models: tuple[str, str] | None = None
    longer: str | None = None


def outcome_of(judgment: Judgment, prompt: str = "", longer: str | None = None) -> Outcome:
    """The outcome of a stored judgment; only what is judged has a winner."""
    winner, value = _found(judgment) if judgment.status == "judged" else (None, None)
    first, second = ([judgment.models.get(name) for name in judgment.candidates] + [None, None])[:2]
    models = (first, second) if len(judgment.candidates) == 2 and first and second and first != second else None
    text = judgment.case_digest[-_ENOUGH:]
    told = (judgment.status, text, judgment.candidates, winner, value, prompt or judgment.case_id, judgment.domain)
    return Outcome(*told, models, longer)


def _found(judgment: Judgment) -> tuple[str | None, float | None]:
    verdict = judgment.verdict
    if isinstance(verdict, Preference):
        return verdict.winner, verdict.logit
    if isinstance(verdict, Ranking):
        return _best({name: -rank for name, rank in (verdict.ranks or {}).items()}), None
    if isinstance(verdict, Scorecard) and verdict.scores is not None:
        return _best({name: card.score for name, card in verdict.scores.items() if card.score is not None}), None
    if isinstance(verdict, Scorecard) and verdict.score is not None:
        return str(math.floor(verdict.score + 0.5)), verdict.score
    return None, None


def _best(points: dict[str, float]) -> str | None:
    best = [name for name, value in points.items() if value == max(points.values())]
    return None if not best else best[0] if len(best) == 1 else "tie"


class Disagreement(NamedTuple):
    """One case of which two runs say something else."""

    case_id: str
    one: Outcome
    other: Outcome
    apart: float


@dataclass(slots=True)
class Differences:
    """Two runs, case by case.

    Attributes:
        cases: those that both have.
        is_of_pairs: whether what is apart are the logits of pairs, and not scores.
        other_texts: cases whose texts, or the order of their candidates, are not the same.
        statuses: how many cases had which status in one and in the other.
        winners: the same of what won, where both judged: a place from "1" on, "tie", or a lone response's score.
        distances: how far logits (or scores) are apart, summed over `compared` cases.
        largest: the largest disagreements, those with another winner before all others.
        changes: what became of each verdict from the one to the other.
    """

    cases: int = 0
    is_of_pairs: bool = False
    other_texts: int = 0
    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    winners: Counter[tuple[str, str]] = field(default_factory=Counter)
    compared: int = 0
    distances: float = 0.0
    largest: list[Disagreement] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)

    @property
    def judged(self) -> int:
        """How many cases both judged."""
        return self.winners.total()

    @property
    def same(self) -> int:
        """How many of them have the same winner."""
        return sum(count for (one, other), count in self.winners.items() if one == other)

    @property
    def share(self) -> float | None:
        """Of the cases that both judged, those with the same winner; None where there is none."""
        return self.same / self.judged if self.judged else None

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa of the winners, by place; None where it cannot be told."""
        return cohens_kappa(self.winners)

    @property
    def distance(self) -> float | None:
        """The mean absolute difference of logits (or scores); None where there are none."""
        return self.distances / self.compared if self.compared else None


def differences(pairs: Iterable[tuple[str, Outcome, Outcome]], most: int) -> Differences:
    """What two runs have in common.

    Args:
        pairs: the cases that both have, with the outcome in one and in the other.
        most: how many disagreements to tell.
    """
    found = Differences()
    found.largest = nlargest(most, _counted(pairs, found), key=_weight)
    return found


def _counted(pairs: Iterable[tuple[str, Outcome, Outcome]], found: Differences) -> Iterable[Disagreement]:
    for case_id, one, other in pairs:
        found.cases += 1
        found.other_texts += one.text != other.text
        found.statuses[one.status, other.status] += 1
        apart = _apart(one, other)
        if apart is not None:
            found.compared += 1
            found.is_of_pairs = len(one.candidates) == 2
            found.distances += apart
        if one.winner is not None and other.winner is not None:
            found.winners[_rating(one.winner, one), _rating(other.winner, one)] += 1
            found.changes.add(_change(one, other))
        if apart or one.winner != other.winner:
            yield Disagreement(case_id, one, other, apart or 0.0)


def _rating(winner: str, one: Outcome) -> str:
    """A winner by its place: ids may be others in every case."""
    return str(one.candidates.index(winner) + 1) if winner in one.candidates else winner


def _apart(one: Outcome, other: Outcome) -> float | None:
    move = _move(one, other)
    return None if move is None else abs(move)


def _move(one: Outcome, other: Outcome) -> float | None:
    """How far the value for the first candidate of the one rose."""
    if one.value is None or other.value is None:
        return None
    is_swapped = len(one.candidates) == 2 and one.candidates == other.candidates[::-1]
    return (-other.value if is_swapped else other.value) - one.value


def _change(one: Outcome, other: Outcome) -> Change:
    """Of a case that both judged."""
    assert one.winner is not None
    assert other.winner is not None
    before, after = _rating(one.winner, one), _rating(other.winner, one)
    is_other, is_pair = before != after, len(one.candidates) == 2
    towards = _PLACES.get(after, 0) - _PLACES.get(before, 0) if is_pair else 0
    longer = one.longer or other.longer
    is_flip = is_other and is_pair and longer is not None and "tie" not in (before, after)
    return Change(
        one.prompt,
        is_other,
        (towards > 0) - (towards < 0),
        _move(one, other),
        one.models,
        one.domain,
        other.winner == longer if is_flip else None,
    )


def _weight(disagreement: Disagreement) -> tuple[bool, bool, float]:
    both = disagreement.one.winner is not None and disagreement.other.winner is not None
    return both and disagreement.one.winner != disagreement.other.winner, both, disagreement.apart
