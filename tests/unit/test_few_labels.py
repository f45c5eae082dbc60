"""A win rate as people would have it, from comparisons and a few labels."""

import json
from dataclasses import replace

import numpy as np
import pytest

from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.evaluation.contests.few_labels import Sided, few_labels, few_labels_record


def drawn(count: int, labelled: int, seed: int = 0) -> tuple[list[Comparison], dict[str, Sided], float]:
    """Comparisons by a judge that leans to the model, labels of some, and what people say of all."""
    rng = np.random.default_rng(seed)
    comparisons, labels, told = [], {}, []
    for k in range(count):
        gap = rng.normal(0.1, 1)
        people = float(rng.random() < 1 / (1 + np.exp(-4 * gap)))
        soft = float(1 / (1 + np.exp(-2.5 * (gap + 0.3 + 0.3 * rng.normal()))))
        told.append(people)
        comparisons.append(Comparison(f"c{k}", f"p{k}", ("new", "base"), "judged", soft, float(soft > 0.5)))
        if k < labelled:
            labels[f"c{k}"] = Sided(("new", "base"), people)
    return comparisons, labels, float(np.mean(told))


def test_few_labels_mend_what_the_judge_alone_gets_wrong():
    comparisons, labels, truth = drawn(2000, 200)
    found = few_labels(comparisons, labels)
    assert found.soft.estimate.low < truth < found.soft.estimate.high
    assert found.soft.judge.low > truth
    assert found.soft.effective > 1.3 * 200
    assert found.soft.estimate.high - found.soft.estimate.low < found.soft.people.high - found.soft.people.low
    told = few_labels_record(found)
    assert told["soft"]["win_rate"] == pytest.approx(100 * found.soft.estimate.value)
    assert told["soft"]["judge_interval_covers_people"] is False
    assert told["soft"]["saving"] == pytest.approx(told["soft"]["rho"]["value"] ** 2 * 0.9)
    assert told["soft"]["saving_at_most"] == pytest.approx(told["soft"]["rho"]["value"] ** 2)
    json.dumps(told, allow_nan=False)


def test_labels_hold_whichever_side_was_shown_as_the_first():
    comparisons, labels, _ = drawn(100, 40)
    swapped = {
        name: Sided(("base", "new"), 1 - label.side) if k % 2 else label
        for k, (name, label) in enumerate(labels.items())
    }
    assert few_labels(comparisons, swapped) == few_labels(comparisons, labels)


def test_labels_without_a_verdict_are_counted_and_not_used():
    comparisons, labels, _ = drawn(100, 40)
    missing = [replace(comparisons[0], status="unscored", soft=None, won=None), *comparisons[1:]]
    found = few_labels(missing, labels)
    assert (found.unjudged, found.soft.estimate.n, found.soft.judged) == (1, 39, 99)


def test_too_few_labels_are_said_to_be():
    comparisons, labels, _ = drawn(50, 5)
    found = few_labels(comparisons, labels)
    assert "10 prompts or more" in found.why
    assert few_labels_record(found)["soft"]["win_rate_interval"] is None
    assert few_labels(comparisons, {}).soft is None
