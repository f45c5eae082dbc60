"""Where a judge's variance comes from: what is planted is found, and each part is told from the others."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.domain.templates import PromptTemplate
from judge_service.errors import InvalidLibrary
from judge_service.evaluation.audits.arms import Answered, Arm, cells_of, label_families
from judge_service.evaluation.audits.perturbation import FactorFinding, Perturbation, perturbation_of
from judge_service.library.perturbations import FACTORS, read_variants, shipped_variants

LOGITS = st.floats(-6, 6)
USUAL, TURNED = ("A", "B", "C"), ("B", "A", "C")


def answered(thought: float, place: float, noise: tuple[float, float] = (0.0, 0.0)) -> Answered:
    leans = thought + place + noise[0], -thought + place + noise[1]
    return Answered(leans, float(leans[0] > leans[1]))


class Planted:
    """A judge whose every part is known."""

    def __init__(self, cases: int, seed: int, noise: float = 0.0) -> None:
        self._rng = np.random.default_rng(seed)
        self._noise = noise
        self.thought = 2 * self._rng.normal(size=cases)
        self.place = 0.8 + 0.5 * self._rng.normal(size=cases)
        self.label = -0.4 + 0.3 * self._rng.normal(size=cases)

    def arm(self, factor: str, name: str, labels: tuple[str, ...] = (), moved: float = 0.0) -> Arm:
        sign = -1 if labels[:2] == ("B", "A") else 1
        words = moved * self._rng.normal(size=len(self.thought))
        noise = self._noise * self._rng.normal(size=(len(self.thought), 2))
        told = zip(self.thought + words, self.place + sign * self.label, noise, strict=True)
        return Arm(factor, name, {f"c{k}": answered(z, p, tuple(e)) for k, (z, p, e) in enumerate(told)}, labels)

    def found(self, *arms: Arm) -> Perturbation:
        base = self.arm("usual", "", USUAL)
        return perturbation_of(base, arms, {name: name for name in base.answers})


def factor(found: Perturbation, name: str) -> FactorFinding:
    return next(each for each in found.factors if each.factor == name)


def test_each_part_of_a_judge_is_found_within_its_interval_nineteen_times_in_twenty() -> None:
    inside = {"place": 0, "label": 0, "order": 0, "labels": 0, "paraphrase": 0, "repeats": 0, "date": 0}
    runs = 60
    for seed in range(runs):
        judge = Planted(150, seed, noise=0.6)
        found = judge.found(
            judge.arm("labels", "B, A", TURNED),
            judge.arm("paraphrase", "one", moved=0.7),
            judge.arm("date", "2023"),
            *(judge.arm("repeats", f"{k}") for k in range(3)),
        )
        # Two levels, of which one is moved: the variance over both is a quarter of what moves it.
        wanted = {
            "order": 0.8**2 + 0.5**2, "labels": 0.4**2 + 0.3**2, "paraphrase": 0.7**2 / 4, "repeats": 0.6**2, "date": 0
        }  # fmt: skip
        inside["place"] += found.position.low <= 0.8 <= found.position.high
        inside["label"] += found.labels["A and B"].low <= -0.4 <= found.labels["A and B"].high
        for name, value in wanted.items():
            variance = factor(found, name).variance
            inside[name] += variance.low <= value <= variance.high
    assert {name: count for name, count in inside.items() if count < 0.87 * runs} == {}


def test_what_is_the_same_for_all_cases_is_told_from_what_differs_between_them() -> None:
    judge = Planted(4_000, 1, noise=0.3)
    found = judge.found(judge.arm("labels", "B, A", TURNED), judge.arm("repeats", "1"))
    order, labels = factor(found, "order"), factor(found, "labels")
    assert (order.main, order.by_case) == pytest.approx((0.64, 0.25), abs=0.03)
    assert (labels.main, labels.by_case) == pytest.approx((0.16, 0.09), abs=0.02)
    shares = [each.share for each in found.factors]
    assert sum(shares) == pytest.approx(1 - found.signal.value / (found.signal.value + 0.89 + 0.25 + 0.09), abs=0.03)


def test_nothing_is_found_where_nothing_was_planted() -> None:
    judge = Planted(50, 2)
    judge.place, judge.label = np.zeros(50), np.zeros(50)
    found = judge.found(judge.arm("labels", "B, A", TURNED), judge.arm("date", "2023"), judge.arm("repeats", "1"))
    assert found.position.value == found.labels["A and B"].value == found.order_flips.value == 0
    assert {each.factor: each.variance.value for each in found.factors} == pytest.approx(
        {"order": 0, "labels": 0, "date": 0, "repeats": 0}, abs=1e-12
    )
    assert all(arm.flips.value == 0 < arm.flips.high < 0.1 for arm in found.arms)


@given(LOGITS, LOGITS, LOGITS, LOGITS)
def test_two_orders_under_two_labels_tell_place_label_and_verdict_apart(
    thought: float, place: float, label: float, other: float
) -> None:
    cells = cells_of(answered(thought + other, place + label), answered(thought - other, place - label))
    assert cells == pytest.approx((place, label, other))
    swapped = cells_of(answered(-thought - other, place + label), answered(-thought + other, place - label))
    assert swapped == pytest.approx((place, label, -other))


def test_swapping_the_candidates_of_all_cases_mirrors_nothing_but_the_verdicts() -> None:
    judge = Planted(40, 3)
    arms = [judge.arm("usual", "", USUAL), judge.arm("labels", "B, A", TURNED), judge.arm("paraphrase", "p", moved=1)]
    names = {name: name for name in arms[0].answers}
    turned = [
        Arm(a.factor, a.name, {n: Answered(told.leans[::-1], 1 - told.won) for n, told in a.answers.items()}, a.labels)
        for a in arms
    ]
    one, other = (perturbation_of(told[0], told[1:], names) for told in (arms, turned))
    assert one.position == pytest.approx(other.position)
    assert one.order_flips == other.order_flips
    assert [each.variance for each in one.factors[:3]] == [pytest.approx(each.variance) for each in other.factors[:3]]
    assert [each.flips for each in one.arms] == [each.flips for each in other.arms]


def test_votes_in_words_have_flips_and_no_variances() -> None:
    base = Arm("usual", "", {f"c{k}": Answered(None, float(k % 2)) for k in range(10)}, USUAL)
    other = Arm("paraphrase", "p", {f"c{k}": Answered(None, float(k < 5)) for k in range(9)})
    found = perturbation_of(base, [other], {name: name for name in base.answers})
    assert found.position is found.signal is found.order_flips is None
    assert all(each.variance is None and each.note for each in found.factors)
    assert (found.arms[0].flips.n, found.arms[0].flips.value) == (9, pytest.approx(5 / 9))


def test_labels_are_paired_with_their_own_other_way_round() -> None:
    arms = [Arm("labels", "", {}, labels) for labels in (USUAL, ("2", "1", "3"), ("1", "2", "3"), TURNED)]
    families = label_families(arms)
    assert {name: [arm.labels for arm in family] for name, family in families.items()} == {
        "A and B": [USUAL, TURNED],
        "1 and 2": [("1", "2", "3"), ("2", "1", "3")],
    }
    assert label_families(arms[:3]).keys() == {"1 and 2"}


def test_every_wording_that_is_shipped_has_a_digest_of_its_own_and_asks_for_its_labels() -> None:
    sections = {
        "system": "You judge.", "user": "$question $answer", "question together": "Which?",
        "question criterion": "$name $question", "question principle": "$name",
        "answer choice": "A or B:", "answer choice or tie": "A or B or C:",
    }  # fmt: skip
    template = PromptTemplate("t", sections, "sha256:0")
    variants = shipped_variants()
    assert {variant.factor for variant in variants} == set(FACTORS)
    worded = [variant.of(template) for variant in variants]
    assert len({each.digest for each in worded} | {template.digest}) == len(variants) + 1
    for variant, each in zip(variants, worded, strict=True):
        for label, section in product("AB" if not variant.labels else variant.labels[:2], ("", " or tie")):
            assert f" {label} " in f" {each.sections['answer choice' + section]} ".replace(":", " ").replace(",", " ")
        assert each.called(2) == (variant.labels[:2] or ("A", "B"))
    native = PromptTemplate("n", sections, "sha256:0", native=True)
    assert all(variant.of(native) is None for variant in variants)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = 1", "variant"),
        ('[[variant]]\nfactor = "mood"', "factor is one of"),
        ('[[variant]]\nfactor = "labels"\nlabels = ["A", "A", "B"]', "labels are three"),
        ('[[variant]]\nfactor = "labels"\nsize = 3', "'size'"),
        ('[[variant]]\nfactor = "date"\n[variant.sections]\n"answer choice" = "$nope"', "unknown slot"),
        ("[[variant", "perturbations.toml"),
    ],
)
def test_a_wrong_file_is_refused_with_what_is_wrong(tmp_path, text, why) -> None:
    (tmp_path / "perturbations.toml").write_text(text)
    with pytest.raises(InvalidLibrary, match=r"perturbations\.toml") as told:
        read_variants(tmp_path / "perturbations.toml")
    assert why in told.value.message
