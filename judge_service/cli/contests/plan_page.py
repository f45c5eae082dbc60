"""A plan as JSON and on a page: how many prompts a difference of win rates needs."""

from __future__ import annotations

from typing import Any

from judge_service.evaluation.contests.plans import POWERS, Need, Plan
from judge_service.statistics.planning import Sequential

_VERDICTS = {"soft": "soft verdicts", "discrete": "hard votes"}


def plan_record(plan: Plan, told: str) -> dict[str, Any]:
    """All that is planned; differences in points of a win rate in percent, deviations as shares.

    Args:
        told: what the pilot is, "" without one.
    """
    return {
        "object": "plan",
        "difference": 100.0 * plan.difference,
        "of": "two models over one baseline" if plan.is_paired else "a win rate from 50 percent",
        "alpha": plan.alpha,
        "pilot": told or None,
        "pilot_prompts": plan.pilot,
        "answers_per_prompt": plan.answers,
        "correlation_of_models": plan.correlation,
        "all_alike_in_pilot": list(plan.alike),
        "needs": {need.verdict: _need(need) for need in plan.needs},
    }


def plan_page(plan: Plan, told: str) -> str:
    """The same on a page."""
    points = f"{100.0 * plan.difference:g} points"
    what = "between two models over one baseline" if plan.is_paired else "from a win rate of 50%"
    by = f"{told}, {plan.pilot:,} prompts" if plan.pilot else "nothing: what is assumed is said"
    lines = [f"To see a difference of {points} {what}, at a false-alarm rate of {plan.alpha:g}, going by {by}"]
    for need in plan.needs:
        lines += ["", *_lines(need)]
    for verdict in plan.alike:
        lines += [
            "",
            f"{_VERDICTS[verdict]}: all prompts of the pilot have the same, which says nothing of how they differ",
        ]
    if plan.correlation is not None:
        lines += ["", f"the two models' soft verdicts on a prompt are correlated by {plan.correlation:.2f}"]
    return "\n".join(lines)


def _need(need: Need) -> dict[str, Any]:
    return {
        "deviation": need.deviation,
        "correlation_within_prompts": need.correlation,
        "design_effect": need.design_effect,
        "prompts": {f"{power:g}": need.prompts[power] for power in POWERS},
        "until_decided": None if need.until_decided is None else need.until_decided._asdict(),
        "until_decided_why_not": need.why_not or None,
        "detectable_by_pilot": None if need.detectable is None else 100.0 * need.detectable,
        "assumed": need.assumed or None,
    }


def _lines(need: Need) -> list[str]:
    fixed = ", ".join(f"{need.prompts[power]:,} prompts for a power of {power:.0%}" for power in POWERS)
    lines = [_VERDICTS[need.verdict], _line("fixed before", fixed)]
    lines.append(_line("--until decided", _decided(need.until_decided) if need.until_decided else need.why_not))
    if need.design_effect is not None:
        told = f"{need.design_effect:.2f} (answers of one prompt are correlated by {need.correlation:.2f})"
        lines.append(_line("design effect", told))
    if need.detectable is not None:
        lines.append(_line("the pilot itself finds", f"{100.0 * need.detectable:.1f} points, with a power of 80%"))
    deviation = f"{need.deviation:.3f} from prompt to prompt"
    lines.append(_line("standard deviation", deviation))
    if need.assumed:
        lines.append(_line("assumed", need.assumed))
    return lines


def _decided(found: Sequential) -> str:
    """The prompts it stops at, in simulated runs."""
    told = [f"a median of {found.median:,}" if found.median is not None else "no median"]
    if found.mean is not None:
        told.append(f"a mean of {found.mean:,.0f}")
    if found.most is not None:
        told.append(f"{found.most:,} or fewer in 9 runs of 10")
    if found.share < 1.0:
        told.append(f"{1.0 - found.share:.0%} not decided by {found.limit:,}")
    return f"{', '.join(told)} ({found.runs} simulated runs)"


def _line(name: str, told: str) -> str:
    return f"  {name:<24}{told}"
