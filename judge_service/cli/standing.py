"""status: how far an output is, what failed and why, what it cost, and when it will be finished."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from judge_service.batch.known import Known
from judge_service.batch.outputs import Reading, judgment_at, outputs_of
from judge_service.batch.pace import Pace, rate_of
from judge_service.batch.remaining import left_of
from judge_service.batch.rows import parse_fields
from judge_service.batch.shards import in_shard, parse_shard
from judge_service.cli.standing_page import Told, page, record_of_told
from judge_service.domain.options import TASKS, Task
from judge_service.domain.verdicts import KIND_OF
from judge_service.errors import InvalidOption
from judge_service.evaluation.standing import Prices, Standing
from judge_service.files.reading import rows_of

_TASKS: Final[dict[str, Task]] = {kind: task for task in TASKS if (kind := KIND_OF[task])}
_FAR: Final = 1e9
"""So many seconds have no date worth telling."""


def status(
    sources: Annotated[
        list[str], typer.Argument(metavar="OUT…", help="Outputs, patterns or folders; they may be being written.")
    ],
    cases: Annotated[str, typer.Option(metavar="IN", help="The file of cases, to tell how many are left.")] = "",
    total: Annotated[int | None, typer.Option(min=0, help="How many cases there are, instead of --cases.")] = None,
    field: Annotated[list[str], typer.Option(help="Of --cases: FIELD=COLUMN, such as id=uid.")] = [],  # noqa: B006
    shard: Annotated[str, typer.Option(help="Of --cases: i/n, only this share of the prompts.")] = "",
    price_prompt: Annotated[float | None, typer.Option(min=0, help="Of a million prompt tokens.")] = None,
    price_completion: Annotated[float | None, typer.Option(min=0, help="Of a million completion tokens.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """How far a batch is: it is only read, and may be running."""
    if cases and total is not None:
        raise InvalidOption("give --cases or --total, not both", "total")
    if (field or shard) and not cases:
        raise InvalidOption("--field and --shard go with --cases", "cases")
    read = _read(outputs_of(sources), bool(cases))
    left = _left(read, cases, parse_fields(field), shard) if cases else None
    if total is not None:
        left = max(0, total - read.standing.rows)
    told = _told(read, left, _prices(price_prompt, price_completion))
    typer.echo(orjson.dumps(record_of_told(told), option=orjson.OPT_INDENT_2) if as_json else page(told))


@dataclass(slots=True)
class _Read:
    """What was read of the outputs.

    Attributes:
        done: knows the ids of the cases that they hold, if wanted.
        kinds: of judgments.
    """

    reading: Reading
    standing: Standing = field(default_factory=Standing)
    paces: dict[str, Pace] = field(default_factory=dict)
    done: Known = field(default_factory=Known)
    kinds: dict[str, None] = field(default_factory=dict)


def _read(files: list[Path], with_ids: bool) -> _Read:
    read = _Read(Reading(files, allow_mixed=True))
    for where, record in read.reading.records():
        # A failure that is not the case's own stands in its votes.
        judgment = judgment_at(where, record, with_evidence=record["status"] != "judged")
        read.standing.count(judgment)
        read.paces.setdefault(where.rpartition(" row ")[0], Pace()).count(judgment.created)
        read.kinds[judgment.kind] = None
        if with_ids:
            read.done.first(judgment.case_id, 0)
    return read


def _left(read: _Read, cases: str, fields: dict[str, str], shard: str) -> int:
    rows: Any = rows_of(cases)
    if shard:
        share = parse_shard(shard)
        rows = (row for row in rows if in_shard(row, fields, share))
    return left_of(rows, _TASKS[next(iter(read.kinds), KIND_OF["compare"])], fields, read.done)


def _prices(prompt: float | None, completion: float | None) -> Prices | None:
    return None if prompt is None and completion is None else Prices(prompt or 0.0, completion or 0.0)


def _told(read: _Read, left: int | None, prices: Prices | None) -> Told:
    rate = rate_of(read.paces.values())
    seconds = None if left is None else 0.0 if left == 0 else left / rate if rate else None
    last = max((pace.last for pace in read.paces.values() if pace.last is not None), default=None)
    # Counted from now: a run that stands still loses that time.
    end = datetime.now(UTC) + timedelta(seconds=seconds) if seconds and seconds < _FAR else None
    return Told(
        files=read.reading.files,
        torn=read.reading.torn,
        standing=read.standing,
        origins=[str(origin) for origin in read.reading.origins],
        left=left,
        rate=rate,
        last=last,
        seconds_left=seconds,
        end=end,
        cost=None if prices is None else prices.of(read.standing.usage),
    )
