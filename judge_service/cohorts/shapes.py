"""What is known of cohorts: tables, seats and what was told there. Plain values, which servers hand to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Mark = Literal["complete", "partial", "late"]


@dataclass(frozen=True, slots=True)
class Terms:
    """How a cohort gathers.

    Attributes:
        group: members that make it complete; 2 or more.
        wait: seconds from the first arrival on.
    """

    group: int
    wait: float


@dataclass(frozen=True, slots=True)
class Told:
    """What a member is told.

    Attributes:
        score: the mean probability of beating another member, in [0, 1]; None where there is none.
        failure: kind and message of why there is no score.
        mark: whether all had come, or not, or this one came after the others were ranked.
        size: members that were ranked together.
        logs: numbers on the judging, for logs.
    """

    score: float | None
    mark: Mark
    size: int
    failure: tuple[str, str] | None = None
    logs: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Seat:
    """One member's place.

    Attributes:
        text: names what it says.
        ticket: names the request that sits here.
        server: names the server process which that request waits at; empty once its caller has hung up.
        served: whether the request was answered, so that the same text is another member's from then on.
    """

    text: str
    ticket: str
    server: str
    told: Told | None = None
    served: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """A server ranks: so many members, from then on."""

    server: str
    turn: int
    members: int
    since: float


@dataclass(frozen=True, slots=True)
class Cohort:
    """Members of one prompt.

    Attributes:
        number: its place among the cohorts of its table.
        ended: when its first ranking was through; None before.
        closed: whether nobody sits down any more.
        turns: how many claims there were.
    """

    number: int
    opened: float
    seats: tuple[Seat, ...] = ()
    ended: float | None = None
    closed: bool = False
    claim: Claim | None = None
    turns: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """The cohorts of one key, the oldest first."""

    cohorts: tuple[Cohort, ...] = ()
    opened: int = 0

    def cohort(self, number: int) -> Cohort | None:
        """The cohort of that number, if it is still remembered."""
        return next((cohort for cohort in self.cohorts if cohort.number == number), None)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A caller at the door, at the time at which it came."""

    text: str
    ticket: str
    server: str
    came: float


@dataclass(frozen=True, slots=True)
class Place:
    """A seat, by the numbers of cohort and seat."""

    cohort: int
    seat: int


@dataclass(frozen=True, slots=True)
class Doubt:
    """Whether one of these servers still lives has to be known first: a twin of who comes waits there, or has died."""

    servers: frozenset[str]
