"""A batch from the command line: progress, a summary, and the exit code that says how it went."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from judge_service.batch.begun import begun_by
from judge_service.batch.feeding import Awaited
from judge_service.batch.ledger import Finished
from judge_service.batch.limits import Stop, StopRun, check_stops, parse_stops
from judge_service.batch.ordering import Order
from judge_service.batch.progress import Progress
from judge_service.batch.rows import parse_fields
from judge_service.batch.runner import Run
from judge_service.batch.shards import in_shard, parse_shard
from judge_service.cli.dry_run import dry_run
from judge_service.cli.flags import WhichJudge
from judge_service.cli.on_ray import RayFlags, Workers
from judge_service.cli.opened import opened_judging
from judge_service.cli.outgoing import opened_output, order_of
from judge_service.cli.printing import warn_offline
from judge_service.cli.progress import Display, summary
from judge_service.cli.signalled import DRAINED, INTERRUPTED, Signalled, parse_signals
from judge_service.domain.options import Task
from judge_service.errors import InvalidRequest
from judge_service.files.counting import Counting
from judge_service.files.disk import STANDARD
from judge_service.files.reading import Row, rows_of
from judge_service.files.sources import check_apart
from judge_service.remote import RemoteSitting
from judge_service.sitting import Sitting

ALL_JUDGED: Final = 0
SOME_NOT_JUDGED: Final = 3
STOPPED: Final = 4
ENDED_EARLY: Final = {INTERRUPTED: "interrupted", DRAINED: "drained"}


@dataclass(frozen=True, slots=True)
class BatchFlags:
    """What a batch is told besides options and judge."""

    source: str
    output: str
    fields: tuple[str, ...]
    shard: str
    limit: int | None
    retry_failed: bool
    overwrite: bool
    dry_run: bool
    stop_if: str
    quiet: bool
    server: str
    drain_on: str
    drain_seconds: float
    ordered: bool
    ray: RayFlags | None


async def run_batch(
    task: Task, options: Mapping[str, Any], which: WhichJudge, config: Path | None, wait: float, flags: BatchFlags
) -> int:
    """Judges a file and returns the exit code.

    Raises:
        JudgeServiceError: nothing could be judged; the message says why.
    """
    fields = parse_fields(flags.fields)
    stops = parse_stops(flags.stop_if)
    rows = _rows(fields, flags)
    check_apart(flags.output, flags.source)
    begun = None if flags.overwrite or flags.dry_run else begun_by(flags.output)
    with Signalled(parse_signals(flags.drain_on), flags.drain_seconds) as signals:
        try:
            async with opened_judging(task, options, which, config, wait, flags.server, begun) as judging:
                if flags.dry_run:
                    return _dry_run(rows, task, fields, judging)
                order = order_of(flags.ordered, flags.output)
                workers = Workers(task, options, which, config, wait, flags.server)
                output = opened_output(flags.output, flags.overwrite, flags.retry_failed, judging, order)
                with output as (record, finished), workers.on(flags.ray, judging, begun) as made:
                    run = made(
                        judging=judging,
                        task=task,
                        rows=Awaited(rows) if flags.source == STANDARD else rows,
                        fields=fields,
                        record=record,
                        done=finished.digests,
                        has_room=judging.has_room,
                    )
                    if order is not None:
                        run.placed = order.place
                    started = time.monotonic()
                    code = await _carried_out(run, finished, stops, flags, judging, signals)
                    if isinstance(order, Order):
                        order.is_whole = code == ALL_JUDGED
                # Only now is the output whole, and on the disk.
                return _summed_up(run.progress, code, flags, time.monotonic() - started)
        except asyncio.CancelledError:
            if signals.code is None:
                raise
            return signals.code


async def _carried_out(
    run: Run,
    finished: Finished,
    stops: tuple[Stop, ...],
    flags: BatchFlags,
    judging: Sitting | RemoteSitting,
    signals: Signalled,
) -> int:
    if isinstance(judging, Sitting) and not flags.quiet:
        warn_offline(judging.provenance)
    run.progress.statuses.update(finished.statuses)
    run.progress.finished = sum(finished.statuses.values())
    code = ALL_JUDGED
    run.after = partial(check_stops, stops)
    shares = parse_shard(flags.shard)[1] if flags.shard else 1
    with Display(run.progress, flags.quiet, Counting(flags.source, shares, flags.limit)):
        try:
            await signals.carry_out(run)
        except StopRun as e:
            print(f"judge-service: {e}", file=sys.stderr)
            code = STOPPED
        except asyncio.CancelledError:
            # The run's own task was cancelled, and not this one.
            if signals.code is None:
                raise
    code = code or signals.code or ALL_JUDGED
    _check_something_was_read(run.progress, finished, code, flags)
    return code


def _summed_up(progress: Progress, code: int, flags: BatchFlags, seconds: float) -> int:
    """Says what the run came to; the exit code."""
    if not flags.quiet or code in ENDED_EARLY:
        print(summary(progress, flags.output, seconds, ENDED_EARLY.get(code, "")), file=sys.stderr)
    return code or (SOME_NOT_JUDGED if progress.unfinished else ALL_JUDGED)


def _check_something_was_read(progress: Progress, finished: Finished, code: int, flags: BatchFlags) -> None:
    """A file without one readable row is a wrong file, and not a finished job."""
    if code or progress.statuses.keys() - {"unscored"} or progress.resumed:
        return
    if progress.finished == 0:
        raise InvalidRequest(f"{flags.source}: there is no row to judge")
    if progress.failures.get("invalid") == progress.finished - sum(finished.statuses.values()) > 0:
        raise InvalidRequest(f"no readable row: {progress.first_failure}")


def _rows(fields: Mapping[str, str], flags: BatchFlags) -> Iterable[Row]:
    rows: Iterable[Row] = rows_of(flags.source)
    if flags.shard:
        share = parse_shard(flags.shard)
        rows = (row for row in rows if in_shard(row, fields, share))
    return islice(rows, flags.limit) if flags.limit is not None else rows


def _dry_run(rows: Iterable[Row], task: Task, fields: Mapping[str, str], judging: Sitting | RemoteSitting) -> int:
    if isinstance(judging, RemoteSitting):
        raise InvalidRequest("--dry-run needs the judge here: give --judge-url or --offline instead of --server")
    return ALL_JUDGED if dry_run(rows, task, fields, judging) else SOME_NOT_JUDGED
