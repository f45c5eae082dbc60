"""win-rate --lock: what a contest is pinned by before it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from judge_service import __version__
from judge_service.batch.rows import case_of_row
from judge_service.contests.deciding import Terms
from judge_service.contests.lock import Lock, held_to, settled
from judge_service.contests.pairing import Paired
from judge_service.contests.pins import pinned_cases, pinned_judging, pinned_rows, plain_of
from judge_service.domain.digests import digest
from judge_service.domain.frozen import frozen
from judge_service.errors import InvalidOption
from judge_service.evaluation.contests.alpaca_length import REGULARISED
from judge_service.evaluation.contests.difficulty import Difficulties
from judge_service.files.reading import rows_of
from judge_service.remote import RemoteSitting
from judge_service.sitting import Sitting

INTERVAL = "Student's t over prompts"
_NEVER_PINNED = ("prompts", "calls")
"""Of the terms of stopping: a larger budget may follow a smaller one, which is what an anytime test is for."""


@frozen
class LockFlags:
    """What a lock is told.

    Attributes:
        path: of the lock; "" for none.
        rubric: as it was told, an id or a file.
    """

    path: str
    rubric: str
    terms: Terms | None
    server: str


@dataclass(slots=True)
class Locking:
    """A lock that a run is held to.

    Attributes:
        inputs: files that are read, by what they are: model, baseline, and questions where they are given.
        reading: how they are read, and the options of the judging, as `verify` needs them again.
        held: the lock, once it is settled.
    """

    flags: LockFlags
    inputs: Mapping[str, str]
    output: str
    contest: Paired
    reading: Mapping[str, Any]
    estimator: Mapping[str, Any]
    held: Lock | None = None

    def __post_init__(self) -> None:
        if self.flags.path and not self.output:
            raise InvalidOption("--lock needs -o OUT: what it locks is verified by the judgments kept there", "lock")
        if self.flags.path and self.flags.server:
            raise InvalidOption("--lock pins the judge: give --judge-url or --offline instead of --server", "lock")

    def settle(self, judging: Sitting | RemoteSitting) -> None:
        """Writes the lock, or holds the run to the one that is there.

        Raises:
            RunRefused: the lock pins something else.
        """
        if not self.flags.path:
            return
        assert isinstance(judging, Sitting)
        pinned = {
            **pinned_inputs(self.inputs, self.contest),
            "judging": pinned_judging(judging),
            "estimator": self.estimator,
            "exclusions": {"allow_missing": self.reading["allow_missing"]},
            "service": __version__,
        }
        path = Path(self.flags.path)
        placed = {**self.inputs, "output": self.output}
        if self.flags.rubric.endswith(".toml"):
            placed["rubric"] = self.flags.rubric
        self.held = held_to(path, settled(pinned, placed, self.reading, path))

    @property
    def told(self) -> dict[str, str]:
        """What the results carry of it."""
        return {} if self.held is None else {"lock": self.held.digest}


def pinned_inputs(inputs: Mapping[str, str], contest: Paired) -> dict[str, Any]:
    """The files, and the cases that are made of them."""
    return {
        "inputs": {name: pinned_rows(rows_of(path)) for name, path in inputs.items()},
        "cases": pinned_cases(case_of_row(row, "compare", {}) for row in contest.rows),
        "models": {"model": contest.model, "baseline": contest.baseline},
    }


def pinned_estimator(
    unscored: str, confidence: float, terms: Terms | None, difficulties: Difficulties | None = None
) -> dict[str, Any]:
    """What is made of the verdicts."""
    until = None
    if terms is not None:
        until = {name: value for name, value in asdict(terms).items() if name not in _NEVER_PINNED}
    return {
        "verdicts": ["soft", "discrete"],
        "interval": INTERVAL,
        "confidence": confidence,
        "unscored": unscored,
        "until": until,
        "length_control": REGULARISED,
        "difficulties": None if difficulties is None else digest(plain_of(asdict(difficulties))),
    }
