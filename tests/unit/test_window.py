"""How many calls a server is sent at a time: the law alone, with told events and against servers in simulated time."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_server import Simulation

from judge_service.backends.window import Window

CEILING = 256


def a_second(drawn: Random) -> float:
    return 1.0


def mixed(drawn: Random) -> float:
    """Answers of very different length: the longest of a hundred takes some 16 times as long as the middle one."""
    return drawn.lognormvariate(0.0, 1.2)


def ten_seconds(drawn: Random) -> float:
    return 5.0 * mixed(drawn)


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("answered"), st.floats(0, 1e4), st.floats(-1, 1e4) | st.just(float("inf"))),
        st.tuples(st.just("refused"), st.none() | st.floats(0, 1e6), st.just(0.0)),
        st.tuples(st.just("queued"), st.integers(0, 1000), st.integers(0, 10_000)),
        st.tuples(st.just("blind"), st.just(0), st.just(0)),
    ),
    max_size=300,
)


def told(window: Window, events: list[tuple[str, float, float]], outs: Random) -> None:
    for now, (kind, one, other) in enumerate(events):
        out = outs.randint(1, window.limit)
        if kind == "answered":
            window.answered(one, other, out)
        elif kind == "refused":
            window.refused(now, one, out)
        elif kind == "queued":
            window.queued(int(one), int(other), out)
        else:
            window.blind()


@given(EVENTS, st.integers(1, 10_000), st.randoms(use_true_random=False))
def test_whatever_happens_the_limit_stays_between_one_and_the_ceiling(events, ceiling, outs):
    window = Window(ceiling)
    for event in events:
        told(window, [event], outs)
        assert 1 <= window.limit <= ceiling


@settings(max_examples=20)
@given(EVENTS, st.randoms(use_true_random=False))
def test_after_any_overload_quick_answers_bring_the_ceiling_back(events, outs):
    window = Window(CEILING)
    told(window, events, outs)
    window.blind()
    for _ in range(300):
        for _ in range(max(4, window.limit)):
            window.answered(0.1, 120.0, window.limit)
    assert window.limit == CEILING


@given(st.lists(st.floats(0, 50), max_size=500))
def test_answers_in_good_time_never_lower_the_limit(seconds):
    window = Window(CEILING)
    for taken in seconds:
        window.answered(taken, 120.0, CEILING)
    assert window.limit == CEILING


def test_one_round_trip_lowers_the_limit_once():
    window = Window(100)
    for left in range(100, 50, -1):
        window.refused(0.0, None, left)
    for left in range(50, 0, -1):
        window.answered(1.0, 120.0, left)
    lowered = window.limit
    assert lowered < 100
    for _ in range(lowered - 1):
        window.refused(1.0, None, lowered)
    assert window.limit == lowered


def test_a_server_that_takes_nothing_is_left_alone_for_as_long_as_it_asked():
    window = Window(8)
    window.refused(10.0, 30.0, 2)
    assert window.opens == 0.0
    window.refused(10.0, 30.0, 1)
    assert window.opens == 40.0
    window.refused(11.0, 5.0, 1)
    assert window.opens == 40.0
    window.refused(12.0, 1e9, 1)
    assert window.opens == 132.0


@pytest.mark.parametrize("seconds", [a_second, mixed])
@pytest.mark.parametrize("capacity", [1, 3, 8, 50, 200])
def test_a_server_that_refuses_beyond_its_capacity_is_kept_busy_and_seldom_refuses(
    capacity: int, seconds: Callable[[Random], float]
):
    server = Simulation(Window(CEILING), seconds, capacity, rejects=True).run(100)
    answered, refused, worked, seen = server.answered, server.refused, server.worked, len(server.limits)
    server.run(100)
    limits = server.limits[seen:]
    assert sum(limits) / len(limits) <= 1.15 * capacity + 1
    assert server.refused - refused <= 0.1 * (server.answered - answered) + 30
    assert server.worked - worked >= 0.93 * capacity * 100


@pytest.mark.parametrize("capacity", [1, 8, 50])
def test_what_would_wait_in_the_servers_queue_is_held_here_and_the_server_never_waits(capacity: int):
    server = Simulation(Window(CEILING), mixed, capacity, looks=2.0).run(300)
    assert capacity <= server.window.limit <= 1.25 * capacity + 2
    assert server.worked >= 0.99 * capacity * 300


def test_calls_that_would_be_late_in_a_queue_nobody_tells_of_are_held_here():
    server = Simulation(Window(CEILING), ten_seconds, 8, allowed=120.0).run(10_000)
    answered, late, worked = server.answered, server.late, server.worked
    server.run(10_000)
    assert server.late - late < 0.05 * (server.answered - answered)
    assert server.worked - worked > 0.99 * 8 * 10_000


def test_a_server_that_is_slow_whatever_it_is_sent_is_not_starved():
    slow = Simulation(Window(CEILING), lambda drawn: 70.0, allowed=120.0).run(10_000)
    assert slow.answered > 0.95 * CEILING * 10_000 / 70.0


@pytest.mark.parametrize(("noise", "least"), [(0.02, 0.9), (0.05, 0.9), (0.1, 0.9), (0.2, 0.5)])
def test_refusals_that_have_nothing_to_do_with_load_slow_little_down(noise: float, least: float):
    server = Simulation(Window(CEILING), mixed, noise=noise).run(200)
    assert sum(server.limits) / len(server.limits) > least * CEILING


def test_calls_that_never_end_slow_nothing_down():
    some = Simulation(Window(CEILING), lambda drawn: 1e9 if drawn.random() < 0.03 else 1.0, allowed=120.0)
    assert some.run(2000).window.limit == CEILING


@pytest.mark.parametrize(("rejects", "looks"), [(True, 0.0), (False, 2.0)])
def test_when_the_overload_ends_the_limit_comes_back(rejects: bool, looks: float):
    server = Simulation(Window(CEILING), a_second, 2, rejects, looks=looks).run(60)
    assert server.window.limit <= 5
    server.capacity = 0
    assert server.run(60).window.limit == CEILING


def test_a_server_that_gives_its_place_to_others_is_sent_less():
    mine = Window(100)
    mine.queued(50, 100, 50)
    assert mine.limit == 100
    mine.queued(50, 100, 50)
    assert mine.limit == 50 - int((100 - 12.5) / 3) - 1
