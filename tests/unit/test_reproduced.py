"""Asked again: which cases, and what counts as said again."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.contests.reproduced import can_be_asked, drawn, set_beside
from judge_service.domain.judgments import Judgment, without_judge
from judge_service.domain.verdicts import Failure, Preference

ids = st.lists(st.text(min_size=1, max_size=4), unique=True, max_size=80)


def judged(case_id: str, logit: float, winner: str = "") -> Judgment:
    told = winner or ("a" if logit > 0 else "b")
    verdict = Preference(told, 1 / (1 + math.exp(-logit)), logit, True, 0.0, "logprobs", "mean-logit")
    empty = without_judge("compare", case_id, "sha256:0", Failure("invalid", "none"))
    return replace(empty, status="judged", verdict=verdict, failure=None, candidates=("a", "b"))


def beside(now: list[Judgment], before: list[Judgment]):
    return set_beside({judgment.case_id: judgment for judgment in before}, now, len(before))


@given(ids, st.floats(0, 1), st.integers(0, 5))
def test_what_is_asked_again_is_drawn_by_name_and_a_larger_share_holds_the_smaller(case_ids, share, seed):
    some = drawn(case_ids, share, seed)
    assert some == drawn(reversed(case_ids), share, seed)
    assert len(some) == min(len(case_ids), max(20, math.ceil(share * len(case_ids) - 1e-9)))
    assert set(some) <= set(drawn(case_ids, min(1.0, share + 0.2), seed))


def test_two_of_a_hundred_are_asked_and_at_least_twenty():
    assert len(drawn(map(str, range(5_000)), 0.02, 0)) == 100
    assert len(drawn(map(str, range(500)), 0.02, 0)) == 20
    assert drawn(map(str, range(500)), 0.02, 0) != drawn(map(str, range(500)), 0.02, 1)


def test_the_same_winner_and_close_logits_are_reproduced():
    before = [judged(str(n), 1.0) for n in range(20)]
    found = beside([judged(str(n), 1.04) for n in range(20)], before)
    assert (found.flipped, found.beyond, found.unjudged, found.cases) == (0, 0, 0, ())
    assert found.is_within(None)
    assert found.mean_apart == pytest.approx(0.04)
    # Nobody has flipped of 20: up to 16.8 % could, two-sided.
    assert found.high == pytest.approx(0.1684, abs=1e-4)


def test_flips_are_counted_with_their_exact_interval():
    before = [judged(str(n), 1.0) for n in range(40)]
    now = [judged(str(n), -1.0 if n < 3 else 1.0) for n in range(40)]
    found = beside(now, before)
    assert (found.flipped, found.flips) == (3, 0.075)
    # Clopper and Pearson, 3 of 40.
    assert (found.low, found.high) == (pytest.approx(0.0157, abs=1e-4), pytest.approx(0.2039, abs=1e-4))
    assert [each.case_id for each in found.cases] == ["0", "1", "2"]
    assert not found.is_within(None)
    assert not found.is_within(0.05)
    assert found.is_within(0.075)


def test_logits_further_apart_are_told_and_are_no_flips():
    before = [judged("1", 1.0), judged("2", 0.001), judged("3", 1.0)]
    now = [judged("1", 1.2), judged("2", -0.001, "a"), judged("3", 1.0)]
    found = beside(now, before)
    assert (found.flipped, found.beyond, [each.case_id for each in found.cases]) == (0, 1, ["1"])
    assert not found.is_within(None)
    assert found.is_within(0.0)


def test_what_has_no_verdict_now_is_no_flip_and_not_reproduced_either():
    before = [judged("1", 1.0), judged("2", 1.0)]
    gone = without_judge("compare", "2", "sha256:0", Failure("timeout", "too late"))
    found = beside([judged("1", 1.0), gone], before)
    assert (found.flipped, found.unjudged, found.flips) == (0, 1, 0.0)
    assert found.cases[0].failure == "timeout: too late"
    assert not found.is_within(1.0)
    none = beside([gone], before)
    assert (none.flips, none.low, none.high, none.most_apart) == (None, None, None, None)
    assert not none.is_within(1.0)


def test_only_what_a_judge_was_asked_for_can_be_asked_again():
    assert can_be_asked(judged("1", 1.0))
    tie = judged("1", 0.0, "tie")
    assert can_be_asked(tie)
    assert not can_be_asked(replace(tie, verdict=replace(tie.verdict, evidence=None)))
    assert not can_be_asked(replace(tie, status="dropped"))
    assert not can_be_asked(without_judge("compare", "1", "sha256:0", Failure("timeout", "too late")))
