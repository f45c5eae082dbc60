"""Judgments beside what people said of the same pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from judge_service.domain.frozen import frozen
from judge_service.domain.judgments import JudgeIdentity, Judgment, Named
from judge_service.domain.verdicts import Preference
from judge_service.errors import InvalidRequest, RunRefused
from judge_service.evaluation.people.labels import TIE, LabelOf, Told, side_named


@frozen
class Labelled:
    """One preference beside its label.

    Attributes:
        probability: that the first candidate is better, as the judge has it.
        logit: of that, finite.
        side: the judge's: 1 for the first, 0 for the second, 0.5 for a tie.
        label: people's, in the same way.
        domain: of the case, as its owner named it.
    """

    case_id: str
    probability: float
    logit: float
    side: float
    label: float
    metadata: Mapping[str, Any]
    domain: str | None = None

    @property
    def certainty(self) -> float:
        """How sure the judge is, in [0.5, 1]: what `escalate` goes by."""
        return max(self.probability, 1.0 - self.probability)

    @property
    def agrees(self) -> bool:
        """Whether judge and people say the same; a tie agrees with a tie only."""
        return self.side == self.label


@frozen
class Way:
    """Who judged, by what, and how votes were made and combined: what a finding is about."""

    judge: JudgeIdentity
    rubric: Named
    prompt: Named
    method: str
    orders: str | None
    combine: str


@frozen
class LabelledSet:
    """Labelled judgments that were all made in one way.

    Attributes:
        left_out: how many judgments were not used, by why.
    """

    way: Way
    cases: tuple[Labelled, ...]
    left_out: Mapping[str, int]


def way_record(way: Way) -> dict[str, Any]:
    """A way of judging as plain fields, by which a finding can be told to be about it."""
    return {
        "judge": {"name": way.judge.name, "model": way.judge.model, "digest": way.judge.digest},
        "rubric": {"id": way.rubric.id, "version": way.rubric.version, "digest": way.rubric.digest},
        "prompt": way.prompt.digest,
        "method": way.method,
        "orders": way.orders,
        "combine": way.combine,
    }


def labelled_set(judgments: Iterable[tuple[str, Judgment]], label_of: LabelOf) -> LabelledSet:
    """The judgments that have a verdict of the judge's own and a label.

    Left out are those that are not judged, those that took no call (identical candidates), those without a label, and
    what repeats a case.

    Args:
        judgments: each with where it stands.

    Raises:
        InvalidRequest: one is no preference, a label cannot be read, or nothing was judged.
        RunRefused: they are a panel's, or escalated, or not all made in one way.
    """
    left_out: Counter[str] = Counter()
    cases: dict[str, Labelled] = {}
    first: tuple[str, Way] | None = None
    for where, judgment in judgments:
        why, verdict = _own_verdict(where, judgment)
        if verdict is None:
            left_out[why] += 1
            continue
        way = _way(where, judgment, verdict)
        first = first or (where, way)
        _check_same(first, where, way)
        told = label_of(where, judgment)
        if told is None or judgment.case_id in cases:
            left_out["without a label" if told is None else "judged twice"] += 1
        else:
            cases[judgment.case_id] = _labelled(judgment, verdict, told)
    if first is None:
        raise InvalidRequest("there is no judgment here that a judge was asked for and that says who judged")
    return LabelledSet(first[1], tuple(cases.values()), dict(left_out))


def _own_verdict(where: str, judgment: Judgment) -> tuple[str, Preference | None]:
    """The verdict, if it is the judge's own; else why not."""
    verdict = judgment.verdict
    if judgment.kind != "preference":
        raise InvalidRequest(f"{where} is a {judgment.kind}: labels are of preferences, which compare makes")
    if judgment.status != "judged" or not isinstance(verdict, Preference) or judgment.provenance is None:
        return "not judged", None
    return ("took no call", None) if verdict.evidence is None else ("", verdict)


def _way(where: str, judgment: Judgment, verdict: Preference) -> Way:
    made = judgment.provenance
    assert made is not None
    if len(made.judges) != 1 or made.decided_by != made.method:
        raise RunRefused(f"{where} is of a panel or escalated: what is audited is one judge, asked in one way")
    return Way(made.judges[0], made.rubric, made.prompt, made.method, made.orders, verdict.combine)


def _check_same(first: tuple[str, Way], where: str, way: Way) -> None:
    differs = [name for name, value in vars(way).items() if value != vars(first[1])[name]]
    if differs:
        raise RunRefused(f"{where} differs from {first[0]} in {' and '.join(differs)}: audit each by itself")


def _labelled(judgment: Judgment, verdict: Preference, told: Told) -> Labelled:
    assert verdict.probability is not None
    assert verdict.logit is not None
    try:
        label = side_named(told.value, judgment.candidates)
    except ValueError as e:
        raise InvalidRequest(f"{told.where}: {e}") from None
    side = 0.5 if verdict.winner == TIE else float(verdict.winner == judgment.candidates[0])
    return Labelled(
        judgment.case_id, verdict.probability, verdict.logit, side, label, judgment.metadata, judgment.domain
    )
