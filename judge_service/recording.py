"""What a finding is told with: what it cost, what its probability is worth, and which candidates are a judge's kin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from judge_service.domain.cards import Calibration
from judge_service.domain.cases import Case
from judge_service.domain.families import own_families
from judge_service.domain.judgments import JudgeIdentity, PanelMember
from judge_service.domain.prompting import Completion
from judge_service.domain.standards import Standard
from judge_service.domain.verdicts import NO_USAGE, Finding, Preference, Usage, Verdict
from judge_service.protocols.panel import PanelFinding, with_families
from judge_service.statistics.calibrate import calibrated


def told_source(standard: Standard) -> Mapping[str, str] | None:
    """What a rubric's method is from, without what was verified of it: that stands in the rubric."""
    told = {name: text for name, text in standard.source.items() if name != "note"}
    return told or None


def told_verdict(finding: Finding, calibration: Calibration | None) -> Verdict | None:
    """The finding's verdict, and what its probability is worth by people's labels.

    Args:
        calibration: of the way in which this verdict was reached.
    """
    verdict = finding.verdict
    if calibration is None or not isinstance(verdict, Preference):
        return verdict
    if verdict.logit is None or verdict.evidence is None:
        return verdict
    return replace(verdict, probability_calibrated=calibrated(verdict.logit, calibration.temperature))


def related(
    finding: Finding, judges: Sequence[JudgeIdentity], case: Case
) -> tuple[tuple[str, ...], tuple[PanelMember, ...] | None]:
    """Candidates whose author is of a judge's own family, and the panel's members, each told of its own."""
    members = finding.members if isinstance(finding, PanelFinding) else None
    if not any([c.model for c in case.candidates]):
        return (), members
    kin: Mapping[str, tuple[str, ...]] = own_families({j.name: j.model for j in judges}, case.candidates)
    if not kin:
        return (), members
    named = [c.id for c in case.candidates if any(c.id in ids for ids in kin.values())]
    return tuple(named), None if members is None else with_families(members, kin)


def added(usage: Usage, completions: Sequence[Completion]) -> Usage:
    """The usage so far and that of these completions."""
    for completion in completions:
        if completion.usage is not NO_USAGE:
            usage = completion.usage if usage is NO_USAGE else usage + completion.usage
    return usage
