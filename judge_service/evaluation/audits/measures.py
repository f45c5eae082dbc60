"""What a finding about a judge comes to: one number with its interval, or why there is none."""

from __future__ import annotations

from typing import Any

from judge_service.domain.frozen import frozen


@frozen
class Measure:
    """A number that was measured on a judge.

    Attributes:
        name: what was measured, such as `sycophancy.shift`: the suite, a dot, and the quantity.
        value: None where it is not identified, or nothing was measured; `note` says why.
        low, high: where the truth lies at 95% confidence; None where nothing tells.
        n: what it rests on: judged variants, pairs or answers.
        unit: `logits`, or `share` for numbers in [0, 1].
        note: what a reader has to know of it; "" for nothing.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    unit: str
    note: str = ""


def measure_record(measure: Measure) -> dict[str, Any]:
    """A measure as plain fields."""
    return dict(vars(measure))
