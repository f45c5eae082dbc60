"""Who is let in and who is turned away: by how fast the line moves and what a caller will wait, never for nothing."""

import math
import random
from collections.abc import Iterator
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.api.admission import Ahead, Bounds, Stays, patience, refusal
from judge_service.backends.flow import Flow

BOUNDS = Bounds(cases=100, seconds=60.0)
SECONDS = st.floats(0, 1e6)
COUNTS = st.integers(0, 10**6)
AHEAD = st.builds(Ahead, COUNTS, COUNTS, SECONDS, SECONDS)


class Shop:
    """Places that are held for some time each, and a line before them, told to a flow as they would tell it."""

    def __init__(self, places: int, stays: Iterator[float]) -> None:
        self.flow, self.now, self.waiting = Flow(), 0.0, 0
        self.places, self._stays = places, stays
        self._ends: list[tuple[float, int]] = []

    def _take(self) -> None:
        self._ends.append((self.now + next(self._stays), self.flow.took(self.now)))

    def come(self, many: int) -> None:
        for _ in range(many):
            if len(self._ends) < self.places:
                self._take()
            else:
                self.flow.waits(self.now)
                self.waiting += 1

    def run(self, until: float) -> None:
        while self._ends and min(self._ends)[0] <= until:
            self.now, number = min(self._ends)
            self._ends.remove((self.now, number))
            if self.waiting:
                self.waiting -= 1
                self._take()
            self.flow.freed(self.now, number, self.waiting)
        self.now = until

    @property
    def wait(self) -> float:
        return self.flow.wait(self.now, self.waiting)


@given(st.integers(1, 64), st.floats(0.01, 30), st.integers(2, 30), st.floats(1.0, 3.0))
def test_a_line_of_equal_stays_is_as_long_as_it_turns_out_to_be(places: int, stay: float, rounds: int, after: float):
    shop = Shop(places, repeat(stay))
    shop.come(places * (rounds + 4))
    shop.run((after + 1e-6) * stay)
    to_come = math.floor(after + 1e-6) + 1 - (after + 1e-6) + shop.waiting // places
    assert to_come * stay * 0.99 <= shop.wait <= (to_come + 1) * stay * 1.01


@pytest.mark.parametrize("places", [8, 32, 256])
@pytest.mark.parametrize("seed", range(5))
def test_a_line_of_stays_of_every_length_is_about_as_long_as_it_turns_out_to_be(places: int, seed: int) -> None:
    drawn = random.Random(seed)
    shop = Shop(places, iter(lambda: drawn.expovariate(1.0), None))
    shop.come(places * 30)
    shop.run(6.0)
    assert shop.wait == pytest.approx(shop.waiting / places, rel=0.5)


@given(st.integers(1, 64), st.floats(0.01, 30), st.integers(1, 10_000))
def test_a_burst_into_an_idle_server_has_no_wait_that_is_known(places: int, stay: float, burst: int) -> None:
    shop = Shop(places, repeat(stay))
    shop.come(places * 5)
    shop.run(100 * stay)
    assert shop.waiting == 0
    shop.come(burst)
    assert shop.wait == 0.0


def test_what_was_measured_before_a_while_without_a_line_is_forgotten() -> None:
    flow = Flow()
    flow.took(0.0)
    for k in range(10):
        flow.waits(float(k))
        number = flow.took(float(k))
        flow.freed(k + 1.0, number, 5)
    slow = flow.wait(10.0, 5)
    for k in range(400):
        number = flow.took(20 + k / 20)
        flow.freed(20 + k / 20 + 0.01, number, 0)
    flow.waits(41.0)
    assert (slow, flow.wait(41.0, 5)) == (pytest.approx(5.0, rel=0.3), pytest.approx(0.05, rel=0.3))


def test_a_line_that_stands_still_gets_longer_with_the_time() -> None:
    shop = Shop(2, chain(repeat(0.2, 20), repeat(1000.0)))
    shop.come(50)
    shop.run(2.0)
    waits = []
    for at in (2.0, 3.0, 6.0, 20.0):
        shop.run(at)
        waits.append(shop.wait)
    assert waits == sorted(waits)
    assert waits[0] == pytest.approx(2.8, rel=0.15)
    assert waits[-1] > 20


STEPS = st.lists(st.tuples(st.sampled_from(["waits", "took", "freed"]), st.floats(-100, 100), COUNTS), max_size=60)


@given(STEPS)
def test_whatever_it_is_told_and_even_if_time_goes_backwards_a_wait_is_a_time(steps) -> None:
    flow, now, held = Flow(), 0.0, []
    for what, later, waiting in steps:
        now += later
        if what == "waits":
            flow.waits(now)
        elif what == "took":
            held.append(flow.took(now))
        elif held:
            flow.freed(now, held.pop(waiting % len(held)), waiting)
        waits = [flow.wait(now, line) for line in (1, 2, waiting + 2)]
        assert waits == sorted(waits)
        assert all(0.0 <= wait < math.inf for wait in waits)
        assert flow.taken == len(held)
    assert flow.wait(now, 0) == 0.0


@given(SECONDS, SECONDS, COUNTS, SECONDS)
def test_nobody_is_turned_away_while_nothing_waits(wait: float, stay: float, cases: int, left: float) -> None:
    assert refusal(Ahead(0, 0, wait, stay), cases, left, Bounds(1, 0.001)) is None


@given(AHEAD, COUNTS, SECONDS)
def test_who_is_let_in_waits_within_the_bounds_and_within_the_time_there_is(ahead: Ahead, cases: int, left: float):
    refused = refusal(ahead, cases, left, BOUNDS)
    if refused is None and (ahead.cases or ahead.calls):
        assert ahead.wait <= BOUNDS.seconds
        assert not ahead.wait or ahead.wait + ahead.stay <= left
        assert not ahead.cases or ahead.cases + cases <= BOUNDS.cases
    if refused is not None:
        assert refusal(ahead, cases + 1, left / 2, BOUNDS), "who asks for more in less time is not let in instead"


@given(AHEAD, SECONDS)
def test_who_is_turned_away_for_time_is_told_when_the_line_will_be_short_enough(ahead: Ahead, left: float) -> None:
    refused = refusal(ahead, 0, left, BOUNDS)
    if refused is not None and ahead.cases <= BOUNDS.cases:
        later = Ahead(ahead.cases, ahead.calls, max(0.0, ahead.wait - refused.seconds * 1.001 - 1e-6), ahead.stay)
        again = refusal(later, 0, left, BOUNDS)
        assert again is None or again.code != refused.code


@given(AHEAD, SECONDS)
def test_a_refusal_says_429_a_whole_number_of_seconds_and_the_depth(ahead: Ahead, left: float) -> None:
    refused = refusal(ahead, 0, left, BOUNDS)
    if refused is not None:
        problem = refused.problem(ahead)
        assert (problem.status, problem.code) == (429, refused.code)
        assert 1 <= int(problem.headers["retry-after"]) <= 120
        assert int(problem.headers["x-queue-depth"]) == ahead.cases + ahead.calls


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, math.inf),
        ({"x-stainless-read-timeout": "600"}, 600.0),
        ({"x-stainless-read-timeout": "2.5"}, 2.5),
        ({"x-stainless-timeout": "30"}, 30.0),
        ({"x-stainless-read-timeout": "soon", "x-stainless-timeout": "30"}, 30.0),
        ({"x-stainless-read-timeout": "None"}, math.inf),
        ({"x-stainless-read-timeout": "nan"}, math.inf),
        ({"x-stainless-read-timeout": "inf"}, math.inf),
        ({"x-stainless-read-timeout": "-1"}, math.inf),
        ({"x-stainless-read-timeout": "0"}, math.inf),
    ],
)
def test_how_long_a_caller_waits_is_what_its_client_says_in_seconds(headers, seconds: float) -> None:
    assert patience(headers) == seconds


def test_each_kind_of_case_has_a_stay_of_its_own() -> None:
    stays = Stays()
    for _ in range(100):
        stays.learn(("compare", "direct"), 0.1)
        stays.learn(("compare", "cot"), 20.0)
    told = [stays.of(("compare", method)) for method in ("direct", "cot", "other")]
    assert told == pytest.approx([0.1, 20.0, 0.0])
