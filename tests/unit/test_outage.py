"""What fails is left alone for a short, growing time."""

from itertools import pairwise

from judge_service.backends.outage import Outage


def attempts(outage: Outage, until: float, start: float = 0.0) -> list[float]:
    """When attempts are made, if someone would like to at every hundredth of a second and all of them fail."""
    made = []
    for step in range(round(start * 100), round(until * 100)):
        if outage.admits(step / 100):
            made.append(step / 100)
            outage.failed(step / 100)
    return made


def test_what_works_is_never_left_alone():
    outage = Outage()
    assert all(outage.admits(now) and not outage.rests(now) for now in (0.0, 0.0, 1.0))
    assert not outage.worked()


def test_the_pauses_double_up_to_the_longest():
    made = attempts(Outage(), 30.0)
    pauses = [round(b - a, 2) for a, b in pairwise(made)]
    assert pauses[:6] == [0.25, 0.5, 1.0, 2.0, 4.0, 5.0]
    assert set(pauses[5:]) == {5.0}


def test_an_outage_begins_once_and_ends_once():
    outage = Outage()
    assert [outage.failed(0.0), outage.failed(0.1), outage.failed(9.0)] == [True, False, False]
    assert [outage.worked(), outage.worked()] == [True, False]


def test_during_an_outage_one_attempt_is_admitted_at_a_time():
    outage = Outage()
    outage.failed(0.0)
    assert [outage.admits(now) for now in (0.1, 0.3, 0.3, 0.7, 0.81)] == [False, True, False, False, True]
    assert [outage.rests(now) for now in (0.9, 5.9)] == [True, False]


def test_the_next_outage_starts_with_the_shortest_pause_again():
    outage = Outage()
    attempts(outage, 30.0)
    outage.worked()
    made = attempts(outage, 32.0, 31.0)
    assert made[:2] == [31.0, 31.25]
