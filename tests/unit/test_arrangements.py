"""In which orders options are shown."""

from collections import Counter
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from judge_service.statistics.arrangements import ONE_LIST, WHOLE_SQUARE, arrangements, both_ways, grid


@given(st.integers(2, WHOLE_SQUARE))
def test_a_few_options_stand_in_every_place_once(n):
    seen = Counter((option, place) for way in arrangements(n) for place, option in enumerate(way))
    assert seen == Counter((option, place) for option in range(n) for place in range(n))


@given(st.integers(2, ONE_LIST))
def test_every_option_has_the_same_mean_place(n):
    for ways in (arrangements(n), both_ways(n)):
        assert all(sorted(way) == list(range(n)) for way in ways)
        assert {sum(way.index(option) for way in ways) * 2 for option in range(n)} == {(n - 1) * len(ways)}


@given(st.integers(ONE_LIST + 1, 255), st.booleans())
def test_groups_of_many_are_small_and_link_every_two_options(n, both):
    groups = grid(n, both)
    assert max(map(len, groups)) <= 16
    assert min(map(len, groups)) >= 2
    members = {frozenset(group) for group in groups}
    linked = {option: {other for group in members if option in group for other in group} for option in range(n)}
    assert all(linked[one] & linked[other] for one, other in combinations(range(n), 2))
    assert Counter(frozenset(group) for group in groups) == dict.fromkeys(members, 1 + both)
