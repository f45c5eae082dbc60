"""One judge under one rubric: what was seen of it, and what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from judge_service.domain.cards import Calibration, PositionEstimate
from judge_service.domain.frozen import frozen
from judge_service.domain.records import calibration_from, position_from
from judge_service.domain.verdicts import Vote
from judge_service.evaluation.audits.position import Audited, estimate_of
from judge_service.statistics.position import FLIPS, LEAST_AUDITS, Audit, drift_of, drift_window

MOST_AUDITS: Final = 2_000
MOST_PAST: Final = 8


class CardKey(NamedTuple):
    """Which judge under which rubric, asked by which prompt: digests."""

    judge: str
    rubric: str
    prompt: str


@frozen
class Drift:
    """The bias moved away from its estimate.

    Attributes:
        moved: by how many logits, towards the first-shown.
        version: of the estimate that held before.
        at: when it was noticed.
    """

    moved: float
    version: str
    at: str


@dataclass(slots=True)
class Tally:
    """How a judge's answers went."""

    votes: int = 0
    failures: int = 0
    masses: int = 0
    mass: float = 0.0

    def add(self, other: Tally) -> None:
        """Counts another's answers too."""
        self.votes += other.votes
        self.failures += other.failures
        self.masses += other.masses
        self.mass += other.mass


def tally_of(votes: Sequence[Vote]) -> Tally:
    """How these answers went."""
    masses = [vote.label_mass for vote in votes if vote.label_mass is not None]
    failures = [vote for vote in votes if vote.failure is not None]
    return Tally(len(votes), len(failures), len(masses), sum(masses))


@dataclass(slots=True)
class Section:
    """A judge's card under one rubric.

    Attributes:
        names: of judge, model and rubric, for people to read.
        audited: pairs judged in both orders, by case digest, the oldest first; the newest 2,000 are kept.
        estimate: what runs that start now go by.
        past: estimates before it, the newest last, for runs that go on.
        drift: why there is no estimate, where there was one.
        era: goes up with every drift: audits of an earlier one are of a judge that is no more.
        revision: goes up with every change of estimate, calibration or era.
        calibrations: by the way votes were made and combined, since probabilities differ with it.
        residuals: what audits since the estimate was made left of the bias once it was taken off.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    audited: dict[str, Audited] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    estimate: PositionEstimate | None = None
    past: list[PositionEstimate] = field(default_factory=list)
    calibrations: dict[str, Calibration] = field(default_factory=dict)
    drift: Drift | None = None
    last_audit: str | None = None
    era: int = 0
    revision: int = 0
    residuals: list[float] = field(default_factory=list)

    def learn(self, digest: str, pair: Audited, now: str) -> Drift | None:
        """Takes in an audited pair; a drift, if with it there is one."""
        self.audited[digest] = pair
        self.last_audit = now
        if len(self.audited) > MOST_AUDITS:
            del self.audited[next(iter(self.audited))]
        if self.estimate is not None:
            known = self.estimate.domains.get(pair.domain)
            self.residuals.append(pair.audit.bias - (known.bias if known else self.estimate.bias))
            del self.residuals[: -drift_window(self.estimate.spread)]
            moved = drift_of(self.residuals, 0.0, self.estimate.spread)
            if moved is not None:
                return self._withdraw(Drift(moved, self.estimate.version, now))
        if len(self.audited) >= max(LEAST_AUDITS, 2 * (self.estimate.audited if self.estimate else 0)):
            self.publish()
        return None

    def publish(self, flips: float | None = None) -> PositionEstimate:
        """Makes the estimate anew, from all audits; two of them at the least.

        Args:
            flips: the share of winners that one order may change; as before if None.
        """
        before = self.estimate or (self.past[-1] if self.past else None)
        wanted = flips or (before.flips if before is not None else FLIPS)
        estimate = estimate_of(list(self.audited.values()), wanted)
        if self.estimate is None or estimate.version != self.estimate.version:
            self._shelve()
            self.estimate, self.drift, self.residuals = estimate, None, []
            self.revision += 1
        return estimate

    def calibrate(self, way: str, calibration: Calibration) -> None:
        """Takes in the calibration of one way of judging, in place of the one before."""
        self.calibrations = {**self.calibrations, way: calibration}
        self.revision += 1

    def _withdraw(self, drift: Drift) -> Drift:
        """Ends the estimate: only the audits that showed the drift are of the judge as it is now."""
        recent = list(self.audited.items())[-len(self.residuals) :]
        self._shelve()
        self.estimate, self.drift, self.residuals = None, drift, []
        self.audited = dict(recent)
        self.era += 1
        self.revision += 1
        return drift

    def _shelve(self) -> None:
        if self.estimate is not None:
            self.past = [*self.past, self.estimate][-MOST_PAST:]

    def named(self, version: str) -> PositionEstimate | Calibration | None:
        """The estimate or calibration of that version, if it is known still."""
        known = (self.estimate, *self.past, *self.calibrations.values())
        return next((each for each in known if each is not None and each.version == version), None)

    def merge(self, kept: Section) -> None:
        """Takes in what others kept: of two eras and two revisions the later holds."""
        if kept.era > self.era:
            self.audited = dict(kept.audited)
            self.residuals = []
        elif kept.era == self.era:
            self.audited = dict(list({**kept.audited, **self.audited}.items())[-MOST_AUDITS:])
        if kept.revision > self.revision:
            if self.estimate is None or kept.estimate is None or kept.estimate.version != self.estimate.version:
                self.residuals = []
            self.estimate, self.past, self.drift = kept.estimate, kept.past, kept.drift
            self.calibrations = kept.calibrations
        self.era, self.revision = max(self.era, kept.era), max(self.revision, kept.revision)
        self.last_audit = max(filter(None, (self.last_audit, kept.last_audit)), default=None)

    def record(self) -> dict[str, Any]:
        """The section as JSON-like values."""
        audits = [[d, *_rounded(a.audit), a.domain] for d, a in self.audited.items()]
        whole = {name: getattr(self, name) for name in _PLAIN}
        return {**whole, "audited": audits}


_PLAIN: Final = ("names", "tally", "estimate", "past", "calibrations", "drift", "last_audit", "era", "revision")


def _rounded(audit: Audit) -> tuple[float, float, bool]:
    return round(audit.one, 4), round(audit.other, 4), audit.one_first


def section_from(record: Mapping[str, Any]) -> Section:
    """The section a record holds.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    estimate, drift = record["estimate"], record["drift"]
    return Section(
        names=dict(record["names"]),
        audited={
            d: Audited(Audit(one, other, bool(first)), domain) for d, one, other, first, domain in record["audited"]
        },
        tally=Tally(**record["tally"]),
        estimate=None if estimate is None else position_from(estimate),
        past=[position_from(each) for each in record["past"]],
        calibrations={way: calibration_from(each) for way, each in record["calibrations"].items()},
        drift=None if drift is None else Drift(**drift),
        last_audit=record["last_audit"],
        era=int(record["era"]),
        revision=int(record["revision"]),
    )
