"""Which cases a person should label first: where the judge is likely to be wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from judge_service.domain.digests import draw
from judge_service.domain.frozen import frozen
from judge_service.errors import InvalidRequest
from judge_service.statistics.logistic import fit_logistic, sigmoid

Numbers = NDArray[np.float64]
Method = Literal["uncertainty", "rlthf", "hybrid", "random"]
METHODS: Final[tuple[Method, ...]] = ("uncertainty", "rlthf", "hybrid", "random")
LEAST_LABELS: Final = 30
"""With fewer labels of either kind a model of the judge's errors says nothing."""
FOLDS: Final = 5
_RIDGE: Final = 1.0
_FEATURES: Final = ("near to even", "the orders disagree", "leans to a place", "votes differ", "chose the longer")


@frozen
class Routable:
    """A judged pair, as routing looks at it.

    Attributes:
        side: the judge's: 1 for the first, 0 for the second, 0.5 for a tie.
        soft: P(the first is better) in [0, 1].
        consistent: whether both orders name the same winner; None with one order.
        lean: the judge's lean to the first-shown, in logits; None where it is not known.
        share: of the votes those that name the winner; None where there was one to each order.
        longer: log of the first's length over the second's; None where texts are not known.
        models: who wrote them, where it is known.
        second: P(the first is better) of a model that learnt the judge's labels, such as a reward model.
        label: people's side; None where nobody was asked.
    """

    case_id: str
    prompt: str
    side: float
    soft: float
    consistent: bool | None = None
    lean: float | None = None
    share: float | None = None
    longer: float | None = None
    models: tuple[str, str] | None = None
    domain: str | None = None
    second: float | None = None
    label: float | None = None

    @property
    def is_wrong(self) -> bool:
        """Whether people say something else than the judge; a tie is another answer than either side."""
        return self.label is not None and self.label != self.side


@frozen
class Routed:
    """A case in the queue: the higher the score, the sooner a person should see it.

    Attributes:
        score: in [0, 1]; of hybrid the chance that people say something else than the judge.
    """

    case_id: str
    score: float
    why: str


def routed(cases: Sequence[Routable], method: Method, seed: int = 0) -> list[Routed]:
    """All cases that have no label yet, the one to label first at the head; equal scores by lot.

    `uncertainty` goes by what the judge itself shows: verdicts near to even, orders and votes that disagree. `rlthf`,
    after RLTHF (Xu et al. 2025), by how little a model of the judge's labels gives for the judge's label: `second`, or
    else a logistic regression on authors and length. `hybrid`, after Hybrid Preferences (Miranda et al. 2024), by the
    predicted gain of a person over the judge: a logistic regression of the judge's errors on what is known of a case,
    learnt from the cases with labels.

    Raises:
        InvalidRequest: hybrid has too few labels to learn from.
    """
    told = [case for case in cases if case.label is not None]
    rest = [case for case in cases if case.label is None]
    scores = scores_of(rest, method, told, cases, seed)
    lots = [draw("route", seed, case.case_id) for case in rest]
    order = sorted(range(len(rest)), key=lambda k: (-scores[k], lots[k]))
    return [Routed(rest[k].case_id, float(scores[k]), _why(rest[k], method)) for k in order]


def scores_of(
    cases: Sequence[Routable], method: Method, told: Sequence[Routable], everything: Sequence[Routable], seed: int = 0
) -> Numbers:
    """A score for each case.

    Args:
        told: cases with labels, for hybrid to learn from.
        everything: all judged cases, for rlthf's model of the judge's labels.
    """
    if method == "random":
        return np.array([draw("route", seed, case.case_id) / 2.0**64 % 1.0 for case in cases])
    if method == "uncertainty":
        return np.array([_doubt(case) for case in cases])
    if method == "rlthf":
        return _unlikely(cases, everything)
    return error_model(told)(cases)


def _doubt(case: Routable) -> float:
    """The mean of what is known: how near to even, whether orders disagree, how many votes say otherwise."""
    signs = [2.0 * min(case.soft, 1.0 - case.soft)]
    if case.consistent is not None:
        signs.append(float(not case.consistent))
    if case.share is not None:
        signs.append(min(1.0, 2.0 * (1.0 - case.share)))
    return math.fsum(signs) / len(signs)


def _unlikely(cases: Sequence[Routable], everything: Sequence[Routable]) -> Numbers:
    given = [case.second for case in cases]
    if any(p is not None for p in given):
        chances = [p if p is not None else case.soft for p, case in zip(given, cases, strict=True)]
    else:
        chances = _label_model(everything)(cases)
    return np.array([abs(case.side - p) for case, p in zip(cases, chances, strict=True)])


def _label_model(everything: Sequence[Routable]) -> Callable[[Sequence[Routable]], list[float]]:
    """Each case's P(the first is better) by authors and length, learnt from the judge's labels of the other folds."""
    names = sorted({name for case in everything for name in case.models or ()})
    if len(names) < 2 and all(case.longer is None for case in everything):
        raise InvalidRequest(
            "rlthf takes a model of the judge's labels, and these cases name no authors and have no texts to learn one"
            " from: give --second FILE, the same cases by a reward model, or --cases"
        )
    places = {name: place for place, name in enumerate(names, 1)}

    def laid_out(cases: Sequence[Routable]) -> Numbers:
        rows = np.zeros((len(cases), 1 + len(names)))
        for row, case in zip(rows, cases, strict=True):
            row[0] = case.longer or 0.0
            for sign, name in zip((1.0, -1.0), case.models or (), strict=False):
                row[places[name]] += sign
        return rows

    folds = [[case for case in everything if _fold(case) == fold] for fold in range(FOLDS)]
    fits = []
    for fold in range(FOLDS):
        others = [case for place, own in enumerate(folds) if place != fold for case in own]
        soft = np.array([case.soft for case in others])
        fits.append(fit_logistic(laid_out(others), soft, ridge=_RIDGE).coefficients)
    return lambda cases: [
        float(sigmoid(row @ fits[_fold(case)])) for row, case in zip(laid_out(cases), cases, strict=True)
    ]


def _fold(case: Routable) -> int:
    return draw("fold", case.prompt) % FOLDS


def error_model(told: Sequence[Routable]) -> Callable[[Sequence[Routable]], Numbers]:
    """The chance that the judge is wrong, by what it shows of its doubts, by length and by domain.

    Args:
        told: cases with labels.

    Raises:
        InvalidRequest: there are fewer than 30, or the judge is right or wrong on all of them.
    """
    wrong = np.array([float(case.is_wrong) for case in told])
    if len(told) < LEAST_LABELS or not 0 < wrong.sum() < len(told):
        raise InvalidRequest(
            f"hybrid learns from {LEAST_LABELS} labels or more, of which the judge has some right and some wrong;"
            f" got {len(told)} with {int(wrong.sum())} wrong"
        )
    domains = _domains(told)
    ridge = np.array([0.0] + [_RIDGE] * (len(_FEATURES) + len(domains)))
    fitted = fit_logistic(_laid_out(told, domains), wrong, ridge=ridge).coefficients
    return lambda cases: sigmoid(_laid_out(cases, domains) @ fitted) if cases else np.zeros(0)


def _domains(told: Sequence[Routable]) -> Mapping[str, int]:
    names = sorted({case.domain for case in told if case.domain is not None})
    return {name: place for place, name in enumerate(names)} if len(names) > 1 else {}


def _laid_out(cases: Sequence[Routable], domains: Mapping[str, int]) -> Numbers:
    rows = np.zeros((len(cases), 1 + len(_FEATURES) + len(domains)))
    for row, case in zip(rows, cases, strict=True):
        row[0] = 1.0
        row[1 : 1 + len(_FEATURES)] = features_of(case)
        if case.domain is not None and case.domain in domains:
            row[1 + len(_FEATURES) + domains[case.domain]] = 1.0
    return rows


def features_of(case: Routable) -> tuple[float, ...]:
    """What is known of a case before a person sees it, each within a few units of 0: as `_FEATURES` names them."""
    toward = 0.0 if case.longer is None else max(-2.0, min(2.0, case.longer)) * (2.0 * case.side - 1.0)
    return (
        2.0 * min(case.soft, 1.0 - case.soft),
        float(case.consistent is False),
        min(3.0, abs(case.lean or 0.0)) / 3.0,
        0.0 if case.share is None else 2.0 * (1.0 - case.share),
        toward,
    )


def _why(case: Routable, method: Method) -> str:
    """The strongest of what speaks against the verdict, in words."""
    if method == "random":
        return "drawn by chance"
    signs = dict(zip(_FEATURES, features_of(case), strict=True))
    if method == "rlthf" and case.second is not None:
        return f"another model gives the judge's answer {1.0 - abs(case.side - case.second):.0%}"
    if method == "rlthf":
        return "a model of the judge's own labels has it otherwise"
    strong = [name for name, sign in signs.items() if sign >= (0.4 if name != "chose the longer" else 0.7)]
    return ", ".join(strong) or "nothing in particular"


def expected_accuracy(cases: Sequence[Routable], asked: frozenset[str]) -> float:
    """The share of right labels that a mix is expected to have (Hybrid Preferences' predicted metric).

    People are right by definition, on what they labelled and on what they are asked; else the judge is right as often
    as the model of its errors says.

    Raises:
        InvalidRequest: there are too few labels to learn it from.
    """
    told = [case for case in cases if case.label is not None]
    rest = [case for case in cases if case.label is None and case.case_id not in asked]
    return 1.0 - float(error_model(told)(rest).sum()) / len(cases)
