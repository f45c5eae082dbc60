"""parse: judge texts from anywhere become verdicts, by one of the readings."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import orjson
import typer

from judge_service.domain.answers import Answer, GroupScores, PairAnswer, RankAnswer
from judge_service.errors import UnknownName
from judge_service.files.disk import STANDARD
from judge_service.files.reading import Row, rows_of
from judge_service.protocols.readings import READINGS, Unreadable, default_space, read


def parse(
    source: Annotated[str, typer.Argument(metavar="IN", help="Rows with raw_output; - is standard input.")] = STANDARD,
    reading: Annotated[str, typer.Option(help="The reading, such as arena-hard.")] = "json",
) -> None:
    """Read verdicts out of judges' texts: one JSON line a row, in input order; null where a text cannot be read."""
    if reading not in READINGS:
        raise UnknownName(f"there is no reading '{reading}'; there are {', '.join(READINGS)}", "reading")
    for row in rows_of(source):
        sys.stdout.buffer.write(orjson.dumps(_parsed(row, reading), option=orjson.OPT_APPEND_NEWLINE))


def _parsed(row: Row, reading: str) -> dict[str, Any]:
    text = row.value.get("raw_output") if isinstance(row.value, Mapping) else row.value
    if not isinstance(text, str):
        return _verdict(None, f"{row.where}: {row.error or 'raw_output is missing or no string'}")
    quoted = [
        row.value[name] for name in ("prompt", "question") if isinstance(row.value, Mapping) and row.value.get(name)
    ]
    try:
        return _verdict(read(text, default_space(reading), [q for q in quoted if isinstance(q, str)]))
    except Unreadable as e:
        return _verdict(None, str(e))


def _verdict(answer: Answer | None, why: str | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {"verdict": None, "scores": None}
    if isinstance(answer, PairAnswer):
        told["verdict"] = (
            "first" if answer.first > answer.second else "second" if answer.second > answer.first else "tie"
        )
        told["scores"] = answer.scores
    elif isinstance(answer, RankAnswer):
        told["ranking"] = answer.tiers
    elif isinstance(answer, GroupScores):
        told["scores"] = answer.scores
    elif answer is not None:
        told["scores"] = list(answer.scores.values())
    if why is not None:
        told["failure"] = why
    return told
