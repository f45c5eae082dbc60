"""Where a batch's judgments go, and whether what stands there is of the same run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from judge_service.batch.ledger import Finished, Ledger
from judge_service.batch.ordering import Order, Queue
from judge_service.cli.printing import drop_standard_output
from judge_service.domain.judgments import Judgment, Provenance
from judge_service.domain.records import record_of
from judge_service.errors import RunRefused
from judge_service.files.disk import STANDARD, unwritable
from judge_service.remote import RemoteSitting
from judge_service.sitting import Sitting


def order_of(is_ordered: bool, output: str) -> Order | Queue | None:
    """What keeps the order of the rows: a file is put in order at the end, and standard output as judgments come."""
    if not is_ordered:
        return None
    return Queue(_print_line) if output == STANDARD else Order()


@contextmanager
def opened_output(
    output: str, overwrite: bool, retry_failed: bool, judging: Sitting | RemoteSitting, order: Order | Queue | None
) -> Iterator[tuple[Callable[[Judgment], None], Finished]]:
    """What keeps each judgment, a file that is gone on with or standard output, and what it holds already.

    Raises:
        RunRefused: the output is another run's, is being written, or cannot be written.
    """
    if output == STANDARD:
        try:
            yield order.put if isinstance(order, Queue) else _print_line, Finished()
        finally:
            if isinstance(order, Queue):
                order.give_up()
        return
    ledger = Ledger(Path(output))
    finished = ledger.open(overwrite, retry_failed)
    try:
        _check_same_run(finished, judging, output)
        yield partial(_append, ledger, finished, output), finished
        if isinstance(order, Order) and order.is_whole:
            ledger.put_in_order(order)
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
