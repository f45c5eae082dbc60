"""import: judgments that were made elsewhere become stored judgments."""

from __future__ import annotations

import sys
from typing import Annotated

import orjson
import typer

from judge_service.batch.imported import Importing, texts_in
from judge_service.cli.flags import Config
from judge_service.domain.records import record_of
from judge_service.errors import InvalidOption
from judge_service.files.packing import check_writable, write_lines
from judge_service.files.sources import inputs_of
from judge_service.imports import SOURCES
from judge_service.library import open_library
from judge_service.settings import read_settings

NOT_JUDGED = 3


def import_(
    sources: Annotated[list[str], typer.Argument(metavar="IN…", help="Their files, or patterns.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="OUT", help="Where they go; - for standard output.")],
    source: Annotated[str, typer.Option("--from", metavar="NAME", help=f"One of {', '.join(SOURCES)}.")],
    cases: Annotated[
        str, typer.Option(metavar="FILE", help="The questions, where judgments stand without: question.jsonl.")
    ] = "",
    answers: Annotated[
        list[str], typer.Option(metavar="FILE", help="Likewise the models' answers: model_answer/*.jsonl. Repeatable.")
    ] = [],  # noqa: B006
    judge: Annotated[str, typer.Option(metavar="NAME", help="Who judged, if the files do not say.")] = "",
    baseline: Annotated[
        str, typer.Option(metavar="MODEL", help="Of arena-hard: the baseline, where the files do not name it.")
    ] = "",
    config: Config = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No summary.")] = False,
) -> None:
    """Take judgments or ratings made elsewhere, so that aggregate, export, status, sample and diff work on them."""
    if source not in SOURCES:
        raise InvalidOption(f"--from is one of {', '.join(SOURCES)}; got {source!r}", "from")
    own = SOURCES[source]
    if own.has_texts and (cases or answers):
        raise InvalidOption(f"{source} holds its texts itself: it takes neither --cases nor --answers", "cases")
    if baseline and source != "arena-hard":
        raise InvalidOption("--baseline goes with --from arena-hard", "baseline")
    check_writable(output, inputs_of([*sources, *answers, *([cases] if cases else [])]))
    library = open_library(read_settings(file=config).rubrics)
    importing = Importing(source, own, texts_in(cases, answers, baseline), library, judge)
    judgments = importing.judgments(sources)
    write_lines(output, (orjson.dumps(record_of(one), option=orjson.OPT_APPEND_NEWLINE) for one in judgments))
    if not quiet:
        print(_summary(importing), file=sys.stderr)
    if importing.statuses.keys() - {"judged"}:
        raise typer.Exit(NOT_JUDGED)


def _summary(importing: Importing) -> str:
    counts = ", ".join(f"{count} {status}" for status, count in importing.statuses.most_common())
    parts = [f"{importing.statuses.total()} judgments ({importing.name}): {counts or 'none'}"]
    if importing.unread:
        parts.append(f"{importing.unread} rows cannot be read, the first: {importing.first_unread}")
    if importing.without_texts:
        parts.append(f"{importing.without_texts} without texts (--cases and --answers bring them along)")
    return "; ".join(parts)
