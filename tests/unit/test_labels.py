"""People's labels, and the judgments that go with them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.domain.judgments import JudgeIdentity, Judgment, Named, Provenance
from judge_service.domain.verdicts import Preference, Usage
from judge_service.errors import InvalidRequest, RunRefused
from judge_service.evaluation.audits.escalation import audited, grouped
from judge_service.evaluation.people.labelled import Labelled, labelled_set
from judge_service.evaluation.people.labels import Told, label_by_case, label_in_metadata, side_named

WHO = JudgeIdentity("default", "vllm", "m", "r", 0, "sha256:1")
HOW = Provenance(
    "0.1.0", "pairwise", "direct", 0, "direct", Named("r", "1", "sha256:2"), Named("p", None, "sha256:3"), (WHO,)
)
SURE = Preference("x", 0.9, 2.2, True, 0.1, "logprobs", "mean-logit")
JUDGED = Judgment(
    "jdg_1", "preference", "judged", "2026-01-01T00:00:00.000Z", "case", "sha256:4", "sha256:5",
    ("x", "y"), {"x": None, "y": None}, SURE, (), HOW, Usage(), metadata={"human": "x"},
)  # fmt: skip


def judged(case_id: str, **more) -> Judgment:
    return replace(JUDGED, case_id=case_id, **more)


@pytest.mark.parametrize(
    ("told", "candidates", "side"),
    [
        *[(first, ("x", "y"), 1.0) for first in ("x", "X", " x ", "a", "A", "1", 1, 1.0, "first")],
        *[(second, ("x", "y"), 0.0) for second in ("y", "Y", "b", "B", "2", 2, 2.0, "Second")],
        *[(tie, ("x", "y"), 0.5) for tie in ("tie", "TIE", "Tie")],
        # An id goes before a place, whatever its capitals.
        ("a", ("b", "a"), 0.0),
        ("A", ("b", "a"), 0.0),
        ("a", ("A", "a"), 0.0),
        ("1", ("0", "1"), 0.0),
        (0, ("0", "1"), 1.0),
    ],
)
def test_a_label_is_an_id_or_a_tie_or_a_place(told, candidates, side):
    assert side_named(told, candidates) == side


@pytest.mark.parametrize("told", [0, "0", 3, -1, 1.5, True, "", "both", "A>B", "draw", ["a"], {"a": 1}, None])
def test_nothing_else_is_a_label(told):
    with pytest.raises(ValueError, match=r"is no label: it takes a candidate's id \(x, y\), tie, or a place"):
        side_named(told, ("x", "y"))


def test_an_id_in_other_capitals_is_refused_where_it_could_be_either():
    with pytest.raises(ValueError, match="is no label"):
        side_named("ab", ("Ab", "aB"))


@given(st.lists(st.sampled_from("ab"), min_size=2, max_size=2, unique=True), st.sampled_from(["a", "b", "A", "tie"]))
def test_a_label_that_is_an_id_means_the_same_when_the_candidates_are_swapped(ids, label):
    assert side_named(label, (ids[0], ids[1])) == 1 - side_named(label, (ids[1], ids[0]))


def test_what_has_no_verdict_of_the_judge_or_no_label_is_left_out_and_counted():
    failed = Preference(None, None, None, None, None, None, "mean-logit")
    identical = Preference("tie", 0.5, 0.0, None, None, None, "mean-logit")
    found = labelled_set(
        [
            ("1", judged("good")),
            ("2", judged("good")),
            ("3", judged("partial", status="partial", verdict=failed)),
            ("4", judged("dropped", status="dropped")),
            ("5", judged("identical", verdict=identical)),
            ("6", judged("silent", metadata={"human": None})),
            ("7", judged("other", metadata={"human": "b"}, domain="law")),
        ],
        label_in_metadata("human"),
    )
    assert [(c.case_id, c.side, c.label, c.agrees, c.domain) for c in found.cases] == [
        ("good", 1.0, 1.0, True, None),
        ("other", 1.0, 0.0, False, "law"),
    ]
    assert found.left_out == {"judged twice": 1, "not judged": 2, "took no call": 1, "without a label": 1}


def test_a_tie_agrees_with_a_tie_only():
    even = replace(SURE, winner="tie", probability=0.5, logit=0.0)
    judgments = [("1", judged("t", verdict=even)), ("2", judged("u", verdict=even)), ("3", judged("v"))]
    labels = label_by_case({"t": Told("1", "tie"), "u": Told("2", "y"), "v": Told("3", "tie")})
    assert [case.agrees for case in labelled_set(judgments, labels).cases] == [True, False, False]


@pytest.mark.parametrize(
    ("judgment", "error", "message"),
    [
        (judged("c", metadata={"human": 0}), InvalidRequest, "f row 2: 0 is no label"),
        (judged("c", kind="scorecard"), InvalidRequest, "f row 2 is a scorecard"),
        (judged("c", provenance=replace(HOW, decided_by="cot")), RunRefused, "f row 2 is of a panel or escalated"),
        (judged("c", provenance=replace(HOW, judges=(WHO, WHO))), RunRefused, "f row 2 is of a panel or escalated"),
        (judged("c", verdict=replace(SURE, combine="vote")), RunRefused, "f row 2 differs from f row 1 in combine"),
    ],
)
def test_what_is_no_single_judge_asked_in_one_way_is_refused_by_its_place(judgment, error, message):
    with pytest.raises(error, match=message):
        labelled_set([("f row 1", JUDGED), ("f row 2", judgment)], label_in_metadata("human"))


def test_nothing_judged_is_nothing_to_audit():
    with pytest.raises(InvalidRequest, match="there is no judgment here"):
        labelled_set([("f row 1", judged("c", status="unscored", verdict=None))], label_in_metadata("human"))


def case(place: int, logit: float, label: float) -> Labelled:
    p = 0.99 if logit > 0 else 0.55
    return Labelled(str(place), p, logit, 1.0, label, {"set": place % 3 or None})


def test_a_cascade_weighs_the_accepted_and_the_escalated_by_their_shares():
    """Of 600, 400 are sure, and right; the dearer judge judged 100 of the 200 others, and 90 of them rightly."""
    cases = [case(k, 1.0 if k < 400 else -1.0, 1.0 if k < 400 or k % 2 else 0.0) for k in range(600)]
    seconds = {str(k): replace(cases[k], label=1.0 if k % 10 else 0.0) for k in range(500)}
    found = audited(cases, 0.95, 0.9, seconds)
    assert (found.guarantee.accepted, found.guarantee.agreed) == (400, 400)
    assert (found.cascade.escalated, found.cascade.missing) == (100, 100)
    assert found.cascade.agreement == pytest.approx((400 + 0.9 * 200) / 600)
    assert (found.cascade.seconds, found.cascade.alone) == (500, 0.9)
    assert audited(cases, 0.95, 0.9, {}).cascade.agreement is None
    refused = audited(cases[:499], 0.95, 0.9, seconds)
    assert (refused.guarantee, refused.needed, refused.cascade) == (None, 500, None)


def test_cases_go_by_what_their_metadata_say_and_by_their_domain():
    cases = [case(k, 1.0, 1.0) for k in range(6)]
    assert {name: len(members) for name, members in grouped(cases, "set").items()} == {"1": 2, "2": 2}
    assert list(grouped([replace(cases[0], domain="law"), cases[1]], "domain")) == ["law"]
