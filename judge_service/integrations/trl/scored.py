"""Judgments as rewards: a number to each row, or why there is none. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple

from judge_service.domain.judgments import Judgment
from judge_service.domain.options import Task
from judge_service.domain.verdicts import Preference, Ranking, Scorecard

Reward = Literal["ranking", "strengths", "pointwise", "baseline"]
TASK_OF: Final[Mapping[str, Task]] = {
    "ranking": "rank",
    "strengths": "rank",
    "pointwise": "score",
    "baseline": "compare",
}
_FEW: Final = 5


class Scored(NamedTuple):
    """What became of a row.

    Attributes:
        value: its reward; None where it could not be judged.
        why: the kind of failure, where there is no reward.
    """

    value: float | None
    why: str = ""


def strategy_for(size: int) -> str:
    """How groups of so many are ranked: what the service's `auto` takes where it knows nothing of the judge. It is
    named from the start, so that a judge's card that fills meanwhile does not change what a reward means.
    """
    return "round-robin" if size <= _FEW else "pairs"


def none(places: Iterable[int], why: str) -> dict[int, Scored]:
    """Rows without a reward, all for one reason."""
    return dict.fromkeys(places, Scored(None, why))


def scores_of(judgment: Judgment | None, reward: Reward, places: Iterable[int]) -> dict[int, Scored]:
    """The rewards of the rows that a case was about.

    Args:
        judgment: None if none came in time.
        places: of the rows; of a ranking they are the candidates' ids.
    """
    if judgment is None:
        return none(places, "timeout")
    if judgment.status != "judged":
        return none(places, why_not(judgment))
    return {place: _scored(judgment, reward, place) for place in places}


def why_not(judgment: Judgment) -> str:
    """In one word why a case was not judged: the kind of its failure, or of its first vote's."""
    failures = [judgment.failure, *(vote.failure for vote in judgment.votes)]
    return next((failure.kind for failure in failures if failure is not None), judgment.status)


def _scored(judgment: Judgment, reward: Reward, place: int) -> Scored:
    verdict = judgment.verdict
    value: float | None = None
    if isinstance(verdict, Ranking):
        numbers = verdict.strengths if reward == "strengths" else verdict.scores
        value = (numbers or {}).get(str(place))
    elif isinstance(verdict, Scorecard):
        value = verdict.normalized
    elif isinstance(verdict, Preference):
        value = verdict.probability
    return Scored(value, "" if value is not None else "unscored")
