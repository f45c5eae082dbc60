"""Tables as bytes, for whoever keeps them."""

from __future__ import annotations

from typing import Any

import orjson

from judge_service.cohorts.shapes import Claim, Cohort, Seat, Table, Told


def packed(table: Table) -> bytes:
    """A table as JSON."""
    return orjson.dumps(table)


def table_in(value: bytes | None) -> Table:
    """The table in what was kept; an empty one where nothing was."""
    if value is None:
        return Table()
    told = orjson.loads(value)
    return Table(tuple(_cohort(each) for each in told["cohorts"]), told["opened"])


def _cohort(told: dict[str, Any]) -> Cohort:
    claim = told["claim"]
    seats = tuple(_seat(each) for each in told["seats"])
    return Cohort(**{**told, "seats": seats, "claim": None if claim is None else Claim(**claim)})


def _seat(told: dict[str, Any]) -> Seat:
    said = told["told"]
    return Seat(**{**told, "told": None if said is None else _told(said)})


def _told(said: dict[str, Any]) -> Told:
    failure = said["failure"]
    return Told(**{**said, "failure": None if failure is None else tuple(failure)})
