"""Who sits together: what becomes of the cohorts of one prompt as callers come, go and are answered. Pure.

A table holds the cohorts of one key: those of one run that wait for the same prompt under the same options. Every
function takes a table and gives another; whoever keeps tables (`backends.seats`) lets nothing come in between. Times
are those of the keeper's clock, in seconds.

A cohort gathers until it is full or its wait is over; then one server claims it and ranks it. Whoever comes within
another wait, while there are seats, is ranked together with those who were there. A cohort that nobody could be ranked
in is closed: who comes then, or comes again, sits down at the next.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from judge_service.cohorts.shapes import Arrival, Claim, Cohort, Doubt, Mark, Place, Seat, Table, Terms, Told

MOST_REMEMBERED: Final = 64
"""Cohorts that are through and are still remembered, for callers that come back; the oldest go first."""
READ_SECONDS: Final = 10.0
"""How long a cohort that is through stays at the least, so that every server reads what its callers are told."""
KEPT_SECONDS: Final = 60.0
"""How long the seats of a caller that hung up wait for its next try, once its cohort is through."""
FORSAKEN_SECONDS: Final = 600.0
"""How long a cohort is kept that nobody ranks: all the servers that its callers waited at have died."""
Beats = Mapping[str, float | None]
"""When servers last gave a sign of life; None for one that is dead. Those not in it are not known of."""


def seated(table: Table, who: Arrival, terms: Terms, now: float, beats: Beats) -> tuple[Table, Place] | Doubt:
    """Where a caller sits down: on the seat of its twin that hung up, else at the open cohort, else at a new one.

    A twin says the same and has no caller any more. While it is not known whether its server lives, that is a doubt.
    """
    table = _remembered(table, terms, now)
    taken = _own(table, who.ticket) or _twin(table, who, beats)
    if isinstance(taken, Doubt):
        return taken
    if taken is not None:
        return _with(table, taken, _taken_over(_seat(table, taken), who)), taken
    cohort = next((c for c in reversed(table.cohorts) if _is_open(c, terms, now)), None)
    if cohort is None:
        number = table.opened + 1
        cohort = Cohort(number, now)
        table = Table((*table.cohorts, cohort), number)
    place = Place(cohort.number, len(cohort.seats))
    return _replaced(table, replace(cohort, seats=(*cohort.seats, Seat(who.text, who.ticket, who.server)))), place


def _own(table: Table, ticket: str) -> Place | None:
    """The seat that was taken for this very request by a write whose reply was lost."""
    return next((place for place, seat in _seats(table) if seat.ticket == ticket), None)


def _twin(table: Table, who: Arrival, beats: Beats) -> Place | Doubt | None:
    """The seat of the same text whose caller is gone."""
    alike = [(place, seat) for place, seat in _seats(table) if seat.text == who.text and not seat.served]
    doubtful = set()
    for place, seat in alike:
        beat = who.came if seat.server == who.server else beats.get(seat.server, 0.0)
        if not seat.server or beat is None or (seat.told is not None and seat.told.failure):
            return place
        if beat < who.came:
            doubtful.add(seat.server)
    return Doubt(frozenset(doubtful)) if doubtful else None


def _seats(table: Table) -> list[tuple[Place, Seat]]:
    """All seats of the cohorts that are not closed."""
    return [(Place(c.number, i), seat) for c in table.cohorts if not c.closed for i, seat in enumerate(c.seats)]


def _taken_over(seat: Seat, who: Arrival) -> Seat:
    """The seat with another caller on it; a failure is no answer to come back to."""
    told = None if seat.told is not None and seat.told.failure else seat.told
    return replace(seat, ticket=who.ticket, server=who.server, told=told)


def _is_open(cohort: Cohort, terms: Terms, now: float) -> bool:
    """Whether there are seats: within the wait, or within another after it was ranked."""
    if cohort.closed or len(cohort.seats) >= terms.group:
        return False
    return now < (cohort.opened + 2 * terms.wait if cohort.ended is None else cohort.ended + terms.wait)


def left(table: Table, tickets: Collection[str]) -> Table:
    """These callers have hung up; their seats, and what was told there, wait for their next try."""
    for place, seat in _seats(table):
        if seat.ticket in tickets:
            table = _with(table, place, replace(seat, server=""))
    return table


def served(table: Table, tickets: Collection[str]) -> Table:
    """These callers have been answered."""
    for place, seat in _seats(table):
        if seat.ticket in tickets and seat.server and seat.told is not None:
            table = _with(table, place, replace(seat, served=True))
    return table


def is_due(cohort: Cohort, terms: Terms, now: float) -> bool:
    """Whether its members that have not been told anything are to be ranked now."""
    if cohort.closed or all(seat.told is not None for seat in cohort.seats):
        return False
    return cohort.ended is not None or len(cohort.seats) >= terms.group or now >= cohort.opened + terms.wait


def claimed(table: Table, number: int, server: str, terms: Terms, now: float, beats: Beats) -> Table | None:
    """The table with that cohort in this server's hands; None if there is nothing to do, or another does it.

    Args:
        beats: of the server that has it, if there is one.
    """
    cohort = table.cohort(number)
    if cohort is None or not is_due(cohort, terms, now):
        return None
    if cohort.claim is not None and beats.get(cohort.claim.server, 0.0) is not None:
        return None
    turn = cohort.turns + 1
    return _replaced(table, replace(cohort, claim=Claim(server, turn, len(cohort.seats), now), turns=turn))


def mark_of(cohort: Cohort, terms: Terms) -> Mark:
    """What those are told of their cohort whom the claim on it is to rank."""
    assert cohort.claim is not None
    if cohort.ended is not None:
        return "late"
    return "complete" if cohort.claim.members >= terms.group else "partial"


def settled(table: Table, number: int, turn: int, told: Sequence[Told], now: float) -> Table | None:
    """The table with what the members of a claim are told; None if the claim has been taken over.

    Who was told something keeps that. A first ranking without a score closes the cohort; but one that was alone when it
    was claimed, and is not any more, is not through.

    Args:
        told: one for each member, in the order of the seats.
    """
    cohort = table.cohort(number)
    if cohort is None or cohort.claim is None or cohort.claim.turn != turn:
        return None
    assert len(told) == cohort.claim.members
    seats = [replace(s, told=s.told or t) for s, t in zip(cohort.seats[: len(told)], told, strict=True)]
    is_first = cohort.ended is None
    if is_first and len(told) == 1 < len(cohort.seats):
        return _replaced(table, replace(cohort, claim=None))
    closed = is_first and all(each.failure for each in told)
    # Whoever sat down while those before were being ranked has nobody here any more.
    rest = [replace(s, told=s.told or told[0]) if closed else s for s in cohort.seats[len(told) :]]
    return _replaced(
        table,
        replace(cohort, seats=(*seats, *rest), claim=None, closed=closed, ended=now if is_first else cohort.ended),
    )


def released(table: Table, number: int, turn: int) -> Table:
    """The table with a claim given up."""
    cohort = table.cohort(number)
    if cohort is None or cohort.claim is None or cohort.claim.turn != turn:
        return table
    return _replaced(table, replace(cohort, claim=None))


def _remembered(table: Table, terms: Terms, now: float) -> Table:
    """Without the cohorts that nobody comes back to."""
    kept = [cohort for cohort in table.cohorts if not _is_over(cohort, terms, now)]
    through = [c for c in kept if c.claim is None and c.ended is not None and now > c.ended + READ_SECONDS]
    surplus = {cohort.number for cohort in through[: max(0, len(kept) - MOST_REMEMBERED)]}
    return replace(table, cohorts=tuple(cohort for cohort in kept if cohort.number not in surplus))


def _is_over(cohort: Cohort, terms: Terms, now: float) -> bool:
    if cohort.claim is not None:
        return False
    if cohort.ended is not None:
        return now > cohort.ended + terms.wait + KEPT_SECONDS and all(seat.told for seat in cohort.seats)
    is_left = not any(seat.server for seat in cohort.seats)
    return now > cohort.opened + 2 * terms.wait + (KEPT_SECONDS if is_left else FORSAKEN_SECONDS)


def _seat(table: Table, place: Place) -> Seat:
    cohort = table.cohort(place.cohort)
    assert cohort is not None
    return cohort.seats[place.seat]


def _with(table: Table, place: Place, seat: Seat) -> Table:
    cohort = table.cohort(place.cohort)
    assert cohort is not None
    seats = (*cohort.seats[: place.seat], seat, *cohort.seats[place.seat + 1 :])
    return _replaced(table, replace(cohort, seats=seats))


def _replaced(table: Table, cohort: Cohort) -> Table:
    return replace(table, cohorts=tuple(cohort if c.number == cohort.number else c for c in table.cohorts))
