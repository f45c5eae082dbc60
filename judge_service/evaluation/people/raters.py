"""What people said of cases, each person for himself: where it stands, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, Final

from judge_service.domain.frozen import frozen
from judge_service.domain.judgments import Judgment
from judge_service.errors import InvalidRequest
from judge_service.evaluation.people.labels import side_named

ALONE: Final = ""
"""The rater of a label that does not say whose it is."""


@frozen
class Said:
    """What one person said of a case, or of one of its responses.

    Attributes:
        where: file and row, for messages.
        rater: "" where it does not say.
        candidate: whose response it is about; None where it is about the case, or its only response.
        chance: with which the case was drawn to be labelled, in (0, 1]; 1 where all had the same.
        about: what else the row says, such as the country or the age of who labelled.
    """

    where: str
    value: Any
    rater: str = ALONE
    candidate: str | None = None
    chance: float = 1.0
    about: Mapping[str, Any] = field(default_factory=dict)


SaidOf = Callable[[str, Judgment], Sequence[Said]]
"""What people said of a judgment that stands at a place."""


def said_in_metadata(name: str) -> SaidOf:
    """Labels in a field of the cases' metadata: one, a list of several people's, or an object by person or response.

    An object whose keys are the case's responses holds a score for each of them; else its keys are people.
    """

    def said_of(where: str, judgment: Judgment) -> Sequence[Said]:
        value = judgment.metadata.get(name)
        if isinstance(value, Mapping):
            own = bool(value) and set(value) <= set(judgment.candidates)
            told = [
                Said(where, said, ALONE if own else str(key), str(key) if own else None) for key, said in value.items()
            ]
        elif isinstance(value, Sequence) and not isinstance(value, str):
            told = [Said(where, said, str(place)) for place, said in enumerate(value, 1)]
        else:
            told = [Said(where, value)]
        return [each for each in told if each.value is not None]

    return said_of


def said_by_case(said: Mapping[str, Sequence[Said]]) -> SaidOf:
    """Labels by case id."""
    return lambda _, judgment: said.get(judgment.case_id, ())


def sides_of(said: Sequence[Said], candidates: tuple[str, ...]) -> dict[str, float]:
    """By person, which of two is better: 1 for the first, 0 for the second, 0.5 for a tie.

    Raises:
        InvalidRequest: a label is none, or a person said two things of one case.
    """
    sides: dict[str, float] = {}
    for each in said:
        try:
            side = side_named(each.value, candidates)
        except ValueError as e:
            raise InvalidRequest(f"{each.where}: {e}") from None
        if sides.setdefault(each.rater, side) != side:
            who = f"'{each.rater}'" if each.rater else "somebody without a name (a column `rater` tells people apart)"
            raise InvalidRequest(f"{each.where}: {who} said something else of this case before")
    return sides


def scores_of(said: Sequence[Said], candidates: tuple[str, ...]) -> dict[tuple[str, str], float]:
    """Scores by response and person; a label that names no response is of the only one.

    Raises:
        InvalidRequest: a label is no number or names no response, or a person gave two scores to one.
    """
    scores: dict[tuple[str, str], float] = {}
    for each in said:
        name = each.candidate if each.candidate is not None else candidates[0] if len(candidates) == 1 else None
        if name not in candidates:
            raise InvalidRequest(
                f"{each.where}: a score says of which response it is ({', '.join(candidates)}); got {name!r}"
            )
        if isinstance(each.value, bool) or not isinstance(each.value, int | float):
            raise InvalidRequest(f"{each.where}: {each.value!r} is no score: it takes a number")
        if scores.setdefault((name, each.rater), float(each.value)) != float(each.value):
            raise InvalidRequest(f"{each.where}: '{each.rater}' gave another score to this before")
    return scores


def majority(sides: Sequence[float]) -> float:
    """What most people say; a tie where as many say one as the other.

    Args:
        sides: one or more, as in `sides_of`.
    """
    leaning = sum(sides) - len(sides) / 2.0
    return 0.5 if leaning == 0 else float(leaning > 0)
