"""A judge's preference for length, beside people's labels."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from judge_service.evaluation.audits.verbosity import Sized, sized_of, verbosity_of, verbosity_record
from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.statistics.contrasts import clustered_difference, clustered_rate
from judge_service.statistics.intervals import clustered_share

PAIRS = st.lists(
    st.builds(
        Sized,
        st.sampled_from("pqrstu"),
        st.sampled_from([0.0, 0.5, 1.0]),
        st.tuples(st.integers(0, 50), st.integers(0, 50)),
        st.sampled_from([None, 0.0, 0.5, 1.0]),
        st.sampled_from([None, (1.0, 1.0), (1.0, 2.0)]),
    ),
    max_size=30,
)


def drawn(count: int, lean: float, seed: int = 0) -> list[Sized]:
    """Pairs whose quality and length have nothing to do with each other; the judge adds `lean` logits to the longer."""
    rng = np.random.default_rng(seed)
    pairs = []
    for k in range(count):
        gap = rng.normal()
        lengths = tuple(int(length) for length in rng.integers(20, 200, 2))
        people = float(rng.random() < 1 / (1 + np.exp(-3 * gap)))
        judge = float(2 * gap + lean * np.sign(lengths[0] - lengths[1]) + rng.normal() > 0)
        pairs.append(Sized(str(k), judge, lengths, people))
    return pairs


def test_a_judge_that_likes_length_is_found_out_and_one_that_does_not_is_not():
    biased = verbosity_of(drawn(1500, 1.0))
    assert biased.bias.low > 0.1
    assert biased.on_longer.value > biased.on_shorter.value
    assert biased.more_than_people.low > 0
    fair = verbosity_of(drawn(1500, 0.0))
    assert fair.bias.low < 0 < fair.bias.high
    assert fair.more_than_people.low < 0 < fair.more_than_people.high
    assert verbosity_of(drawn(1500, -1.0)).bias.high < -0.1


def test_intervals_of_a_difference_of_groups_cover_it():
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(300):
        leaning = np.repeat(rng.normal(0, 1, 40), 3)
        first = rng.random(120) < 0.6
        values = (rng.random(120) < 1 / (1 + np.exp(-leaning))).astype(float)
        found = clustered_difference(values, first, np.repeat(np.arange(40), 3).tolist())
        held += found.low <= 0 <= found.high
    assert 0.92 <= held / 300 <= 0.98


@settings(max_examples=30, deadline=None)
@given(PAIRS)
def test_it_does_not_matter_which_answer_comes_first(pairs):
    swapped = [
        Sized(
            pair.prompt,
            1 - pair.judge,
            pair.lengths[::-1],
            None if pair.label is None else 1 - pair.label,
            pair.quality and pair.quality[::-1],
        )
        for pair in pairs
    ]
    assert verbosity_record(verbosity_of(swapped)) == verbosity_record(verbosity_of(pairs))


@settings(max_examples=30, deadline=None)
@given(PAIRS)
def test_every_pair_is_in_one_bin_or_left_out(pairs):
    found = verbosity_of(pairs)
    assert sum(each.pairs for each in found.bins) == found.pairs
    assert found.pairs + found.left_out.get("of the same length", 0) == len(pairs)
    json.dumps(verbosity_record(found), allow_nan=False)


def test_by_hand():
    """People preferred the longer in three pairs, of which the judge has two; the shorter in two, of which it has one
    and a tie."""
    long, short = (20, 10), (10, 20)
    pairs = [
        Sized("1", 1.0, long, 1.0), Sized("2", 1.0, long, 1.0), Sized("3", 1.0, short, 0.0),
        Sized("4", 1.0, short, 1.0), Sized("5", 0.5, long, 0.0),
    ]  # fmt: skip
    found = verbosity_of(pairs)
    assert found.on_longer.value == pytest.approx(2 / 3)
    assert found.on_shorter.value == 0.75
    assert found.bias.value == pytest.approx(2 / 3 - 0.75)
    assert found.more_than_people.value == pytest.approx(2.5 / 5 - 3 / 5)
    assert found.bins[-1].pairs == 5


def test_without_labels_or_scores_it_is_not_identified():
    bare = [Sized(str(k), 1.0, (30, 10)) for k in range(20)]
    found = verbosity_of(bare)
    assert (found.identified, found.bias.value, found.matched.value) == (None, None, None)
    assert "not identified" in verbosity_record(found)["why"]
    assert found.picks_longer.value == 1.0


def test_answers_of_one_quality_tell_it_without_labels():
    matched = [Sized(str(k), float(k % 4 > 0), (30, 10), None, (3.0, 3.0)) for k in range(400)]
    better = [Sized(f"b{k}", 0.0, (30, 10), None, (1.0, 3.0)) for k in range(100)]
    found = verbosity_of(matched + better)
    assert found.identified == "quality"
    assert found.matched.value == pytest.approx(0.25)
    assert found.matched.low > 0.2
    assert found.matched.n == 400


def test_a_comparison_without_texts_or_verdict_has_no_lengths():
    told = ("c", "p", ("m", "n"), "judged", 0.9, 1.0)
    assert sized_of(Comparison(*told)) is None
    assert sized_of(Comparison(*told[:4], None, None, texts=("a", "b"))) is None
    assert sized_of(Comparison(*told, texts=("abc", "")), 0.0).lengths == (3, 0)


def test_a_difference_of_groups_without_clusters_is_welchs():
    rng = np.random.default_rng(0)
    values, first = rng.normal(size=60), np.arange(60) < 25
    found = clustered_difference(values, first, range(60))
    error = np.sqrt(np.var(values[first]) / 25 + np.var(values[~first]) / 35) * np.sqrt(60 / 59)
    assert found.value == pytest.approx(values[first].mean() - values[~first].mean())
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, 59) * error)


def test_rates_are_wilsons_without_clusters_and_ties_and_go_by_clusters_else():
    alone = stats.binomtest(1, 3).proportion_ci(0.95, method="wilson")
    assert clustered_rate([1.0, 0.0, 0.0], "pqr")[1:3] == pytest.approx((alone.low, alone.high))
    together = clustered_rate([1.0, 0.0, 0.5, 0.5] * 5, list("pqrs") * 5)
    assert together[:3] == pytest.approx(clustered_share([1.0, 0.0, 0.5, 0.5], "pqrs")[:3])
    assert clustered_rate([], []).why == "no case"
