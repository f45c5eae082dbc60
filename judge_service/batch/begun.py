"""What an output that is gone on with went by: its run's cards."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from judge_service.cards.use import NO_CARD
from judge_service.domain.cards import Calibration, PositionEstimate
from judge_service.domain.judgments import Provenance
from judge_service.domain.records import provenance_from
from judge_service.files.disk import STANDARD
from judge_service.files.kinds import DAMAGE, GATHERED, kind_of
from judge_service.files.records import records_of


@dataclass(frozen=True, slots=True)
class Begun:
    """The cards of a run that began before.

    Attributes:
        card: their versions, as the option `card` takes them.
        known: the estimates and calibrations themselves, which the output holds.
    """

    card: str
    known: Sequence[PositionEstimate | Calibration]


def begun_by(output: str) -> Begun | None:
    """The cards of the run that an output holds; None where it holds none. Damage is told when it is opened."""
    if output == STANDARD:
        return None
    path = Path(output)
    gathered = path.with_name(path.name + GATHERED)
    for held in (path, gathered):
        if held.is_file():
            found = _first(held, ".jsonl" if held == gathered else kind_of(output))
            if found is not None:
                return found
    return None


def _first(path: Path, kind: str) -> Begun | None:
    with suppress(*DAMAGE, KeyError, TypeError, AttributeError):
        for record in records_of(path, kind):
            told = provenance_from(record.get("provenance"))
            if record.get("run_digest") and told is not None:
                return going_by(told)
    return None


def going_by(told: Provenance) -> Begun:
    """The cards of the run that judgments of this provenance are of."""
    return Begun(told.card or NO_CARD, [*(told.positions or {}).values(), *(told.calibrations or {}).values()])
