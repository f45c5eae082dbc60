"""A batch from the command line: progress, a summary, and the exit code that says how it went."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson

from judge_service.batch.begun import begun_by
from judge_service.batch.disk import unwritable
from judge_service.batch.files import STANDARD, Row, rows_of
from judge_service.batch.ledger import Finished, Ledger
from judge_service.batch.limits import Stop, StopRun, check_stops, parse_stops
from judge_service.batch.progress import Progress
from judge_service.batch.rows import case_of_row, parse_fields
from judge_service.batch.runner import Run
from judge_service.batch.shards import in_shard, parse_shard
from judge_service.cli.flags import WhichJudge
from judge_service.cli.opened import opened_judging
from judge_service.cli.printing import drop_standard_output, warn_offline
from judge_service.cli.progress import Display, summary
from judge_service.domain.judgments import Judgment, Provenance
from judge_service.domain.options import Task
from judge_service.domain.prompting import joined
from judge_service.domain.records import record_of
from judge_service.errors import InvalidCase, InvalidRequest, RunRefused
from judge_service.remote import RemoteSitting
from judge_service.sitting import Sitting

ALL_JUDGED: Final = 0
SOME_NOT_JUDGED: Final = 3
STOPPED: Final = 4
INTERRUPTED: Final = 130


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
    begun = None if flags.overwrite or flags.dry_run else begun_by(flags.output)
    async with opened_judging(task, options, which, config, wait, flags.server, begun) as judging:
        if flags.dry_run:
            return _dry_run(rows, task, fields, judging)
        with _ledger(flags, judging) as (record, finished):
            run = Run(
                judging=judging,
                task=task,
                rows=rows,
                fields=fields,
                record=record,
                done=finished.digests,
                has_room=judging.has_room,
            )
            started = time.monotonic()
            code = await _carried_out(run, finished, stops, flags, judging)
        # Only now is the output whole, and on the disk.
        return _summed_up(run.progress, code, flags, time.monotonic() - started)


async def _carried_out(
    run: Run, finished: Finished, stops: tuple[Stop, ...], flags: BatchFlags, judging: Sitting | RemoteSitting
) -> int:
    if isinstance(judging, Sitting) and not flags.quiet:
        warn_offline(judging.provenance)
    run.progress.statuses.update(finished.statuses)
    run.progress.finished = sum(finished.statuses.values())
    code = ALL_JUDGED
    run.after = partial(check_stops, stops)
    with Display(run.progress, flags.quiet):
        try:
            await _with_signals(run)
        except StopRun as e:
            print(f"judge-service: {e}", file=sys.stderr)
            code = STOPPED
        except asyncio.CancelledError:
            code = INTERRUPTED
    _check_something_was_read(run.progress, finished, code, flags)
    return code


def _summed_up(progress: Progress, code: int, flags: BatchFlags, seconds: float) -> int:
    """Says what the run came to; the exit code."""
    if not flags.quiet or code == INTERRUPTED:
        print(summary(progress, flags.output, seconds, code == INTERRUPTED), file=sys.stderr)
    return code or (SOME_NOT_JUDGED if progress.unfinished else ALL_JUDGED)


async def _with_signals(run: Run) -> None:
    """Carries the run out; SIGINT and SIGTERM end it between two lines of the output."""
    task = asyncio.ensure_future(run.carry_out())
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, task.cancel)
    try:
        await task
    except BaseExceptionGroup as group:
        raise _first(group) from None
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


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
    """What a run would ask, in its first round; a row that is no case is named."""
    if isinstance(judging, RemoteSitting):
        raise InvalidRequest("--dry-run needs the judge here: give --judge-url or --offline instead of --server")
    cases = calls = characters = bad = 0
    first = None
    for row in rows:
        try:
            prompts = judging.first_round(case_of_row(row, task, fields))
        except InvalidCase as e:
            bad += 1
            print(f"{row.where}: {e.message}", file=sys.stderr)
            continue
        cases += 1
        calls += len(prompts)
        characters += sum(len(span.text) for p in prompts for span in (*p.system, *p.user))
        if first is None and prompts:
            first = prompts[0]
    print(f"{cases} cases, {bad} rows that are no case, {calls} judge calls in the first round")
    print(f"about {characters // 4:,} prompt tokens at 4 characters to the token")
    if first is not None:
        print(f"\nthe first prompt:\n\n{joined(first.system)}\n\n{joined(first.user)}")
    return SOME_NOT_JUDGED if bad else ALL_JUDGED


@contextmanager
def _ledger(flags: BatchFlags, judging: Sitting | RemoteSitting) -> Iterator[tuple[Any, Finished]]:
    """Where judgments go: a file that is resumed, or standard output."""
    if flags.output == STANDARD:
        yield _print_line, Finished()
        return
    if flags.source != STANDARD and Path(flags.output).resolve() == Path(flags.source).resolve():
        raise RunRefused(f"{flags.output}: the output would overwrite the input")
    ledger = Ledger(Path(flags.output))
    finished = ledger.open(flags.overwrite, flags.retry_failed)
    try:
        _check_same_run(finished, judging, flags.output)
        yield partial(_append, ledger, finished, flags.output), finished
    finally:
        ledger.close()


def _append(ledger: Ledger, finished: Finished, output: str, judgment: Judgment) -> None:
    """Adds a judgment; what run a service elsewhere makes is known only from its judgments."""
    first = finished.first
    if first is not None and judgment.run_digest not in ("", first["run_digest"]):
        raise _refused(first, judgment.provenance, output)
    ledger.append(record_of(judgment))


def _print_line(judgment: Judgment) -> None:
    try:
        sys.stdout.buffer.write(orjson.dumps(record_of(judgment), option=orjson.OPT_APPEND_NEWLINE))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as e:
        drop_standard_output()
        raise unwritable("standard output", e, "with -o FILE, which goes on where it ended") from None


def _check_same_run(finished: Finished, judging: Sitting | RemoteSitting, output: str) -> None:
    first = finished.first
    if first is None or isinstance(judging, RemoteSitting) or first["run_digest"] == judging.run_digest:
        return
    raise _refused(first, judging.provenance, output)


def _refused(first: Mapping[str, Any], now: Provenance | None, output: str) -> RunRefused:
    difference = _difference(first.get("provenance") or {}, orjson.loads(orjson.dumps(now)))
    return RunRefused(f"{output} was made by another run: {difference} (--overwrite starts it anew)")


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs between two runs, in words; an option that leaves no trace in the provenance is just an option."""
    differences = [
        f"{name} was {_short(before.get(name))}, is {_short(now[name])}"
        for name in ("protocol", "rubric", "method", "prompt", "seed", "orders", "card")
        if before.get(name) != now[name]
    ]
    was, is_ = ([(j["name"], j["model"], j["revision"]) for j in told.get("judges", ())] for told in (before, now))
    if was != is_:
        differences.append(f"judge was {_short(was)}, is {_short(is_)}")
    return "; ".join(differences) or "another option differs"


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{value.get('id')}@{value.get('version')} {str(value.get('digest'))[7:15]}"
    return ", ".join(" ".join(map(str, part)) for part in value) if isinstance(value, list) else str(value)
