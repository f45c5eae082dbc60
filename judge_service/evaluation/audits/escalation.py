"""When a cheap judge is sure enough: the threshold of `escalate` that holds an agreement with people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from judge_service.domain.frozen import frozen
from judge_service.evaluation.people.labelled import Labelled
from judge_service.statistics.guarantees import Guarantee, TooFewLabels, guaranteed_threshold


@frozen
class Cascade:
    """What the dearer way adds on the same cases.

    Attributes:
        seconds: labelled cases that it judged too.
        alone: its agreement on those; None without any.
        escalated: the cases below the threshold that it judged.
        missing: those that it did not judge.
        agreement: of the two together: that on the accepted and that on the escalated, by the shares of both.
    """

    seconds: int
    alone: float | None
    escalated: int
    missing: int
    agreement: float | None


@frozen
class EscalationFinding:
    """The audit of one group of cases.

    Attributes:
        group: the value that its cases share; None: all of them.
        labels: how many there are.
        agreement: of judge and people on all of them; a tie agrees with a tie only; None without labels.
        guarantee: None where the labels are too few.
        needed: how many labels it takes.
    """

    group: str | None
    labels: int
    agreement: float | None
    guarantee: Guarantee | None
    needed: int | None = None
    cascade: Cascade | None = None


def audited(
    cases: Sequence[Labelled],
    target: float,
    confidence: float,
    seconds: Mapping[str, Labelled] | None = None,
    group: str | None = None,
) -> EscalationFinding:
    """What labels say of escalating what is unsure.

    Args:
        target: the agreement to be held among what is not escalated, in (0, 1).
        confidence: that it is, in (0, 1).
        seconds: by case id, what the dearer way says.
    """
    agreement = _share([case.agrees for case in cases])
    try:
        found = guaranteed_threshold(
            [case.certainty for case in cases], [case.agrees for case in cases], target, confidence
        )
    except TooFewLabels as e:
        return EscalationFinding(group, len(cases), agreement, None, e.least)
    cascade = None if seconds is None else _cascade(cases, found, seconds)
    return EscalationFinding(group, len(cases), agreement, found, None, cascade)


def grouped(cases: Sequence[Labelled], field: str) -> dict[str, list[Labelled]]:
    """Cases by what a field of their metadata says, or by their domain; those that do not say are left out."""
    groups: dict[str, list[Labelled]] = {}
    for case in cases:
        value = case.metadata.get(field, case.domain if field == "domain" else None)
        if value is not None:
            groups.setdefault(str(value), []).append(case)
    return dict(sorted(groups.items()))


def _cascade(cases: Sequence[Labelled], found: Guarantee, seconds: Mapping[str, Labelled]) -> Cascade:
    below = [case for case in cases if found.threshold is None or case.certainty < found.threshold]
    asked = [seconds[case.case_id].agrees for case in below if case.case_id in seconds]
    both = [seconds[case.case_id].agrees for case in cases if case.case_id in seconds]
    agreement = None
    if asked or not below:
        escalated = (_share(asked) or 0.0) * (1.0 - found.coverage)
        agreement = found.agreed / found.labels + escalated
    return Cascade(len(both), _share(both), len(asked), len(below) - len(asked), agreement)


def _share(agrees: Sequence[bool]) -> float | None:
    return sum(agrees) / len(agrees) if agrees else None
