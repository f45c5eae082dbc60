"""What the routes share: the service, its limits and its numbers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from judge_service.api.metrics import Metrics
from judge_service.judge import JudgingService
from judge_service.settings import Settings


@dataclass(slots=True)
class State:
    """One server process.

    Attributes:
        places: a place for each case under way; further ones wait.
    """

    service: JudgingService
    settings: Settings
    metrics: Metrics
    started: int
    places: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.places = asyncio.Semaphore(self.settings.server.cases_in_flight)
