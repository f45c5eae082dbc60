"""What the routes share: the service, its limits and its numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

from judge_service.api.admission import Ahead, Bounds, Stays, refusal
from judge_service.api.metrics import Metrics
from judge_service.api.queue import Lane, Places
from judge_service.api.quotas import Quotas
from judge_service.cohorts.gathering import Gathering
from judge_service.jobs.office import Office
from judge_service.service import JudgingService
from judge_service.settings import Settings


@dataclass(slots=True)
class State:
    """One server process.

    Attributes:
        places: a place for each case under way; further ones wait.
        stays: how long cases take that have one.
        quotas: what each API key may use, and has.
        office: where files and batches are kept; None where they are not.
        gathering: this process's part in cohorts; None where they cannot be kept.
    """

    service: JudgingService
    settings: Settings
    metrics: Metrics
    started: int
    quotas: Quotas
    office: Office | None = None
    gathering: Gathering | None = None
    places: Places = field(init=False)
    stays: Stays = field(default_factory=Stays, init=False)

    def __post_init__(self) -> None:
        self.places = Places(self.settings.server.cases_in_flight, self.settings.jobs.share)
        if self.gathering is not None:
            self.gathering.tally = self.metrics

    def check_line(self, lane: Lane, line: tuple[int, float], kind: tuple[str, str], cases: int, left: float) -> None:
        """Turns a request away that would wait too long; never while nothing waits.

        Args:
            line: how many calls wait for its judges, and the seconds that takes.
            kind: of its cases, as their stays are known by.
            left: seconds until its caller wants the answer.

        Raises:
            Problem: 429, with Retry-After and the queue's depth.
        """
        calls, seconds = line
        if not calls and not lane.waiting:
            return
        ahead = Ahead(lane.waiting, calls, lane.wait + seconds, self.stays.of(kind))
        server = self.settings.server
        refused = refusal(ahead, cases, left, Bounds(server.cases_waiting, server.max_wait_seconds))
        if refused is not None:
            self.metrics.shed(refused.code)
            raise refused.problem(ahead)
