"""What the routes share: the service, its limits and its numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from judge_service.api.metrics import Metrics
from judge_service.api.queue import Places
from judge_service.cohorts.gathering import Gathering
from judge_service.jobs.office import Office
from judge_service.service import JudgingService
from judge_service.settings import Settings


@dataclass(slots=True)
class State:
    """One server process.

    Attributes:
        places: a place for each case under way; further ones wait, and are turned away when too many do.
        office: where files and batches are kept; None where they are not.
        gathering: this process's part in cohorts; None where they cannot be kept.
    """

    service: JudgingService
    settings: Settings
    metrics: Metrics
    started: int
    office: Office | None = None
    gathering: Gathering | None = None
    places: Places = field(init=False)

    def __post_init__(self) -> None:
        server = self.settings.server
        self.places = Places(server.cases_in_flight, server.cases_waiting, self.settings.jobs.share)
        if self.gathering is not None:
            self.gathering.tally = self.metrics
