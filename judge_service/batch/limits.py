"""Conditions that end a run early: `unscored>2%,flip>60%`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from judge_service.batch.progress import Progress
from judge_service.errors import InvalidOption

AFTER: Final = 1000
_CONDITION: Final = re.compile(r"(\w+)\s*>\s*(\d+(?:\.\d+)?)\s*%")


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


_RATES: Final[Mapping[str, Callable[[Progress], float]]] = {
    "unscored": lambda p: _share(p.unfinished, p.finished),
    "flip": lambda p: _share(p.flips, p.pairs),
}


class StopRun(Exception):
    """A condition for ending the run early has come true."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One condition: a rate above a limit, looked at after 1,000 cases."""

    rate: str
    limit: float

    def check(self, progress: Progress) -> None:
        """Ends the run if the condition holds.

        Raises:
            StopRun: it does.
        """
        value = _RATES[self.rate](progress)
        if progress.finished >= AFTER and value > self.limit:
            raise StopRun(
                f"stopped after {progress.finished} cases: {self.rate} is {value:.1%}, above {self.limit:.1%}"
            )


def parse_stops(told: str) -> tuple[Stop, ...]:
    """The conditions of a --stop-if flag.

    Raises:
        InvalidOption: not of that form.
    """
    stops = []
    for part in filter(None, (part.strip() for part in told.split(","))):
        match = _CONDITION.fullmatch(part)
        if match is None or match[1] not in _RATES:
            raise InvalidOption(f"--stop-if takes {', '.join(f'{r}>N%' for r in _RATES)}; got {part!r}", "stop_if")
        stops.append(Stop(match[1], float(match[2]) / 100))
    return tuple(stops)


def check_stops(stops: tuple[Stop, ...], progress: Progress) -> None:
    """Ends the run if any condition holds.

    Raises:
        StopRun: one does.
    """
    for stop in stops:
        stop.check(progress)
