"""merge: the outputs of several shards as one file."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from judge_service.batch.merging import Merging
from judge_service.batch.outputs import Reading, outputs_of
from judge_service.files.packing import check_writable, write_lines


def merge(
    sources: Annotated[list[str], typer.Argument(metavar="IN…", help="Outputs, patterns or folders.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="OUT", help="Where they go; - for standard output.")],
    allow_mixed: Annotated[
        bool, typer.Option(help="Take several judges, epochs, rubrics and methods together, and count them.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No summary.")] = False,
) -> None:
    """Bring shards together: one row to each case; rows that say the same of it collapse, others stop it."""
    files = outputs_of(sources)
    check_writable(output, files)
    # A torn line is no row yet: what is merged is finished, or the run that left it behind is gone on with first.
    merging = Merging(Reading(files, allow_mixed, tolerant=False))
    write_lines(output, merging.lines())
    if not quiet:
        print(_summary(merging), file=sys.stderr)


def _summary(merging: Merging) -> str:
    counts = ", ".join(f"{count:,} {status}" for status, count in sorted(merging.statuses.items()))
    files = len(merging.reading.files)
    lines = [f"{merging.rows:,} cases from {files:,} {'file' if files == 1 else 'files'}: {counts or 'none'}"]
    return "\n".join([*lines, *merging.told()])
