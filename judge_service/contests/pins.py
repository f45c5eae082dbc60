"""What an evaluation is pinned by: its rows, its cases, who judges them and how. Nothing here depends on an order."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from judge_service.briefing import same_judges
from judge_service.domain.cases import Case
from judge_service.domain.digests import digest
from judge_service.domain.judgments import JudgeIdentity
from judge_service.files.reading import Row
from judge_service.sitting import Sitting


def pinned_rows(rows: Iterable[Row]) -> dict[str, Any]:
    """How many rows a file has, and the digest of what they hold, in whatever order and kind of file.

    A row that cannot be read counts as what is wrong with it.
    """
    return _counted("rows", [_row_digest(row) for row in rows])


def pinned_cases(cases: Iterable[Case]) -> dict[str, Any]:
    """How many cases are judged, and the digest of their ids, texts and authors."""
    return _counted("cases", [digest([case.id, case.digest, _authors(case)]) for case in cases])


def pinned_judging(sitting: Sitting) -> dict[str, Any]:
    """Who judges, by which rubric, which prompts and under which options."""
    provenance = sitting.provenance
    return {
        "task": sitting.task,
        "rubric": asdict(provenance.rubric),
        "prompt": asdict(provenance.prompt),
        "method": provenance.method,
        "protocol": provenance.protocol,
        "options": plain_of(sitting.options.deciding()),
        "card": provenance.card,
        "judges": {judge.name: _judge(judge) for judge in provenance.judges},
        "run": sitting.run_digest,
    }


def plain_of(told: Any) -> Any:
    """As JSON has it: what is read from a lock must be the same as what is told now."""
    return json.loads(json.dumps(told, default=str))


def _judge(identity: JudgeIdentity) -> dict[str, Any]:
    ((_, kind, model, revision, epoch, sampling),) = same_judges([identity])
    told = {"kind": kind, "model": model, "revision": revision, "epoch": epoch, "sampling": plain_of(sampling)}
    # Without a revision of its own a judge's digest holds its address, which may change.
    return {**told, "digest": identity.digest} if revision else told


def _authors(case: Case) -> list[str | None]:
    return [candidate.model for candidate in case.candidates]


def _row_digest(row: Row) -> str:
    return digest(["unreadable", row.error]) if row.error is not None else digest(plain_of(row.value))


def _counted(what: str, digests: Iterable[str]) -> dict[str, Any]:
    told = sorted(digests)
    return {what: len(told), "digest": digest(told)}
