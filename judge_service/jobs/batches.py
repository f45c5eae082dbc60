"""Batches as their callers deal with them: made, looked at, cancelled."""

from __future__ import annotations

from typing import Any

from judge_service.backends.papers import Facts, NotHeld
from judge_service.errors import UnknownName
from judge_service.jobs.life import Wish, batch_object, is_over, status_of
from judge_service.jobs.office import Office, new_name


async def make(office: Office, wish: Wish, tenant: str) -> dict[str, Any]:
    """A new batch.

    Raises:
        UnknownName: there is no such input file.
    """
    await office.owned("file", wish.input_file_id, tenant, "input_file_id")
    created = office.now()
    name = new_name("batch")
    facts: Facts = {
        "tenant": tenant,
        "input_file_id": wish.input_file_id,
        "endpoint": wish.endpoint,
        "completion_window": wish.completion_window,
        "metadata": wish.metadata,
        "keep": wish.keep,
        "created_at": created,
        "expires_at": created + wish.window,
    }
    await office.papers.add("batch", name, facts, is_open=True)
    office.stirred.set()
    return batch_object(name, facts, {})


async def shown(office: Office, name: str, facts: Facts) -> dict[str, Any]:
    """A batch as it stands."""
    return batch_object(name, facts, {} if "counts" in facts else await office.papers.counts(name))


async def cancel(office: Office, name: str, tenant: str) -> dict[str, Any] | None:
    """Asks whoever works on a batch to end it; None if it is over, or all its lines are done.

    Raises:
        UnknownName: there is no such batch.
    """
    facts = await office.owned("batch", name, tenant)
    if "ending" not in facts:
        try:
            await office.papers.settle(name, {"ending": "cancelled", "cancelling_at": office.now()})
        except NotHeld:
            raise UnknownName(f"there is no batch '{name}'", "batch_id") from None
        office.stirred.set()
        facts = await office.owned("batch", name, tenant)
    return await shown(office, name, facts) if status_of(facts) == "cancelling" else None


async def readers_of(office: Office, file: str) -> list[str]:
    """The unfinished batches that read a file."""
    names = await office.papers.unfinished()
    found = zip(names, await office.papers.facts(names), strict=True)
    return [name for name, facts in found if facts and facts["input_file_id"] == file and not is_over(facts)]
