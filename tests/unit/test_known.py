"""What is known of millions of cases: a mapping of ids to numbers in little room."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from judge_service.batch.known import Known, in_short

NAMES = st.text(max_size=6)
NUMBERS = st.integers(min_value=0, max_value=2**64 - 1)


@given(st.lists(st.tuples(st.sampled_from(["first", "put", "get"]), NAMES, NUMBERS), max_size=300))
def test_it_is_a_mapping_as_any_other(steps: list[tuple[str, str, int]]) -> None:
    known, plain = Known(), dict[str, int]()
    for what, name, number in steps:
        if what == "put":
            known.put(name, number)
            plain[name] = number
        elif what == "first":
            assert known.first(name, number) == plain.get(name)
            plain.setdefault(name, number)
        assert known.get(name) == plain.get(name)
    assert len(known) == len(plain)
    assert {name: known.get(name) for name in plain} == plain


def test_all_of_many_are_found_again_and_nothing_else() -> None:
    known = Known()
    for number in range(50_000):
        assert known.first(f"case-{number}", number * number) is None
    assert [known.get(f"case-{number}") for number in range(50_000)] == [n * n for n in range(50_000)]
    assert not any(known.get(f"other-{number}") is not None for number in range(50_000))


def test_a_case_takes_a_few_dozen_bytes() -> None:
    known = Known()
    for number in range(100_000):
        known.first(f"case-{number}", number)
    size = sum(sys.getsizeof(share._places) for share in known._shares)
    assert size / len(known) < 50


def test_a_text_in_short_is_the_same_in_every_process() -> None:
    assert in_short("") == 0xE4A6A0577479B2B4
    assert in_short("\ud800") != in_short("\ud801")
