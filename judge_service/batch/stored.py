"""Judgments that were written before, out of one output or the shards of many, one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from judge_service.batch.merging import Merging
from judge_service.batch.outputs import Reading, judgment_at
from judge_service.domain.judgments import Judgment


@dataclass(slots=True)
class Stored:
    """The judgments of some files, each case once; a torn last line is no judgment yet, and refused.

    Attributes:
        allow_mixed: whether judgments of several judges, epochs, rubrics or methods may stand together; then each run
            may have its own judgment on a case.
        told: what to say of the last pass: what was left out, and what was mixed.
    """

    files: Sequence[Path]
    allow_mixed: bool = False
    told: Sequence[str] = ()

    def judgments(self) -> Iterator[tuple[str, Judgment]]:
        """Each judgment with where it stands, from the start each time.

        Raises:
            InvalidRequest: a line is no judgment.
            RunRefused: they are mixed, or two rows judge one case differently.
        """
        merging = Merging(Reading(self.files, self.allow_mixed, tolerant=False), by_run=self.allow_mixed)
        for where, record in merging.records():
            yield where, judgment_at(where, record)
        self.told = merging.told()
