"""How far a judge agrees with people, and people with each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from judge_service.domain.frozen import frozen
from judge_service.evaluation.people.rated import Kind, Rated
from judge_service.evaluation.people.raters import majority
from judge_service.statistics.alpha import Level, krippendorff_alpha
from judge_service.statistics.contrasts import clustered_estimate, clustered_rate
from judge_service.statistics.correlations import kendall, spearman
from judge_service.statistics.estimates import Estimate, unknown
from judge_service.statistics.fleiss import fleiss_kappa
from judge_service.statistics.icc import icc
from judge_service.statistics.weighted_kappa import kappa

SIDES: Final = (0.0, 0.5, 1.0)
_ALONE: Final = "each case has the label of one person"
_CLUSTERED: Final = (
    "several cases share a prompt: intervals of accuracies, shares and differences go by prompts, those of kappas,"
    " alphas and correlations take cases for independent and are too narrow"
)


@frozen
class Person:
    """The judge in the place of one person.

    Attributes:
        with_person: how far the judge agrees with that person.
        others: how far this person agrees with the others.
        judge: how far the judge agrees with those others on the same cases.
        judge_less_person: the second of these two less the first: above 0 the judge is the better match.
    """

    rater: str
    with_person: Estimate
    others: Estimate
    judge: Estimate
    judge_less_person: Estimate


@frozen
class Agreement:
    """What cases with labels say of a judge.

    Attributes:
        group: the value that its cases share; None: all of them.
        cases: how many. prompts: in how many clusters. raters: people. labels: what they said, all together.
        figures: by name; which ones there are depends on what was judged.
        people: each of them, where several rated the same cases.
        notes: what to know before one believes it.
    """

    group: str | None
    cases: int
    prompts: int
    raters: int
    labels: int
    figures: Mapping[str, Estimate]
    people: tuple[Person, ...]
    notes: tuple[str, ...]


def agreement_of(rated: Sequence[Rated], kind: Kind, confidence: float = 0.95, group: str | None = None) -> Agreement:
    """All figures of a group of cases.

    Pairs: `accuracy` (a tie agrees with a tie only), `accuracy_decided` (where neither says tie), Cohen's `kappa`,
    nominal `alpha`, each against the majority. Scores: `spearman`, `kendall`, `icc_agreement` ICC(2,1),
    `icc_consistency` ICC(3,1), interval `alpha` and quadratic `weighted_kappa` against people's mean; `mean_difference`
    and `mean_distance` in the scale's own unit. Where several people rated a case: people among themselves
    (`people_alpha`, `people_kappa` Fleiss, `people_agree`), and `judge_agrees` and `judge_less_person` with each of
    them in turn left out. Of scores the last three are the distance to the mean of the others, turned round.
    """
    raters = sorted({rater for one in rated for rater in one.people})
    figures = _of_pairs(rated, confidence) if kind == "pairs" else _of_scores(rated, confidence)
    likeness = _alike if kind == "pairs" else _nearness
    several = [one for one in rated if len(one.people) > 1]
    figures |= _among_people(several, kind, likeness, confidence)
    people = [_person(rater, several, likeness, confidence) for rater in raters] if several else []
    prompts = len({one.prompt for one in rated})
    notes = (_CLUSTERED,) if prompts < len(rated) else ()
    labels = sum(len(one.people) for one in rated)
    return Agreement(group, len(rated), prompts, len(raters), labels, figures, tuple(people), notes)


def _of_pairs(rated: Sequence[Rated], confidence: float) -> dict[str, Estimate]:
    told = [(one.judge, majority(list(one.people.values())), one.prompt) for one in rated]
    decided = [each for each in told if 0.5 not in each[:2]]
    table = np.zeros((3, 3))
    for judge, people, _ in told:
        table[SIDES.index(judge), SIDES.index(people)] += 1
    return {
        "accuracy": _share(told, confidence),
        "accuracy_decided": _share(decided, confidence),
        "kappa": kappa(table, "none", confidence),
        "alpha": _alpha([[judge, people] for judge, people, _ in told], "nominal", confidence),
    }


def _share(told: Sequence[tuple[float, float, str]], confidence: float) -> Estimate:
    return clustered_rate([float(a == b) for a, b, _ in told], [prompt for _, _, prompt in told], confidence)


def _of_scores(rated: Sequence[Rated], confidence: float) -> dict[str, Estimate]:
    judge, people = [one.judge for one in rated], [_mean(one.people.values()) for one in rated]
    prompts = [one.prompt for one in rated]
    gaps = [a - b for a, b in zip(judge, people, strict=True)]
    both = icc(np.column_stack([judge, people]).reshape(-1, 2), confidence)
    return {
        "spearman": spearman(judge, people, confidence),
        "kendall": kendall(judge, people, confidence),
        "icc_agreement": both.agreement,
        "icc_consistency": both.consistency,
        "alpha": _alpha(np.column_stack([judge, people]).tolist(), "interval", confidence),
        "weighted_kappa": _weighted_kappa(judge, people, confidence),
        "mean_difference": clustered_estimate(gaps, prompts, confidence),
        "mean_distance": clustered_estimate([abs(gap) for gap in gaps], prompts, confidence),
    }


def _weighted_kappa(judge: Sequence[float], people: Sequence[float], confidence: float) -> Estimate:
    """Of whole steps: people's scores as they are, the judge's rounded to the nearest."""
    if not people or any(score != round(score) for score in people):
        return unknown(len(people), "people's scores, or their means, are no whole steps")
    rounded = [round(score) for score in judge]
    low, high = int(min(*people, *rounded)), int(max(*people, *rounded))
    if high - low > 100:
        return unknown(len(people), "the scale has more than 100 steps")
    table = np.zeros((high - low + 1, high - low + 1))
    for one, other in zip(rounded, people, strict=True):
        table[one - low, int(other) - low] += 1
    return kappa(table, "quadratic", confidence)


def _among_people(
    several: Sequence[Rated], kind: Kind, likeness: Callable[[float, float], float], confidence: float
) -> dict[str, Estimate]:
    if not several:
        names = ("people_agree", "judge_agrees", "judge_less_person", "people_alpha", "people_kappa")
        return {name: unknown(0, _ALONE) for name in names if kind == "pairs" or name != "people_kappa"}
    raters = sorted({rater for one in several for rater in one.people})
    table = [[one.people.get(rater, np.nan) for rater in raters] for one in several]
    prompts = [one.prompt for one in several]
    people = [_mean(_left_out(one, rater, one.people[rater], likeness) for rater in one.people) for one in several]
    judge = [_mean(_left_out(one, rater, one.judge, likeness) for rater in one.people) for one in several]
    found = {
        "people_agree": clustered_estimate(people, prompts, confidence),
        "judge_agrees": clustered_estimate(judge, prompts, confidence),
        "judge_less_person": clustered_estimate(_differences(judge, people), prompts, confidence),
        "people_alpha": _alpha(table, "nominal" if kind == "pairs" else "interval", confidence),
    }
    if kind == "pairs":
        counts = [[sum(side == told for told in one.people.values()) for side in SIDES] for one in several]
        found["people_kappa"] = fleiss_kappa(counts, confidence)
    return found


def _person(
    rater: str, several: Sequence[Rated], likeness: Callable[[float, float], float], confidence: float
) -> Person:
    own = [one for one in several if rater in one.people]
    prompts = [one.prompt for one in own]
    direct = [likeness(one.judge, one.people[rater]) for one in own]
    others = [_left_out(one, rater, one.people[rater], likeness) for one in own]
    judge = [_left_out(one, rater, one.judge, likeness) for one in own]
    told = (direct, others, judge, _differences(judge, others))
    with_person, by_others, by_judge, less = (clustered_estimate(values, prompts, confidence) for values in told)
    return Person(rater, with_person, by_others, by_judge, less)


def _left_out(one: Rated, rater: str, said: float, likeness: Callable[[float, float], float]) -> float:
    """How like what was said is to what the others said, `rater` left out."""
    return _mean(likeness(said, other) for name, other in one.people.items() if name != rater)


def _alike(one: float, other: float) -> float:
    return float(one == other)


def _nearness(one: float, other: float) -> float:
    return -abs(one - other)


def _differences(one: Sequence[float], other: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(one, other, strict=True)]


def _mean(values: Iterable[float]) -> float:
    told = list(values)
    return math.fsum(told) / len(told)


def _alpha(table: Sequence[Sequence[float]], level: Level, confidence: float) -> Estimate:
    return krippendorff_alpha(table, level, confidence) if table else unknown(0, "no case")


def agreement_record(found: Agreement) -> dict[str, Any]:
    """As plain fields."""
    return {
        "group": found.group,
        "cases": found.cases,
        "prompts": found.prompts,
        "raters": found.raters,
        "labels": found.labels,
        **{name: figure._asdict() for name, figure in found.figures.items()},
        "people": [_person_record(person) for person in found.people],
        "notes": list(found.notes),
    }


def _person_record(person: Person) -> dict[str, Any]:
    names = ("with_person", "others", "judge", "judge_less_person")
    return {"rater": person.rater, **{name: getattr(person, name)._asdict() for name in names}}
