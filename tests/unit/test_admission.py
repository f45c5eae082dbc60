"""Who is let in and who is turned away: by how fast the line moves, by what a caller will wait, and never for nothing."""

import math

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
    """Places that are each held for the same time, and a line before them, told to a flow as they would tell it."""

    def __init__(self, places: int, stay: float) -> None:
        self.flow, self.now, self.waiting = Flow(), 0.0, 0
        self._stay, self._places = stay, places
        self._ends: list[float] = []

    def come(self, many: int) -> None:
        for _ in range(many):
            if len(self._ends) < self._places:
                self._ends.append(self.now + self._stay * (1 + len(self._ends)) / self._places)
            else:
                self.flow.waits(self.now, len(self._ends))
                self.waiting += 1

    def run(self, until: float) -> None:
        while self._ends and min(self._ends) <= until:
            self.now = min(self._ends)
            self._ends.remove(self.now)
            if self.waiting:
                self.waiting -= 1
                self._ends.append(self.now + self._stay)
            self.flow.freed(self.now, self._stay, self.waiting, len(self._ends))
        self.now = until

    @property
    def wait(self) -> float:
        return self.flow.wait(self.now, self.waiting, len(self._ends))


@given(st.integers(1, 64), st.floats(0.01, 30), st.integers(2, 50))
def test_a_line_that_moves_evenly_is_as_long_as_it_turns_out_to_be(places: int, stay: float, rounds: int) -> None:
    shop = Shop(places, stay)
    shop.come(places * (rounds + 4))
    shop.run(3 * stay)
    assert shop.wait == pytest.approx(shop.waiting * stay / places, rel=0.35)


@given(st.integers(1, 64), st.floats(0.01, 30), st.integers(1, 10_000))
def test_a_burst_into_an_idle_server_has_no_wait_that_is_known(places: int, stay: float, burst: int) -> None:
    shop = Shop(places, stay)
    shop.come(places * 5)
    shop.run(100 * stay + 1000)
    assert shop.waiting == 0
    shop.come(burst)
    assert shop.wait == 0.0


def test_a_burst_after_a_while_without_a_line_is_not_met_with_what_was_measured_before() -> None:
    flow = Flow()
    flow.waits(0.0, 1)
    for k in range(1, 20):
        flow.freed(k * 1.0, 0.01, 5, 1)
    assert flow.wait(19.0, 5, 1) == pytest.approx(5.0)
    flow.freed(20.0, 0.01, 0, 2)
    flow.freed(30.0, 0.01, 0, 2)
    flow.waits(30.0, 2)
    assert flow.wait(30.0, 5, 2) < 0.1, "the places taken, and how long they are held now"


def test_a_line_that_stands_still_gets_longer_with_the_time() -> None:
    flow = Flow()
    flow.waits(0.0, 2)
    for k in range(1, 11):
        flow.freed(k / 10, 0.2, 4, 2)
    waits = [flow.wait(at, 4, 2) for at in (1.0, 2.0, 5.0, 20.0)]
    assert waits == sorted(waits)
    assert waits[0] == pytest.approx(0.4)
    assert waits[-1] > 4


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["waits", "freed", "wait"]),
        st.floats(-100, 100),
        st.floats(0, 50),
        st.integers(0, 9),
        st.integers(0, 9),
    ),
    max_size=60,
)


@given(STEPS)
def test_whatever_it_is_told_and_even_if_time_goes_backwards_a_wait_is_a_time(steps) -> None:
    flow, now = Flow(), 0.0
    for what, later, seconds, waiting, taken in steps:
        now += later
        if what == "waits":
            flow.waits(now, taken)
        elif what == "freed":
            flow.freed(now, seconds, waiting, taken)
        else:
            wait = flow.wait(now, waiting, taken)
            assert 0.0 <= wait < math.inf
            assert waiting or wait == 0.0
            assert flow.wait(now, waiting + 1, taken) >= wait


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
