"""Win rates between answers of one length; that AlpacaEval's is its own code's is seen in tests/trl."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from judge_service.domain.digests import digest
from judge_service.errors import InvalidRequest
from judge_service.evaluation.contests.alpaca_length import (
    MINIMAL,
    REGULARISED,
    UNREGULARISED,
    Gamed,
    alpaca_length_controlled,
)
from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.evaluation.contests.difficulty import Difficulties, difficulties_in
from judge_service.evaluation.contests.length_control import (
    length_controlled,
    length_curve,
    length_finding,
    length_lines,
    length_points,
    length_record,
)
from judge_service.statistics.logistic import sigmoid


def compared(soft, lengths, prompt, models=("new", "old"), case=""):
    won = None if soft is None else float(soft > 0.5)
    status = "judged" if won is not None else "failed"
    texts = None if lengths is None else ("x" * int(lengths[0]), "y" * int(lengths[1]))
    return Comparison(case or prompt, prompt, models, status, soft, won, texts=texts)


def simulated(seed, prompts=200, answers=4, level=0.0, bias=0.8, gap=0.5):
    """Verdicts of answers that hang together within a prompt, of a judge that likes length so much."""
    draw = np.random.default_rng(seed)
    own = draw.normal(size=(prompts, 1))
    first = 300 + 100 * (gap + 0.6 * draw.normal(size=(prompts, 1)) + 0.8 * draw.normal(size=(prompts, answers)))
    first = np.maximum(first.round(), 1)
    lean = level + bias * np.tanh((first - 300) / (first - 300).std(ddof=1))
    share = 0.6 * own + 0.8 * draw.normal(size=(prompts, answers))
    # Noise that hangs together, and leaves the mean of each verdict where the bias puts it.
    softs = (norm.cdf(share) < sigmoid(lean)).astype(float)
    return [
        compared(soft, (one, 300), f"p{place}", case=f"p{place}.{k}")
        for place, (row, ones) in enumerate(zip(softs.tolist(), first.tolist(), strict=True))
        for k, (soft, one) in enumerate(zip(row, ones, strict=True))
    ]


def test_a_pure_liking_for_length_is_taken_off_and_intervals_cover():
    raws, rates, covered = [], [], 0
    for seed in range(240):
        found = length_controlled(simulated(seed, prompts=60))
        raws.append(found.raw.value)
        rates.append(found.rate.value)
        covered += found.rate.low <= 0.5 <= found.rate.high
    assert np.mean(raws) > 0.545
    assert np.mean(rates) == pytest.approx(0.5, abs=0.01)
    assert 0.92 <= covered / 240 <= 0.98


def test_the_effect_of_length_is_found_and_none_where_there_is_none():
    planted = length_controlled(simulated(1, prompts=500)).effects["length"]
    assert planted.low < 0.8 < planted.high
    assert planted.low > 0.3
    fair = length_controlled(simulated(1, prompts=500, bias=0.0)).effects["length"]
    assert fair.low < 0.0 < fair.high


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_who_is_named_first_makes_a_difference(seed, random):
    comparisons = simulated(seed, prompts=30)
    turned = [one.turned() for one in comparisons]
    random.shuffle(turned)
    one, other = length_controlled(comparisons), length_controlled(turned)
    assert other.rate.value == pytest.approx(1.0 - one.rate.value)
    assert other.rate.low == pytest.approx(1.0 - one.rate.high)
    assert other.effects["length"].logits == pytest.approx(one.effects["length"].logits)


def test_what_was_not_judged_or_has_no_texts_is_counted_apart():
    comparisons = [*simulated(3), compared(None, (9, 3), "q"), compared(0.7, None, "r")]
    found = length_finding(comparisons)
    assert found.equal.left_out == {"not judged": 1, "no texts": 1}
    assert found.equal.rate.n == 800
    assert found.alpaca.n == 800
    assert length_record(found)["length_left_out"] == {"not judged": 1, "no texts": 1}


def test_difficulties_are_held_and_averaged_over():
    comparisons = simulated(5, bias=0.5)
    hard = np.random.default_rng(0).normal(size=len(comparisons))
    plain, held = length_controlled(comparisons), length_controlled(comparisons, hard.tolist())
    assert held.rate.value == pytest.approx(plain.rate.value, abs=0.01)
    assert set(held.effects) == {"length"}
    with pytest.raises(ValueError, match="3 difficulties for 800 comparisons"):
        length_controlled(comparisons, [1.0, 2.0, 3.0])


def test_answers_of_one_length_need_no_control_and_one_constant_difference_allows_none():
    alike = length_controlled([compared(k % 2, (5, 5), f"p{k}") for k in range(30)])
    assert alike.rate.value == pytest.approx(0.5)
    assert alike.effects == {}
    longer = length_controlled([compared(k % 2, (6, 5), f"p{k}") for k in range(30)])
    assert (longer.rate, longer.raw.value) == (None, 0.5)
    assert longer.reason == "every two answers differ by one number of characters"
    told = length_record(length_finding([compared(k % 2, (6, 5), f"p{k}") for k in range(30)]))
    assert told["length_controlled_win_rate"] is None
    assert told["lc_reason"] == "every two answers differ by the same number of characters"


def test_the_record_names_both_estimates_in_percent_and_says_what_control_takes_off():
    comparisons = simulated(7)
    found = length_finding(comparisons)
    told = length_record(found)
    assert told["lc_formula"] == MINIMAL
    assert told["length_controlled_win_rate"] == pytest.approx(told["length_adjusted"]["win_rate"], abs=1.0)
    assert told["lc_standard_error"] is None
    assert told["length_adjusted"]["low"] < told["length_adjusted"]["win_rate"] < told["length_adjusted"]["high"]
    assert told["length_taken_off"] == pytest.approx(
        told["length_raw"]["win_rate"] - told["length_adjusted"]["win_rate"]
    )
    assert told["mean_lengths"][1] == 300
    page = length_lines(found)
    assert any("quality" in line for line in page)
    assert any("length_controlled_minimal" in line for line in page)


def test_a_plot_has_a_point_to_each_verdict_and_a_curve_through_the_controlled_rate():
    comparisons = simulated(9)
    found = length_finding(comparisons)
    points = length_points(comparisons)
    assert len(points) == 800
    assert points[0][0] == len(comparisons[0].texts[0]) - 300
    curve = length_curve(found, [-200, 0, 200])
    assert curve[1] == (0.0, pytest.approx(found.equal.rate.value))
    assert curve[0][1] < curve[1][1] < curve[2][1]
    assert length_curve(length_finding([compared(0.5, (6, 5), "p")]), [0]) == ()


def test_what_the_inputs_allow_decides_on_the_formula():
    draw = np.random.default_rng(3)
    softs, lengths, hard = draw.random(60).tolist(), draw.integers(1, 99, (60, 2)).tolist(), draw.normal(size=60)
    gamed = [Gamed(float(draw.random()), float(draw.normal()), float(draw.normal())) for _ in range(60)]
    minimal = alpaca_length_controlled(softs, lengths)
    plain = alpaca_length_controlled(softs, lengths, hard.tolist())
    full = alpaca_length_controlled(softs, lengths, hard.tolist(), gamed)
    assert [found.formula for found in (minimal, plain, full)] == [MINIMAL, UNREGULARISED, REGULARISED]
    assert (minimal.standard_error, minimal.caveat) == (None, "")
    assert alpaca_length_controlled(softs, lengths, None, gamed) == minimal
    unjudged = alpaca_length_controlled(softs, lengths, hard.tolist(), [Gamed(None, 1.0, 2.0), *gamed])
    assert unjudged == full


def test_a_model_that_never_won_has_a_number_that_is_said_not_to_be_trusted():
    lengths = np.random.default_rng(3).integers(1, 99, (60, 2)).tolist()
    lost = alpaca_length_controlled([0.0] * 60, lengths)
    assert lost.win_rate == 50.0
    assert "alpaca_eval 0.6.6" in lost.caveat
    found = length_finding([compared(0.0, pair, f"p{k}") for k, pair in enumerate(lengths)])
    assert lost.caveat in length_lines(found)[-1]
    assert length_record(found)["lc_caveat"] == lost.caveat
    assert found.equal.rate is None
    assert "fewer than the 5 shares" in alpaca_length_controlled([1.0, 0.0, None, 0.3, 0.4], lengths[:5])


def test_difficulties_are_read_as_alpaca_eval_writes_them():
    gamed = difficulties_in(
        ("df_gamed.csv:2", {"preference": told, "index": "0", "instruction_difficulty": "1.5", "std_delta_len": "-0.5",
                            "not_gamed_baseline": flag, "model": "m"})
        for told, flag in (("0.25", "False"), ("", "True"))
    )  # fmt: skip
    assert gamed.gamed == (Gamed(0.25, -0.5, 1.5), Gamed(None, -0.5, 1.5, False))
    assert gamed.of([compared(0.5, (1, 2), "some prompt")]) == [1.5]
    unnamed = difficulties_in([("f:2", {"": 0, "instruction_difficulty": -1}), ("f:3", {"": 1, "x": 2})])
    assert unnamed.of([compared(0.5, (1, 2), "1"), compared(0.5, (1, 2), "0")]) == [-1.0, 2.0]
    texts = difficulties_in([("f:1", {"instruction": "Why?", "difficulty": 0.5})])
    asked = digest({"prompt": "Why?", "context": None})
    assert texts.of([compared(0.5, (1, 2), asked)] * 2) == [0.5, 0.5]
    assert texts.of([compared(0.5, (1, 2), "Who?", case="c9")]) == (
        "no difficulty is told of 1 of 1 instructions, the first 'c9'"
    )


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"difficulty": 1.0}, "f:1: names no instruction"),
        ({"index": 1, "instruction_difficulty": "hard"}, "f:1: `instruction_difficulty` is to be a number"),
        ({"index": 1, "a": 1, "b": 2}, "f:1: which column"),
        ({"index": 1, "d": float("nan")}, "f:1: `d` is to be a number"),
        ({"index": 1, "instruction_difficulty": 1, "std_delta_len": 0, "preference": 1.7}, r"in \[0, 1\]"),
    ],
)
def test_a_damaged_row_of_difficulties_is_told_by_its_place(row, why):
    with pytest.raises(InvalidRequest, match=why):
        difficulties_in([("f:1", row)])


def test_rows_that_go_by_instructions_and_rows_that_go_by_places_do_not_mix():
    rows = [("f:1", {"instruction": "Why?", "d": 1}), ("f:2", {"index": 0, "d": 1})]
    with pytest.raises(InvalidRequest, match="some only an `index`"):
        difficulties_in(rows)


def test_no_row_at_all_is_no_file_of_difficulties():
    with pytest.raises(InvalidRequest, match="no rows"):
        difficulties_in([])


def test_difficulties_that_do_not_fit_are_left_out_and_it_is_said():
    comparisons = simulated(3, prompts=60)
    found = length_finding(comparisons, Difficulties({"other": 1.0}))
    assert found.alpaca.formula == MINIMAL
    assert "no difficulty is told of 240 of 240" in length_record(found)["length_difficulty"]
    by_prompt = Difficulties({f"p{k}": k / 60 for k in range(60)})
    assert length_finding(comparisons, by_prompt).alpaca.formula == UNREGULARISED
    assert length_finding(comparisons, by_prompt).difficulty == "given"
