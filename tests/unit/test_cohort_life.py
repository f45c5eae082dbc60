"""Cohorts as they are kept: who sits where, who ranks whom, and that everybody is answered once."""

import asyncio
import itertools
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, precondition, rule
from simulated_time import simulated

from judge_service.backends.seats import Kept, MemorySeats
from judge_service.cohorts.gathering import Ending, Gathering, Limits, TooManyCohorts
from judge_service.cohorts.records import packed, table_in
from judge_service.cohorts.shapes import Arrival, Cohort, Doubt, Place, Seat, Table, Terms, Told
from judge_service.cohorts.table import claimed, is_due, left, mark_of, released, seated, served, settled
from judge_service.cohorts.watched import Member, Ranked
from judge_service.errors import StoreDown

TERMS = Terms(group=3, wait=10.0)


def sat(table: Table, text: str, ticket: str, now: float = 0.0, server: str = "s", **beats: float | None) -> Any:
    return seated(table, Arrival(text, ticket, server, now), TERMS, now, beats)


def filled(*texts: str, server: str = "s") -> Table:
    """A table at which these have sat down."""
    table = Table()
    for i, text in enumerate(texts):
        table, _ = sat(table, text, f"t{i}", server=server)
    return table


def ranked(table: Table, now: float, scores: Sequence[float] | None = None, number: int = 1) -> Table:
    """The table once a cohort has been ranked, or could not be."""
    held = claimed(table, number, "s", TERMS, now, {})
    assert held is not None
    cohort = held.cohort(number)
    assert cohort is not None
    assert cohort.claim is not None
    mark, members = mark_of(cohort, TERMS), cohort.claim.members
    failed = Told(None, mark, members, ("judge_error", "planted"))
    told = [failed] * members if scores is None else [Told(score, mark, members) for score in scores]
    after = settled(held, number, cohort.claim.turn, told, now)
    assert after is not None
    return after


def told_of(table: Table, place: Place) -> Told | None:
    cohort = table.cohort(place.cohort)
    assert cohort is not None
    return cohort.seats[place.seat].told


def test_the_group_is_full_at_its_size_and_the_next_opens_another() -> None:
    table, place = sat(filled("a", "b", "c"), "d", "t3")
    assert place == Place(2, 0)
    first, second = table.cohorts
    assert is_due(first, TERMS, 0.0)
    assert not is_due(second, TERMS, 9.9)
    assert is_due(second, TERMS, 10.0)


def test_two_live_callers_with_the_same_text_are_two_members() -> None:
    table = filled("a", "a")
    assert [len(cohort.seats) for cohort in table.cohorts] == [2]


def test_a_twin_that_hung_up_gives_its_seat_and_what_was_told_there() -> None:
    table, place = sat(left(filled("a", "b"), ["t0"]), "a", "again")
    assert place == Place(1, 0)
    table = ranked(left(filled("a", "b", "c"), ["t0"]), 1.0, [0.1, 0.5, 0.9])
    table, place = sat(table, "a", "again", now=2.0)
    told = told_of(table, place)
    assert told is not None
    assert told.score == 0.1


def test_a_twin_that_was_answered_keeps_its_seat() -> None:
    table = served(ranked(filled("a", "b", "c"), 1.0, [0.1, 0.5, 0.9]), ["t0"])
    _, place = sat(left(table, ["t0"]), "a", "again", now=2.0)
    assert place == Place(2, 0)


def test_whether_a_twins_server_lives_has_to_be_known() -> None:
    table = filled("a", server="other")
    assert sat(table, "a", "again", now=5.0) == Doubt(frozenset({"other"}))
    assert sat(table, "a", "again", now=5.0, other=4.9) == Doubt(frozenset({"other"}))
    assert sat(table, "a", "again", now=5.0, other=5.1)[1] == Place(1, 1), "it lives: another member"
    assert sat(table, "a", "again", now=5.0, other=None)[1] == Place(1, 0), "it has died: the same member"


def test_a_write_whose_reply_was_lost_is_not_made_twice() -> None:
    table = filled("a")
    assert sat(table, "a", "t0", now=1.0)[1] == Place(1, 0)


def test_one_cohort_is_in_one_servers_hands() -> None:
    table = claimed(filled("a", "b", "c"), 1, "one", TERMS, 0.0, {})
    assert table is not None
    assert claimed(table, 1, "two", TERMS, 0.0, {"one": 0.0}) is None
    taken = claimed(table, 1, "two", TERMS, 9.0, {"one": None})
    assert taken is not None
    told = [Told(0.5, "complete", 3)] * 3
    assert settled(taken, 1, 1, told, 9.0) is None, "who was thought dead comes too late"
    assert settled(taken, 1, 2, told, 9.0) is not None


def test_who_comes_within_another_wait_is_late_and_who_comes_after_that_is_not() -> None:
    table = ranked(filled("a", "b"), 10.0, [0.2, 0.8])
    table, place = sat(table, "c", "t2", now=19.0)
    cohort = table.cohort(1)
    assert cohort is not None
    assert place == Place(1, 2)
    assert is_due(cohort, TERMS, 19.0)
    after = ranked(table, 19.0, [0.0, 0.5, 1.0])
    marks = [seat.told and (seat.told.score, seat.told.mark) for seat in after.cohorts[0].seats]
    assert marks == [(0.2, "partial"), (0.8, "partial"), (1.0, "late")], "who was told something keeps it"
    assert sat(ranked(filled("a", "b"), 10.0, [0.2, 0.8]), "c", "t2", now=20.1)[1] == Place(2, 0)


def test_a_cohort_without_a_ranking_is_closed_and_its_members_gather_anew() -> None:
    table = ranked(filled("a", "b", "c"), 0.0)
    assert [sat(table, text, "again", now=1.0)[1] for text in "abc"] == [Place(2, 0)] * 3


def test_a_late_member_whose_ranking_failed_sits_down_there_again() -> None:
    table, _ = sat(ranked(filled("a", "b"), 10.0, [0.2, 0.8]), "c", "t2", now=11.0)
    table, place = sat(ranked(table, 11.0), "c", "again", now=12.0)
    assert place == Place(1, 2)
    assert told_of(table, place) is None
    assert told_of(ranked(table, 12.0, [0.0, 0.5, 1.0]), place) == Told(1.0, "late", 3)


def test_one_that_was_alone_and_is_not_any_more_is_not_told_so() -> None:
    held = claimed(filled("a"), 1, "s", TERMS, 10.0, {})
    assert held is not None
    table, _ = sat(held, "b", "t1", now=10.0)
    after = settled(table, 1, 1, [Told(None, "partial", 1, ("alone", ""))], 10.0)
    assert after is not None
    assert is_due(after.cohorts[0], TERMS, 10.0)
    assert not after.cohorts[0].closed


def test_a_claim_that_is_given_up_is_anothers() -> None:
    table = claimed(filled("a", "b", "c"), 1, "one", TERMS, 0.0, {})
    assert table is not None
    assert claimed(released(table, 1, 1), 1, "two", TERMS, 0.0, {}) is not None
    assert released(table, 1, 7) == table


def test_cohorts_that_nobody_comes_back_to_are_forgotten() -> None:
    table = ranked(filled("a", "b", "c"), 1.0, [0.1, 0.5, 0.9])
    assert len(sat(table, "d", "x", now=70.0)[0].cohorts) == 2
    assert len(sat(table, "d", "x", now=72.0)[0].cohorts) == 1


@given(st.data())
def test_a_table_comes_back_from_its_bytes(data: st.DataObject) -> None:
    tolds = st.builds(Told, st.none() | st.floats(0, 1), st.sampled_from(["complete", "late"]), st.integers(1, 9))
    failed = st.builds(Told, st.none(), st.just("partial"), st.just(2), st.just(("timeout", "late")))
    seats = st.builds(Seat, st.text(), st.text(), st.text(), st.none() | tolds | failed, st.booleans())
    cohorts = st.builds(Cohort, st.integers(0, 99), st.floats(0, 1e9), st.lists(seats).map(tuple))
    table = Table(tuple(data.draw(st.lists(cohorts))), data.draw(st.integers(0, 99)))
    assert table_in(packed(table)) == table
    assert table_in(None) == Table()


class Cohorts(RuleBasedStateMachine):
    """Callers come, hang up, come again and are ranked, at two servers of which one may die, in any order."""

    waiting = Bundle("waiting")
    gone = Bundle("gone")

    def __init__(self) -> None:
        super().__init__()
        self.table = Table()
        self.now = 0.0
        self.dead: set[str] = set()
        self.tickets = itertools.count()
        self.places: dict[str, Place] = {}
        self.texts: dict[str, str] = {}
        self.servers: dict[str, str] = {}
        self.scores: dict[Place, Told] = {}

    @property
    def beats(self) -> Mapping[str, float | None]:
        return {server: None if server in self.dead else self.now for server in ("one", "two", "three")}

    def come(self, text: str, server: str) -> str:
        ticket = str(next(self.tickets))
        outcome = seated(self.table, Arrival(text, ticket, server, self.now), TERMS, self.now, self.beats)
        assert not isinstance(outcome, Doubt), "all that has to be known is known"
        self.table, self.places[ticket] = outcome
        self.texts[ticket], self.servers[ticket] = text, server
        return ticket

    @rule(target=waiting, text=st.sampled_from("abcd"), server=st.sampled_from(["one", "two", "three"]))
    def arrive(self, text: str, server: str) -> Any:
        return multiple() if server in self.dead else self.come(text, server)

    @rule(target=gone, ticket=consumes(waiting))
    def hang_up(self, ticket: str) -> str:
        if self.servers[ticket] not in self.dead:
            self.table = left(self.table, [ticket])
        return ticket

    @rule(target=waiting, ticket=consumes(gone))
    def come_again(self, ticket: str) -> str:
        """Who said what nobody else ever said sits down where it sat, for as long as that cohort is remembered."""
        was = self.places[ticket]
        cohort = self.table.cohort(was.cohort)
        again = self.come(self.texts[ticket], "three")
        alike = [t for t, text in self.texts.items() if text == self.texts[ticket]]
        if cohort is not None and not cohort.closed and self.table.cohort(was.cohort) is not None and len(alike) == 2:
            assert self.places[again] == was
        return again

    @rule(seconds=st.sampled_from([0.1, 5.0, 10.0, 100.0]))
    def time_goes_by(self, seconds: float) -> None:
        self.now += seconds

    @rule(server=st.sampled_from(["one", "two"]))
    def server_dies(self, server: str) -> None:
        self.dead.add(server)

    @rule(server=st.sampled_from(["one", "two", "three"]), number=st.integers(1, 6))
    def claim(self, server: str, number: int) -> None:
        before = self.table.cohort(number)
        table = None if server in self.dead else claimed(self.table, number, server, TERMS, self.now, self.beats)
        if table is not None:
            assert before is not None
            assert before.claim is None or before.claim.server in self.dead
            assert is_due(before, TERMS, self.now)
            self.table = table

    @rule(number=st.integers(1, 6), works=st.booleans(), stale=st.booleans())
    def settle(self, number: int, works: bool, stale: bool) -> None:
        cohort = self.table.cohort(number)
        if cohort is None or cohort.claim is None:
            return
        members = cohort.claim.members
        failure = None if works and members > 1 else ("judge_error", "planted")
        told = [Told(None if failure else 0.5, mark_of(cohort, TERMS), members, failure)] * members
        after = settled(self.table, number, cohort.claim.turn - stale, told, self.now)
        assert (after is None) == stale
        self.table = after or self.table

    @precondition(lambda self: self.table.cohorts)
    @rule()
    def everybody_who_waits_is_told_in_the_end(self) -> None:
        table, now = self.table, self.now + 1000.0
        for cohort in table.cohorts:
            for _ in range(3):
                held = claimed(table, cohort.number, "three", TERMS, now, {"one": None, "two": None, "three": None})
                if held is None:
                    break
                claim = next(c.claim for c in held.cohorts if c.number == cohort.number)
                assert claim is not None
                told = [Told(0.5, "partial", claim.members)] * claim.members
                table = settled(held, cohort.number, claim.turn, told, now) or held
        assert all(seat.told for cohort in table.cohorts for seat in cohort.seats)

    @invariant()
    def no_cohort_is_larger_than_its_group_and_nobody_sits_twice(self) -> None:
        tickets = [seat.ticket for cohort in self.table.cohorts for seat in cohort.seats]
        assert all(len(cohort.seats) <= TERMS.group for cohort in self.table.cohorts)
        assert len(tickets) == len(set(tickets))

    @invariant()
    def who_has_a_score_keeps_it(self) -> None:
        for cohort in self.table.cohorts:
            for i, seat in enumerate(cohort.seats):
                place = Place(cohort.number, i)
                if seat.told is not None and seat.told.score is not None:
                    assert self.scores.setdefault(place, seat.told) == seat.told


TestCohorts = Cohorts.TestCase


class Hall:
    """Servers on one store, in simulated time; a member's score is the share of the others that it is greater than."""

    def __init__(self, servers: int = 2, seconds: float = 1.0, limits: Limits | None = None) -> None:
        self.seats = MemorySeats()
        self.servers = [Gathering(self.seats, limits or Limits()) for _ in range(servers)]
        self.rankings: list[tuple[str, tuple[str, ...]]] = []
        self.seconds = seconds
        self.counted: list[tuple[str, int]] = []
        for server in self.servers:
            server.tally = self

    def cohort(self, end: str, late: int) -> None:
        self.counted.append((end, late))

    def waited(self, seconds: float) -> None:
        assert seconds >= 0.0

    async def told(self, server: int, text: str, key: str = "k", terms: Terms = TERMS, timeout: float = 30.0) -> Told:
        async def rank(texts: Sequence[bytes], seconds: float) -> Ranked:
            assert seconds > 0
            said = [text.decode() for text in texts]
            await asyncio.sleep(self.seconds)
            self.rankings.append((key, tuple(said)))
            return Ranked([sum(a > b for b in said) / (len(said) - 1) for a in said])

        deadline = asyncio.get_running_loop().time() + timeout
        return await self.servers[server].told(Member(key, text.encode(), text, terms, timeout, deadline), rank)


async def later(seconds: float, work: Coroutine[Any, Any, Any]) -> Any:
    await asyncio.sleep(seconds)
    return await work


def test_a_full_group_waits_for_nothing() -> None:
    async def run() -> None:
        hall = Hall()
        told = await asyncio.gather(*(hall.told(i % 2, text) for i, text in enumerate("bca")))
        assert [each.score for each in told] == [0.5, 1.0, 0.0]
        assert {(each.mark, each.size) for each in told} == {("complete", 3)}
        assert asyncio.get_running_loop().time() < 2.0
        assert hall.counted == [("complete", 0)]

    simulated(run())


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 40), st.sampled_from("kl"), st.sampled_from("abcdef"), st.integers(0, 1)), max_size=30
    ),
    st.sampled_from([0.0, 0.3, 4.0]),
)
def test_everybody_is_answered_once_and_in_time(callers: list[tuple[float, str, str, int]], seconds: float) -> None:
    async def run() -> None:
        hall = Hall(seconds=seconds)
        asking = [later(at, hall.told(server, text, key)) for at, key, text, server in callers]
        told: list[Told] = await asyncio.gather(*asking)
        for (_, _, text, _), each in zip(callers, told, strict=True):
            if each.score is None:
                assert each.failure is not None
                assert (each.failure[0], each.size) == ("alone", 1)
            else:
                assert 2 <= each.size <= TERMS.group
                assert (each.mark == "complete") <= (each.size == TERMS.group)
                assert text
        for key, members in hall.rankings:
            assert set(members) <= {text for _, of, text, _ in callers if of == key}, "keys never mix"
        answered = sum(each.score is not None for each in told)
        first = sum(len(members) for _, members in hall.rankings)
        assert answered <= first

    simulated(run())


def test_one_that_hangs_up_is_ranked_and_its_next_try_is_told_at_once() -> None:
    async def run() -> None:
        hall = Hall()
        gone = asyncio.create_task(hall.told(0, "a"))
        await asyncio.sleep(1.0)
        gone.cancel()
        await asyncio.sleep(1.0)
        told = await asyncio.gather(hall.told(1, "b"), hall.told(0, "c"))
        again = await hall.told(1, "a")
        assert [each.score for each in (*told, again)] == [0.5, 1.0, 0.0]
        assert len(hall.rankings) == 1

    simulated(run())


def test_a_caller_without_time_is_told_so_and_the_others_go_on() -> None:
    async def run() -> None:
        hall = Hall(seconds=5.0)
        terms = replace(TERMS, wait=1.0)
        told = await asyncio.gather(
            hall.told(0, "a", terms=terms, timeout=3.0), hall.told(1, "b", terms=terms), return_exceptions=True
        )
        assert isinstance(told[0], TimeoutError)
        assert isinstance(told[1], Told)
        assert told[1].score == 1.0

    simulated(run())


def test_a_server_that_ends_sends_away_who_is_not_being_ranked() -> None:
    async def run() -> None:
        hall = Hall(servers=1, seconds=5.0)
        ranking = [asyncio.create_task(hall.told(0, text)) for text in "abc"]
        alone = asyncio.create_task(hall.told(0, "d"))
        await asyncio.sleep(1.0)
        hall.servers[0].end()
        with pytest.raises(Ending):
            await alone
        with pytest.raises(Ending):
            await hall.told(0, "e")
        assert [told.score for told in await asyncio.gather(*ranking)] == [0.0, 0.5, 1.0]

    simulated(run())


def test_so_many_prompts_are_waited_for_and_no_more() -> None:
    async def run() -> None:
        hall = Hall(servers=1, limits=Limits(most_open=1))
        first = asyncio.create_task(hall.told(0, "a"))
        await asyncio.sleep(0.1)
        with pytest.raises(TooManyCohorts):
            await hall.told(0, "a", key="l")
        assert hall.servers[0].open == 1
        assert (await asyncio.gather(first, hall.told(0, "b")))[0].score == 0.0
        assert hall.servers[0].open == 0

    simulated(run())


def test_a_ranking_that_breaks_is_tried_again_and_nobody_hangs() -> None:
    async def run() -> None:
        hall = Hall(servers=1)
        tried = itertools.count()

        async def rank(texts: Sequence[bytes], seconds: float) -> Ranked:
            if next(tried) == 0:
                raise RuntimeError("planted")
            return Ranked([0.5] * len(texts))

        deadline = asyncio.get_running_loop().time() + 30.0
        members = [Member("k", text.encode(), text, TERMS, 30.0, deadline) for text in "abc"]
        told = await asyncio.gather(*(hall.servers[0].told(member, rank) for member in members))
        assert [each.score for each in told] == [0.5] * 3

    simulated(run())


def test_who_hung_up_while_the_store_failed_has_a_seat_to_come_back_to() -> None:
    class Failing(MemorySeats):
        fails = False

        async def look(self, name: str) -> Kept:
            if self.fails:
                raise StoreDown("planted")
            return await super().look(name)

    async def run() -> None:
        seats = Failing()
        hall = Hall()
        hall.servers = [Gathering(seats, Limits()) for _ in range(2)]
        gone = asyncio.create_task(hall.told(0, "a"))
        await asyncio.sleep(1.0)
        seats.fails = True
        gone.cancel()
        await asyncio.sleep(2.0)
        seats.fails = False
        await asyncio.sleep(1.0)
        told = await asyncio.gather(hall.told(1, "a"), hall.told(1, "b"), hall.told(0, "c"))
        assert [(each.score, each.size) for each in told] == [(0.0, 3), (0.5, 3), (1.0, 3)]

    simulated(run())


def test_a_store_that_is_gone_is_told_and_not_waited_for_without_end() -> None:
    class Gone(MemorySeats):
        async def beat(self, server: str, seconds: float) -> None:
            raise StoreDown("planted")

    async def run() -> None:
        hall = Hall(servers=0)
        hall.servers = [Gathering(Gone(), Limits())]
        with pytest.raises(StoreDown):
            await hall.told(0, "a")

    simulated(run())
