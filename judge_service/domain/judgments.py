"""The whole record of a case: who judged, how, and what was found. Field names are those of the JSON contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal
from uuid import uuid4

from judge_service.domain.cards import Calibration, PositionEstimate
from judge_service.domain.frozen import frozen
from judge_service.domain.options import Task
from judge_service.domain.verdicts import KIND_OF, NO_USAGE, Failure, Note, Status, Usage, Verdict, Vote


@frozen
class Named:
    """A rubric or prompt by id, version and digest."""

    id: str
    version: str | None
    digest: str


@frozen
class JudgeIdentity:
    """Who judged. `digest` changes with anything that could change this judge's answers."""

    name: str
    kind: str
    model: str
    revision: str
    epoch: int
    digest: str
    sampling: Mapping[str, Any] = field(default_factory=dict)


@frozen
class Provenance:
    """How a judgment came about, enough to make it again.

    Attributes:
        card: versions of the judges' cards that were used, joined by commas; None where none was.
        source: the paper or page that the rubric's method is from.
        positions: by judge, the estimate of its bias that audited orders went by.
        calibrations: by judge, the temperature behind `probability_calibrated`.
    """

    service: str
    protocol: str
    method: str
    seed: int
    decided_by: str
    rubric: Named
    prompt: Named
    judges: tuple[JudgeIdentity, ...]
    orders: str | None = None
    card: str | None = None
    note: str | None = None
    source: Mapping[str, str] | None = None
    positions: Mapping[str, PositionEstimate] | None = None
    calibrations: Mapping[str, Calibration] | None = None


@frozen
class PanelMember:
    """One judge's own finding within a panel.

    Attributes:
        same_family: candidates whose author is of this judge's family of models, where the case names its authors.
    """

    judge: str
    status: Status
    probability: float | None
    winner: str | None
    position_bias: float | None
    consistent: bool | None
    same_family: tuple[str, ...] = ()


@frozen
class Judgment:
    """The verdict and all its evidence: any aggregation can be recomputed from it without a judge.

    Attributes:
        notes: what the judges wrote before they were asked for a verdict.
        domain: the case's, as its owner named it.
        same_family: candidates whose author is of a judge's own family of models, where the case names its authors.
        flags: conditions it was marked for not meeting; it is judged all the same.
    """

    id: str
    object: Literal["judgment"] = field(default="judgment", kw_only=True)
    schema: int = field(default=1, kw_only=True)
    kind: str
    status: Status
    created: str
    case_id: str
    case_digest: str
    run_digest: str
    candidates: tuple[str, ...]
    models: Mapping[str, str | None]
    verdict: Verdict | None
    votes: tuple[Vote, ...]
    provenance: Provenance | None
    usage: Usage
    panel: tuple[PanelMember, ...] | None = None
    dropped_by: str | None = None
    failure: Failure | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    case: Mapping[str, Any] | None = None
    notes: tuple[Note, ...] = ()
    reasoning_hidden: tuple[str, ...] = ()
    domain: str | None = None
    same_family: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


def without_judge(
    task: Task, case_id: str, case_digest: str, failure: Failure, metadata: Mapping[str, Any] | None = None
) -> Judgment:
    """The judgment at the place of a case that no judge was heard on; it has a name of its own each time it is made."""
    return Judgment(
        id="jdg_" + uuid4().hex[:24],
        kind=KIND_OF[task],
        status="unscored",
        created="",
        case_id=case_id,
        case_digest=case_digest,
        run_digest="",
        candidates=(),
        models={},
        verdict=None,
        votes=(),
        provenance=None,
        usage=NO_USAGE,
        failure=failure,
        metadata=metadata or {},
    )
