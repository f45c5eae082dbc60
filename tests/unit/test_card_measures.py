"""An audit's card: its measures, what changes between two of them, what fails, and when it expires."""

from dataclasses import replace

import pytest

from judge_service.backends.stores import MemoryStore
from judge_service.cards.book import Cards
from judge_service.cards.shelf import MOST, Shelf, current, expired
from judge_service.domain.judgments import JudgeIdentity, Named
from judge_service.errors import InvalidOption
from judge_service.evaluation.audits.audit_card import (
    AuditCard,
    card_from,
    card_record,
    changes_since,
    latest,
    versioned,
)
from judge_service.evaluation.audits.card_measures import position_measures, verdict_measures
from judge_service.evaluation.audits.label_measures import labelled_measures
from judge_service.evaluation.audits.measures import Measure
from judge_service.evaluation.audits.repeats import Asked, Telling, consistency_measures
from judge_service.evaluation.audits.scripts import script_of
from judge_service.evaluation.audits.sights import Sight
from judge_service.evaluation.audits.thresholds import checked, thresholds_in
from judge_service.statistics.debias import sigmoid

JUDGE = JudgeIdentity("default", "vllm", "m", "r", 0, "sha256:judge")
LATER = replace(JUDGE, epoch=1, digest="sha256:later")


def bias(value: float | None, low: float | None = None, high: float | None = None) -> Measure:
    return Measure("position.bias", value, low, high, 100, "logits", "" if value is not None else "no votes")


def card(*measures: Measure, judge: JudgeIdentity = JUDGE, at: str = "2026-01-01", rubric: str = "r") -> AuditCard:
    of = Named(rubric, "1", f"sha256:{rubric}")
    prompt = Named("p", None, "sha256:p")
    return versioned(AuditCard("", at, judge, of, prompt, "direct", 10, "stored judgments", measures, {"others": 2}))


def sight(k: int, one: float = 1.0, other: float = -1.0, **more: object) -> Sight:
    logit = (one - other) / 2
    told = {
        "case_id": f"c{k}", "cluster": f"c{k}", "status": "judged", "won": float(logit > 0),
        "probability": sigmoid(logit), "logit": logit, "leans": (one, other), "consistent": (one > 0) != (other > 0),
        "called": True, "votes": 2, "failures": 0, "masses": (0.9, 0.9), "lengths": (10 * k, 5), "language": None,
        "domain": None,
    }  # fmt: skip
    return Sight(**{**told, **more})


def named(measures: object, name: str) -> Measure:
    return next(each for each in measures if each.name == name)


def test_the_lean_is_told_by_how_close_a_case_is_and_by_language_domain_and_length() -> None:
    sights = [
        sight(k, z + 1, -z + 1, language="latin" if k % 2 else "cyrillic", domain="law" if k < 5 else "code")
        for k, z in enumerate([0.2, -0.3, 0.4, 0.7, -0.8, 1.5, 3.0, 5.0, 0.1, -2.5])
    ]
    found = {measure.name: measure for measure in position_measures(sights, {})}
    assert found["position.bias"].value == pytest.approx(1.0)
    assert found["position.spread"].value == pytest.approx(0.0, abs=1e-9)
    assert (found["position.flips"].value, found["position.flips"].n) == (pytest.approx(0.6), 10)
    close, far = found["position.flips[gap=0-0.5]"], found["position.flips[gap=2-4]"]
    assert (close.value, close.n, far.value, far.n) == (1.0, 4, 0.0, 2)
    assert far.high > 0.5
    slices = {name.partition("[")[2].partition("=")[0] for name in found if "[" in name}
    assert slices == {"gap", "language", "domain", "length"}
    lengths = {name: measure.n for name, measure in found.items() if name.startswith("position.bias[length")}
    assert sorted(lengths.values()) == [3, 3, 4]


def test_a_case_that_took_no_call_and_one_without_a_verdict_say_nothing_of_the_lean() -> None:
    sights = [
        sight(1),
        sight(2, called=False, leans=None, won=0.5),
        sight(3, status="unscored", won=None, leans=None, consistent=None, votes=2, failures=2, masses=()),
    ]
    position = list(position_measures(sights, {}))
    assert named(position, "position.bias").n == named(position, "position.flips").n == 1
    verdicts = list(verdict_measures(sights))
    assert (named(verdicts, "verdicts.unscored").value, named(verdicts, "verdicts.unscored").n) == (0.5, 2)
    assert (named(verdicts, "verdicts.failures").value, named(verdicts, "verdicts.failures").n) == (0.5, 4)
    assert named(verdicts, "verdicts.ties").n == 1
    assert named(verdicts, "verdicts.label_mass").value == pytest.approx(0.9)


def test_what_cannot_be_told_has_no_value_and_says_why() -> None:
    text = [sight(k, leans=None, masses=()) for k in range(4)]
    for measure in (*position_measures(text, {}), *labelled_measures(text), *consistency_measures({}, {}, True)):
        if measure.value is None:
            assert measure.note
            assert measure.low is measure.high is None
    assert named(position_measures(text, {}), "position.bias").value is None
    assert named(labelled_measures(text), "accuracy").value is None
    assert named(consistency_measures({}, {}, True), "consistency.same_winner").value is None


def test_accuracy_counts_a_tie_of_one_side_half_and_is_told_by_slice() -> None:
    sights = [
        sight(k, z, -z, label=label, language="latin" if k < 2 else "han", lengths=None)
        for k, (z, label) in enumerate([(1.0, 1.0), (1.0, 0.0), (-1.0, 0.5), (-2.0, 0.0)])
    ]
    found = list(labelled_measures(sights))
    assert named(found, "accuracy").value == pytest.approx((1 + 0 + 0.5 + 1) / 4)
    assert named(found, "accuracy[language=latin]").value == 0.5
    assert named(found, "accuracy[language=han]").value == 0.75
    ece = named(found, "calibration.ece")
    assert 0 <= ece.low <= ece.high <= 1
    assert ece == named(labelled_measures(sights[::-1]), "calibration.ece")


def test_answers_to_the_same_question_are_compared_with_each_other_and_not_across_orders() -> None:
    tellings = {
        Asked("c1", "a", ""): [Telling(1, 2.0), Telling(1, 1.0), Telling(-1, -1.0)],
        Asked("c1", "b", ""): [Telling(-1, -2.0), Telling(-1, -2.0)],
        Asked("c2", "a", ""): [Telling(1, 3.0)],
    }
    found = list(consistency_measures(tellings, {"c1": "c1", "c2": "c2"}, True))
    same = named(found, "consistency.same_winner")
    assert (same.value, same.n) == (pytest.approx(2 / 4), 4)
    assert named(found, "retest.noise").value == pytest.approx(((7 / 3 + 0) / 2) ** 0.5)


def test_a_change_is_beyond_both_intervals_only_where_neither_holds_the_other() -> None:
    before = card(
        bias(0.5, 0.4, 0.6), Measure("accuracy", 0.8, None, None, 5, "share"), Measure("gone", 1, 0, 2, 1, "")
    )
    for now, beyond in ((bias(0.9, 0.8, 1.0), True), (bias(0.55, 0.51, 0.6), False), (bias(0.7, 0.45, 0.95), False)):
        found = changes_since(before, card(now, Measure("accuracy", 0.9, 0.8, 1.0, 9, "share"), at="2026-02"))
        told = {change.name: change for change in found.changes}
        assert told["position.bias"].beyond is beyond
        assert told["position.bias"].change == pytest.approx(now.value - 0.5)
        assert told["accuracy"].beyond is None
        assert "gone" not in told
        assert found.same_epoch
        assert found.same_prompt
    assert not changes_since(before, card(bias(0.5), judge=LATER)).same_epoch


@pytest.mark.parametrize(
    ("told", "value", "failed"),
    [
        ("|position.bias| > 0.5", -0.8, True),
        ("position.bias>0.5", -0.8, False),
        ("position.bias<-50%", -0.8, True),
        ("position.bias>50%", 0.5, False),
        ("|position.bias|>9", None, True),
    ],
)
def test_a_threshold_goes_by_the_value_and_what_was_not_measured_does_not_hold(told, value, failed) -> None:
    (found,) = checked(thresholds_in(told), [bias(value)])
    assert (found.failed, found.value) == (failed, value)


@pytest.mark.parametrize("told", ["position.bias", "position.bias>", ">0.5", "|position.bias>0.5", "a>1e400x"])
def test_what_is_no_threshold_is_refused(told) -> None:
    with pytest.raises(InvalidOption, match="--fail-if"):
        thresholds_in(told)


def test_a_threshold_on_what_the_card_does_not_have_is_refused_with_what_it_has() -> None:
    with pytest.raises(InvalidOption, match=r"it has position\.bias"):
        checked(thresholds_in("postion.bias>1"), [bias(1.0)])


def test_a_card_comes_back_from_its_record_as_it_was() -> None:
    told = card(bias(0.5, 0.4, 0.6), bias(None))
    assert card_from(card_record(told)) == told
    with pytest.raises(ValueError, match="no card"):
        card_from({"object": "card"})


async def test_a_card_expires_with_the_epoch_and_is_shown_as_of_an_earlier_one() -> None:
    store = MemoryStore()
    shelf = Shelf(store)
    old, new = card(bias(0.5), at="2026-01"), card(bias(0.6), at="2026-02")
    await shelf.keep([old, new, card(bias(0.1), rubric="other", at="2026-01")])
    kept = await Shelf(store).of(LATER)
    assert len(kept) == 3
    assert [each.version for each in current(kept, JUDGE)] == [new.version, kept[2].version]
    assert current(kept, LATER) == []
    assert {each.version for each in expired(kept, LATER)} == {new.version, kept[2].version}
    assert expired(kept, JUDGE) == []
    now = card(bias(0.7), judge=LATER, at="2026-03")
    assert latest(kept, now) == new
    await shelf.keep([now])
    kept = await shelf.of(JUDGE)
    assert [each.version for each in current(kept, LATER)] == [now.version]
    assert latest(kept, card(bias(0.8), at="2026-04")) == new


async def test_the_shelf_keeps_the_newest_and_leaves_the_estimates_of_the_bias_alone() -> None:
    store = MemoryStore()
    cards = Cards(store)
    await cards.audits.keep([card(bias(float(k)), at=f"2026-01-{k:02}") for k in range(MOST + 3)])
    kept = await cards.audits.of(JUDGE)
    assert [each.measures[0].value for each in kept] == [float(k) for k in range(3, MOST + 3)]
    await cards.load([JUDGE.digest])
    assert list(cards.of_judge(JUDGE.digest)) == []
    alone = Shelf()
    await alone.keep([card(bias(1.0))])
    assert len(await alone.of(JUDGE)) == 1


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Write a poem.", "latin"),
        ("Écris un poème", "latin"),
        ("Напиши стих", "cyrillic"),
        ("写一首关于秋天的诗 in 4 lines", "cjk"),
        ("詩を書いてください", "japanese"),
        ("시를 써 주세요", "hangul"),
        ("اكتب قصيدة", "arabic"),
        ("42 + 1 = ?", None),
        ("", None),
    ],
)
def test_a_script_is_told_by_most_of_the_letters(text, script) -> None:
    assert script_of(text) == script
