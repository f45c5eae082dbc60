"""What a judge must not go beyond: `|position.bias|>0.5, verdicts.unscored>2%`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from judge_service.domain.frozen import frozen
from judge_service.errors import InvalidOption
from judge_service.evaluation.audits.measures import Measure

_CONDITION: Final = re.compile(
    r"(?P<bar>\|?)(?P<name>[^|<>]+)(?P=bar)\s*(?P<sign>[<>])\s*(?P<limit>[+-]?\d+(?:\.\d+)?)(?P<share>%?)"
)


@frozen
class Threshold:
    """One condition under which an audit fails.

    Attributes:
        told: as it was written.
        above: whether a value above the limit fails; else one below it.
        by_size: whether the sign of the value is left aside.
    """

    told: str
    name: str
    above: bool
    limit: float
    by_size: bool


@frozen
class Checked:
    """A threshold beside what was measured.

    Attributes:
        value: None where the measure was not identified: then it fails too, since nothing shows that it holds.
    """

    threshold: str
    name: str
    value: float | None
    failed: bool
    note: str = ""


def thresholds_in(told: str) -> tuple[Threshold, ...]:
    """The conditions of a --fail-if flag, parted by commas.

    Raises:
        InvalidOption: not of that form.
    """
    return tuple(_threshold(part) for part in (part.strip() for part in told.split(",")) if part)


def _threshold(part: str) -> Threshold:
    match = _CONDITION.fullmatch(part)
    if match is None:
        forms = "'position.flips>10%', 'accuracy<0.7' or '|position.bias|>0.5'"
        raise InvalidOption(f"--fail-if takes conditions such as {forms}; got {part!r}", "fail_if")
    limit = float(match["limit"]) / (100 if match["share"] else 1)
    return Threshold(part, match["name"].strip(), match["sign"] == ">", limit, bool(match["bar"]))


def checked(thresholds: Sequence[Threshold], measures: Sequence[Measure]) -> tuple[Checked, ...]:
    """Each threshold beside its measure, by the measure's value.

    Raises:
        InvalidOption: there is no measure of that name on this card.
    """
    known = {measure.name: measure for measure in measures}
    for threshold in thresholds:
        if threshold.name not in known:
            names = ", ".join(known)
            raise InvalidOption(f"this card has no measure '{threshold.name}'; it has {names}", "fail_if")
    return tuple(_checked(threshold, known[threshold.name]) for threshold in thresholds)


def _checked(threshold: Threshold, measure: Measure) -> Checked:
    if measure.value is None:
        return Checked(threshold.told, threshold.name, None, True, measure.note)
    value = abs(measure.value) if threshold.by_size else measure.value
    failed = value > threshold.limit if threshold.above else value < threshold.limit
    return Checked(threshold.told, threshold.name, measure.value, failed)
