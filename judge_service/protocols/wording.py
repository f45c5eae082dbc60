"""A standard as the text that goes first in a prompt."""

from __future__ import annotations

from judge_service.domain.options import Task
from judge_service.domain.standards import Constitution, Criterion, Principle, Standard


def standard_text(standard: Standard, task: Task, only: Principle | None = None) -> str:
    """Everything a judge needs to know of a standard: the same for all questions of a task, so that they share it.

    Args:
        only: the one principle that is asked about, where only one is.
    """
    head = f"# Standard: {standard.title}"
    if standard.description:
        head += f"\n{standard.description}"
    if isinstance(standard, Constitution):
        principles = (only,) if only else standard.principles
        return "\n\n".join([head, *(f"Principle {p.name}: {p.text}" for p in principles)])
    return "\n\n".join([head, *(_criterion(c, task, len(standard.criteria)) for c in standard.criteria)])


def _criterion(criterion: Criterion, task: Task, of: int) -> str:
    lines = [f"## {criterion.name}" + (f" (weight {criterion.weight:g})" if of > 1 and task != "score" else "")]
    lines.append(criterion.text)
    if task == "score" and criterion.anchors:
        lines += [f"{step}: {criterion.anchors[step]}" for step in sorted(criterion.anchors)]
    return "\n".join(lines)
