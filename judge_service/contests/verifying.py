"""A locked run is looked at again: are its files what they were, and does the judge say again what it said."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from judge_service.batch.outputs import Reading, judgment_at
from judge_service.batch.rows import id_of_row
from judge_service.batch.runner import Run
from judge_service.contests.judging import Asked, judged, wholly
from judge_service.contests.lock import Lock, differences
from judge_service.contests.reproduced import Reproduced, can_be_asked, drawn, set_beside
from judge_service.domain.frozen import frozen
from judge_service.domain.judgments import Judgment
from judge_service.errors import InvalidRequest, RunRefused
from judge_service.files.reading import Row
from judge_service.sitting import Sitting

_MAY_DIFFER: Final = ("judging.judges.", "judging.run ", "service ")
"""What asking again is to tell of, and no reason not to ask."""


@frozen
class Verified:
    """What verifying came to.

    Attributes:
        changed: of the judge and the service, since it was locked, each by its name.
        judgments: those made now.
    """

    found: Reproduced
    changed: tuple[str, ...]
    judgments: tuple[Judgment, ...]


def check_pinned(path: Path, lock: Lock, now: Mapping[str, Any]) -> tuple[str, ...]:
    """What is pinned otherwise and may be: the judge and the service.

    Args:
        now: sections of what would be pinned now; others are not looked at.

    Raises:
        RunRefused: something else is: a file, the rubric, a prompt or an option.
    """
    held = {name: lock.pinned.get(name) for name in now}
    found = differences(held, now)
    refused = [told for told in found if not told.startswith(_MAY_DIFFER)]
    if refused:
        raise RunRefused(f"{path} pins something else: {'; '.join(refused)}")
    return tuple(found)


def stored(output: str, lock: Lock) -> dict[str, Judgment]:
    """The judgments of a locked run that can be asked for again, by case.

    Raises:
        InvalidRequest: there is no output, or none of it can be asked for again.
        RunRefused: it is another run's.
    """
    if not Path(output).exists():
        raise InvalidRequest(f"{output}: the judgments that the lock names are not there")
    found: dict[str, Judgment] = {}
    for where, record in Reading([Path(output)], allow_mixed=True).records():
        if record["run_digest"] not in ("", lock.pinned["judging"]["run"]):
            raise RunRefused(f"{where} was made by another run than the lock pins")
        judgment = judgment_at(where, record)
        if can_be_asked(judgment):
            found[judgment.case_id] = judgment
    if not found:
        raise InvalidRequest(f"{output}: no case has a verdict that a judge could give again")
    return found


async def asked_again(
    sitting: Sitting,
    rows: Sequence[Row],
    before: Mapping[str, Judgment],
    share: float,
    changed: tuple[str, ...],
    carry_out: Callable[[Run], Awaitable[object]] = wholly,
) -> Verified:
    """Some cases of a run, asked again.

    Args:
        sitting: one that bypasses the cache.
        rows: the cases of the contest; those that were not judged are left out.
        before: what was judged, by case.
        share: of them, to ask again; at least 20.
    """
    names = set(drawn(before, share, sitting.options.seed))
    some = [row for row in rows if id_of_row(row, {}) in names]
    now = await judged(Asked(sitting, some, has_room=sitting.has_room), carry_out=carry_out)
    return Verified(set_beside(before, now, len(before)), changed, tuple(now))
