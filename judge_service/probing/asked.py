"""The same rows put to a judge under one set of options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from judge_service.batch.progress import Progress
from judge_service.batch.runner import Run
from judge_service.domain.judgments import Judgment
from judge_service.files.reading import Row
from judge_service.sitting import Sitting

Shown = Callable[[Progress], AbstractContextManager[object]]


def unseen(_progress: Progress) -> AbstractContextManager[object]:
    """Shows nobody how far it is."""
    return nullcontext()


async def judgments_on(
    sitting: Sitting, rows: Sequence[Row], fields: Mapping[str, str], shown: Shown = unseen
) -> list[Judgment]:
    """A judgment on every row, those that are no case included; in the order in which they were done."""
    found: list[Judgment] = []
    run = Run(sitting, sitting.task, rows, fields, found.append, has_room=sitting.has_room)
    with shown(run.progress):
        await run.carry_out()
    return found
