"""Allowances: never more than there is, debts are paid, and no clock and no order of events makes more of them."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.backends.books import MemoryBook
from judge_service.backends.buckets import (
    EMPTY,
    SECONDS,
    Level,
    Limit,
    changed,
    charge,
    has_room,
    later,
    left,
    seconds_until,
    seconds_until_whole,
    settle,
)

DAY = 86_400.0
NOON = 20_000 * DAY + DAY / 2
MOST = st.floats(1, 1e6)
SPANS = st.sampled_from(["minute", "day"])
LIMITS = st.builds(Limit, st.just("requests"), SPANS, MOST)
LEVELS = st.builds(Level, st.floats(0, 1e7), st.floats(NOON - 10 * DAY, NOON))


@given(SPANS, st.integers(1, 50), st.lists(st.tuples(st.floats(0, 40_000), st.integers(1, 5)), max_size=120))
def test_in_no_stretch_of_time_is_there_more_than_one_allowance_saved_and_what_has_come_in(span, most, steps) -> None:
    limit, level, now, allowed = Limit("requests", span, most), EMPTY, NOON, []
    for pause, wanted in steps:
        now += pause / (1000 if span == "minute" else 1)
        cost = min(wanted, most)
        charged = charge([limit], [level], [cost], now)
        (level,) = charged.levels
        allowed += [] if charged.refused else [(now, cost)]
    for start, _ in allowed:
        within = sum(cost for at, cost in allowed if start <= at < start + SECONDS[span])
        assert within <= 2 * most + 1e-6
    total = sum(cost for _, cost in allowed)
    periods = (now - NOON) / 60 if span == "minute" else now // DAY - NOON // DAY
    assert total <= most * (1 + periods) + 1e-6


@given(st.integers(1, 50), st.lists(st.tuples(st.floats(0, 4000), st.integers(1, 5)), max_size=100))
def test_within_a_day_there_is_never_more_than_the_days_allowance(most, steps) -> None:
    limit, level, now = Limit("tokens", "day", most), EMPTY, NOON
    by_day: dict[float, float] = {}
    for pause, wanted in steps:
        now += pause
        cost = min(wanted, most)
        charged = charge([limit], [level], [cost], now)
        (level,) = charged.levels
        if not charged.refused:
            by_day[now // DAY] = by_day.get(now // DAY, 0) + cost
    assert all(used <= most for used in by_day.values())


@given(LIMITS, LEVELS, st.floats(-5 * DAY, 5 * DAY), st.floats(0, 5 * DAY))
def test_what_is_used_is_forgotten_with_time_and_comes_back_with_no_clock(limit, level, pause, more) -> None:
    then = later(limit, level, level.at + pause)
    assert 0.0 <= then.used <= level.used
    assert then.at >= level.at
    assert later(limit, level, level.at + pause + more).used <= then.used * (1 + 1e-9) + 1e-9
    again = later(limit, then, level.at - more)
    assert again == then, "a clock that goes back forgets nothing, and gains nothing when it goes on again"


@given(LIMITS, LEVELS, st.floats(0, 5 * DAY), st.floats(0, 5 * DAY))
def test_it_does_not_matter_how_often_one_looks(limit, level, first, second) -> None:
    at_once = later(limit, level, level.at + first + second)
    in_two = later(limit, later(limit, level, level.at + first), level.at + first + second)
    assert at_once.used == pytest.approx(in_two.used, abs=1e-3)


@given(LIMITS, LEVELS, st.floats(0, 1e6))
def test_there_is_room_when_it_was_said_that_there_would_be_and_not_before(limit, level, cost) -> None:
    seconds = seconds_until(limit, level, cost)
    assert has_room(limit, later(limit, level, level.at + seconds * (1 + 1e-6) + 1e-3), cost)
    if seconds > 1.0:
        assert not has_room(limit, later(limit, level, level.at + seconds * 0.999 - 0.5), cost)


@given(LIMITS, LEVELS)
def test_all_of_it_is_there_when_it_was_said_that_it_would_be(limit, level) -> None:
    seconds = seconds_until_whole(limit, level)
    whole = later(limit, level, level.at + seconds * (1 + 1e-6) + 1e-3)
    assert left(limit, whole) == pytest.approx(limit.most)


def test_a_debt_is_paid_before_anything_more_is_allowed() -> None:
    minute = Limit("judge_calls", "minute", 60.0)
    debt = changed(Level(0.0, NOON), 180.0)
    assert not has_room(minute, debt, 0.0)
    assert seconds_until(minute, debt, 0.0) == pytest.approx(120.0)
    day = Limit("judge_calls", "day", 60.0)
    assert seconds_until(day, debt, 0.0) == pytest.approx(DAY / 2 + 2 * DAY), "two whole days' allowances are gone"
    assert left(day, debt) == 0.0


def test_what_costs_more_than_there_ever_is_goes_through_when_nothing_is_used() -> None:
    limit = Limit("tokens", "minute", 10.0)
    charged = charge([limit], [EMPTY], [1000.0], NOON)
    assert not charged.refused
    again = charge([limit], charged.levels, [0.0], NOON)
    assert again.refused == (0,)


@given(st.lists(st.tuples(LIMITS, LEVELS, st.floats(0, 1e6)), min_size=1, max_size=6))
def test_all_are_charged_or_none(told) -> None:
    limits, levels, costs = (list(column) for column in zip(*told, strict=True))
    come = [later(limit, level, NOON) for limit, level in zip(limits, levels, strict=True)]
    charged = charge(limits, levels, costs, NOON)
    for place, (limit, before, after, cost) in enumerate(zip(limits, come, charged.levels, costs, strict=True)):
        assert (place in charged.refused) == (not has_room(limit, before, cost))
        assert after == (before if charged.refused else changed(before, cost))


@given(LIMITS, LEVELS, st.floats(0, 1e6), st.floats(0, 1e6))
def test_what_was_put_aside_and_not_used_is_given_back(limit, level, estimate, actual) -> None:
    (put_aside,) = settle([limit], [level], [estimate], level.at).levels
    (settled,) = settle([limit], [put_aside], [actual - estimate], level.at).levels
    assert settled.used == pytest.approx(level.used + actual, abs=1e-6)


async def test_a_book_in_memory_keeps_each_account_and_limit_apart() -> None:
    now = NOON
    book = MemoryBook(lambda: now)
    limits = [Limit("requests", "minute", 2), Limit("requests", "day", 3)]

    async def charged(account: str) -> Any:
        return (await book.charge(account, limits, [1, 1])).refused

    assert [await charged("a") for _ in range(3)] == [(), (), (0,)]
    assert await charged("b") == ()
    now += 30
    assert await charged("a") == ()
    assert await charged("a") == (0, 1)
    assert [level.used for level in (await book.look("a", limits)).levels] == [2.0, 3.0]
    book.settle("a", limits, [-2, -2])
    assert await charged("a") == ()
    await asyncio.gather(book.aclose())
