"""What a judge's probabilities are worth against labels, and the temperature that mends them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from judge_service.domain.cards import Calibration
from judge_service.domain.digests import digest, draw
from judge_service.domain.frozen import frozen
from judge_service.evaluation.people.labelled import Labelled, LabelledSet, Way, way_record
from judge_service.statistics.calibrate import Quality, Temperature, calibrated, quality_of, temperature_of
from judge_service.statistics.guarantees import TooFewLabels

LEAST_LABELS: Final = 200
_DIGITS: Final = 6


@frozen
class CalibrationFinding:
    """A temperature fitted on one half of the labels, and what it does on the other.

    Attributes:
        before: how good the probabilities are that the judgments state, on the half that was held out.
        after: the same with the temperature.
    """

    calibration: Calibration
    temperature: Temperature
    before: Quality
    after: Quality

    @property
    def helps(self) -> bool:
        """Whether the labels that were held out are likelier with it."""
        return self.after.log_loss < self.before.log_loss


def calibration_of(labelled: LabelledSet) -> CalibrationFinding:
    """Fits a temperature on half of the cases and tests it on the others.

    Cases are halved by a hash of their ids, so that no place in a file decides, and the same labels are halved alike
    every time. It takes 200: a hundred labels fix ln T to about 0.2 (a standard error), and on a hundred others chance
    alone makes a calibration error of about 0.1.

    Raises:
        TooFewLabels: fewer than 200.
    """
    cases = labelled.cases
    if len(cases) < LEAST_LABELS:
        raise TooFewLabels(len(cases), LEAST_LABELS)
    fitted, tested = _halves(cases)
    temperature = temperature_of([case.logit for case in fitted], [case.label for case in fitted])
    value = round(temperature.value, _DIGITS)
    labels = [case.label for case in tested]
    before = quality_of([case.probability for case in tested], labels)
    after = quality_of([calibrated(case.logit, value) for case in tested], labels)
    content: dict[str, Any] = {
        "temperature": value,
        "labels": len(fitted),
        "tested": len(tested),
        "ece_before": round(before.ece, _DIGITS),
        "ece_after": round(after.ece, _DIGITS),
    }
    version = _version([way_record(labelled.way), content])
    return CalibrationFinding(Calibration(version=version, **content), temperature, before, after)


def calibration_record(way: Way, calibration: Calibration) -> dict[str, Any]:
    """What a file of a calibration holds: whose and of what way of judging, and the calibration."""
    return {"object": "calibration", **way_record(way), "calibration": asdict(calibration)}


def _halves(cases: Sequence[Labelled]) -> tuple[list[Labelled], list[Labelled]]:
    drawn = sorted(cases, key=lambda case: (draw("calibration", case.case_id), case.case_id))
    middle = (len(drawn) + 1) // 2
    return drawn[:middle], drawn[middle:]


def _version(content: object) -> str:
    return "cal_" + digest(content).removeprefix("sha256:")[:12]
