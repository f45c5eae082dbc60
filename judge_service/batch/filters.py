"""Which judgments to keep: `kendall-w>=0.6,certainty>0.8`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from judge_service.domain.verdicts import Judgment, Preference, Ranking
from judge_service.errors import InvalidOption

_CONDITION: Final = re.compile(r"([a-z-]+)\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)")
_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def _kendall_w(judgment: Judgment) -> float | None:
    return judgment.verdict.kendall_w if isinstance(judgment.verdict, Ranking) else None


def _certainty(judgment: Judgment) -> float | None:
    p = judgment.verdict.probability if isinstance(judgment.verdict, Preference) else None
    return None if p is None else max(p, 1.0 - p)


def _position_bias(judgment: Judgment) -> float | None:
    bias = judgment.verdict.position_bias if isinstance(judgment.verdict, Preference) else None
    return None if bias is None else abs(bias)


def _label_mass(judgment: Judgment) -> float | None:
    masses = [vote.label_mass for vote in judgment.votes if vote.label_mass is not None]
    return min(masses, default=None)


MEASURES: Final[Mapping[str, Callable[[Judgment], float | None]]] = {
    "kendall-w": _kendall_w,
    "certainty": _certainty,
    "position-bias": _position_bias,
    "label-mass": _label_mass,
}
"""What a filter can ask about: certainty is the larger of P and 1 - P, position bias without its sign, label mass that
of the least vote."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition; a judgment without that measure does not meet it."""

    measure: str
    sign: str
    bound: float

    def keeps(self, judgment: Judgment) -> bool:
        """Whether the judgment meets it."""
        value = MEASURES[self.measure](judgment)
        return value is not None and _COMPARE[self.sign](value, self.bound)

    def __str__(self) -> str:
        return f"{self.measure}{self.sign}{self.bound:g}"


def parse_filters(told: str) -> tuple[Filter, ...]:
    """The conditions of a --filter flag.

    Raises:
        InvalidOption: not of that form.
    """
    filters = []
    for part in filter(None, (part.strip() for part in told.split(","))):
        found = _CONDITION.fullmatch(part)
        if found is None or found[1] not in MEASURES:
            names = ", ".join(MEASURES)
            raise InvalidOption(f"--filter is MEASURE>=NUMBER with a measure of {names}; got {part!r}", "filter")
        filters.append(Filter(found[1], found[2], float(found[3])))
    return tuple(filters)


def filtered(judgment: Judgment, filters: tuple[Filter, ...]) -> Judgment:
    """The judgment, dropped by the first condition that it does not meet; only judged ones are looked at."""
    if judgment.status != "judged":
        return judgment
    failed = next((f for f in filters if not f.keeps(judgment)), None)
    return judgment if failed is None else replace(judgment, status="dropped", dropped_by=str(failed))
