"""Routing: who is sent to a person first, and what that is worth when it is replayed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_service.errors import InvalidRequest
from judge_service.evaluation.people.replay import replay_record, replayed
from judge_service.evaluation.people.routing import METHODS, Routable, error_model, routed


def drawn(count: int, seed: int = 0, labelled: float = 1.0) -> list[Routable]:
    """A judge that errs near to even and, in law, for length: what hybrid can learn and uncertainty cannot."""
    rng = np.random.default_rng(seed)
    cases = []
    for k in range(count):
        gap, longer = rng.normal(), rng.normal() * 0.5
        domain = ("law", "chat")[int(rng.integers(0, 2))]
        logit = 2 * gap + 0.7 * rng.normal() + (3 * longer if domain == "law" else 0.0)
        label = float(rng.random() < 1 / (1 + np.exp(-5 * gap)))
        told = label if rng.random() < labelled else None
        soft = float(1 / (1 + np.exp(-logit)))
        cases.append(
            Routable(f"c{k}", f"p{k}", float(logit > 0), soft, None, None, None, longer, ("m", "n"), domain, None, told)
        )
    return cases


@pytest.mark.parametrize("method", ["uncertainty", "hybrid"])
def test_what_a_judge_doubts_is_wrong_more_often_than_what_is_drawn_by_chance(method):
    cases = drawn(1200)
    found = replayed(cases, method, [120, 240, 600])
    assert all(step.gain.low > 0 for step in found.steps[1:])
    chance = replayed(cases, "random", [120, 240, 600])
    assert all(step.gain.low < 0 < step.gain.high for step in chance.steps)


def test_hybrid_learns_what_the_judge_does_not_show():
    cases = drawn(2000, seed=2)
    doubt, learnt = (replayed(cases, method, [600]).steps[0] for method in ("uncertainty", "hybrid"))
    assert learnt.found > doubt.found
    assert learnt.predicted == pytest.approx(learnt.accuracy.value, abs=0.04)


def test_a_model_of_the_labels_finds_those_that_do_not_fit_it():
    """The judge is right by authors' strengths, but a tenth of its labels were flipped: RLTHF's setting."""
    rng = np.random.default_rng(1)
    cases = []
    for k in range(800):
        one, other = rng.choice(6, 2, replace=False)
        label = float(one > other)
        side = 1 - label if rng.random() < 0.1 else label
        soft = 0.9 if side else 0.1
        cases.append(Routable(f"c{k}", f"p{k}", side, soft, models=(f"m{one}", f"m{other}"), label=label))
    found = replayed(cases, "rlthf", [80]).steps[0]
    assert found.found > 0.8
    assert replayed(cases, "uncertainty", [80]).steps[0].gain.low < 0.02


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(METHODS))
def test_every_unlabelled_case_is_in_the_queue_once_whatever_the_order_of_rows(seed, method):
    cases = drawn(150, seed, labelled=0.5)
    queue = routed(cases, method)
    assert {each.case_id for each in queue} == {case.case_id for case in cases if case.label is None}
    assert len({each.case_id for each in queue}) == len(queue)
    assert all(0 <= each.score <= 1 and each.why for each in queue)
    scores = [each.score for each in queue]
    assert scores == sorted(scores, reverse=True)
    turned = routed(cases[::-1], method)
    assert [each.score for each in turned] == pytest.approx(scores, abs=1e-6)


def test_why_names_what_speaks_against_the_verdict():
    cases = [
        Routable("sure", "p", 1.0, 0.99, True),
        Routable("torn", "q", 1.0, 0.55, False, share=0.5),
        Routable("long", "r", 1.0, 0.95, True, longer=1.0),
    ]
    told = {each.case_id: each for each in routed(cases, "uncertainty")}
    assert next(iter(told)) == "torn"
    assert told["torn"].why == "near to even, the orders disagree, votes differ"
    assert told["long"].why == "chose the longer"
    assert told["sure"].why == "nothing in particular"


def test_another_models_margin_goes_before_a_model_of_our_own():
    cases = [Routable("a", "p", 1.0, 0.9, second=0.2), Routable("b", "q", 0.0, 0.1, second=0.1)]
    queue = routed(cases, "rlthf")
    assert [each.case_id for each in queue] == ["a", "b"]
    assert queue[0].why == "another model gives the judge's answer 20%"


def test_what_cannot_be_learnt_is_said():
    with pytest.raises(InvalidRequest, match="30 labels or more"):
        error_model(drawn(20))
    with pytest.raises(InvalidRequest, match="name no authors and have no texts"):
        routed([Routable("a", "p", 1.0, 0.9)], "rlthf")
    few = replayed(drawn(60), "hybrid", [10])
    assert few.steps == ()
    assert "leaves too few" in replay_record(few)["why"]


def test_a_mix_of_nothing_and_of_everything():
    cases = drawn(100)
    found = replayed(cases, "uncertainty", [100])
    assert found.curve[0][1] == pytest.approx(np.mean([not case.is_wrong for case in cases]))
    assert found.curve[-1] == (1.0, pytest.approx(1.0))
    assert found.steps[0].accuracy.value == 1.0
    assert found.steps[0].found == 1.0
