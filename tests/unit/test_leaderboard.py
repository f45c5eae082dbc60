"""Comparisons of many models as a table: strengths, ranks, and what is not known."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge_service.errors import InvalidRequest
from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.evaluation.contests.leaderboard import Terms, differences_of, leaderboard, rating
from judge_service.evaluation.contests.strengths import strengths_of
from judge_service.statistics.davidson import beat_shares

PLANTED = {"weak": -1.0, "fair": -0.2, "good": 0.3, "best": 0.9}


def one(case: int, models: tuple[str, str], won: float | None, prompt: str = "", **more: object) -> Comparison:
    """A comparison, judged unless `won` is None."""
    status = "unscored" if won is None else "judged"
    return Comparison(f"c{case}", prompt or f"p{case}", models, status, won, won, **more)


def played(seed: int, prompts: int = 100, planted: dict[str, float] | None = None, noise: float = 0.5):
    """Every pair of models on every prompt, by Davidson's model; a prompt suits one model better than another."""
    source = np.random.default_rng(seed)
    planted = planted or PLANTED
    names, pairs = list(planted), list(combinations(range(len(planted)), 2))
    at = np.asarray(list(planted.values())) + source.normal(0, noise, (prompts, len(names)))
    halves = np.stack([at[:, i] - at[:, j] for i, j in pairs], axis=1) / 2
    shares = np.exp(np.stack([halves, -halves, np.full_like(halves, -1.0)], axis=2))
    bounds = shares.cumsum(axis=2) / shares.sum(axis=2, keepdims=True)
    ways = (bounds < source.random(halves.shape)[:, :, None]).sum(axis=2)
    return [
        one(prompt * len(pairs) + k, (names[i], names[j]), (1.0, 0.0, 0.5)[ways[prompt, k]], f"p{prompt}")
        for prompt in range(prompts)
        for k, (i, j) in enumerate(pairs)
    ]


def comparable(found, name=lambda model: model):
    """What a table says of each model, by the name it had."""
    return {
        name(row.model): (row.strength, row.standard_error, row.low, row.high, *row.drawn, row.expected,
                          row.rate.soft.value, row.ranks.rank, row.ranks.low, row.ranks.high, *row.ranks.drawn)
        for row in found.rows
    }  # fmt: skip


@settings(max_examples=10)
@given(st.integers(0, 1000), st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_who_is_named_first_changes_the_table(seed, random):
    rows = played(seed, 20)
    moved = [each.turned() if random.random() < 0.5 else each for each in rows]
    random.shuffle(moved)
    before, after = (comparable(leaderboard(told, Terms(draws=50))) for told in (rows, moved))
    for model, told in before.items():
        assert after[model] == pytest.approx(told, abs=1e-6)


def test_other_names_give_the_same_table_under_these_names():
    new = {"weak": "z", "fair": "a", "good": "m", "best": "c"}
    rows = played(1)
    renamed = [one(k, (new[e.models[0]], new[e.models[1]]), e.won, e.prompt) for k, e in enumerate(rows)]
    before = comparable(leaderboard(rows, Terms(draws=50)), new.__getitem__)
    after = comparable(leaderboard(renamed, Terms(draws=50)))
    assert {model: pytest.approx(told, abs=1e-6) for model, told in before.items()} == after


def test_models_stand_by_their_strengths_and_ranks_are_where_sure_differences_leave_them():
    found = leaderboard(played(2, 300), Terms())
    assert [row.model for row in found.rows] == ["best", "good", "fair", "weak"]
    assert [row.ranks.rank for row in found.rows] == [1, 2, 3, 4]
    assert all(each.adjusted < 0.05 for each in found.differences)
    assert [(row.ranks.low, row.ranks.high) for row in found.rows] == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert sum(row.strength for row in found.rows) == pytest.approx(0.0, abs=1e-9)
    assert sum(row.expected for row in found.rows) == pytest.approx(2.0)
    assert found.is_sound
    assert found.warnings == ()


def test_where_nothing_is_sure_every_rank_is_open():
    found = leaderboard(played(3, 60, dict.fromkeys(PLANTED, 0.0)), Terms())
    assert {(row.ranks.low, row.ranks.high) for row in found.rows} == {(1, 4)}
    assert all(row.ranks.drawn[0] < row.ranks.drawn[1] for row in found.rows)


def test_expected_shares_are_those_of_the_fit():
    found = leaderboard(played(4), Terms())
    strengths = np.asarray([row.strength for row in found.rows])
    assert [row.expected for row in found.rows] == pytest.approx(beat_shares(strengths, found.nu).tolist())


def test_a_perfect_model_has_no_strength_and_stands_above_all_the_same():
    rows = [*played(5, 40), *(one(1000 + k, ("perfect", "good"), 1.0, f"p{k}") for k in range(40))]
    rows += [one(2000 + k, ("good", "hopeless"), 1.0, f"p{k}") for k in range(40)]
    rows += [one(3000, ("x", "y"), 1.0), one(3001, ("y", "x"), 1.0)]
    found = leaderboard(rows, Terms(draws=50))
    names = [row.model for row in found.rows]
    assert names[0] == "perfect"
    assert set(names[1:5]) == set(PLANTED)
    assert names[5:] == ["hopeless", "x", "y"]
    whys = {row.model: row.why.partition(":")[0] for row in found.rows if row.strength is None}
    assert whys == {"perfect": "above", "hopeless": "below", "x": "apart", "y": "apart"}
    ranks = {row.model: row.ranks for row in found.rows}
    assert ranks["perfect"] is None
    assert [ranks[name].rank for name in names[1:5]] == [2, 3, 4, 5]
    assert ranks[names[1]].low == ranks[names[1]].drawn[0] == 2


def test_two_models_of_which_one_always_wins_have_no_strengths_at_all():
    found = leaderboard([one(k, ("m", "n"), 1.0) for k in range(5)], Terms())
    assert not found.is_sound
    assert [row.strength for row in found.rows] == [None, None]
    assert any("no finite strength" in warning for warning in found.warnings)


def test_missing_verdicts_of_one_model_leave_no_table_that_is_sound():
    rows = played(6)
    lost = [one(k, each.models, None if "weak" in each.models and k % 20 == 0 else each.won, each.prompt)
            for k, each in enumerate(rows)]  # fmt: skip
    open_ = leaderboard(lost, Terms(draws=0))
    assert not open_.is_sound
    assert "verdict" in open_.warnings[0]
    tied, dropped = (leaderboard(lost, Terms(draws=0, unscored=way)) for way in ("tie", "drop"))
    assert tied.is_sound
    assert dropped.is_sound
    missing = sum(each.won is None for each in lost)
    weak = {row.model: row for row in tied.rows}["weak"]
    assert weak.met.unscored == missing
    assert weak.rate.draws == weak.met.ties + missing
    assert [row.strength for row in dropped.rows] == [row.strength for row in open_.rows]
    assert tied.rows[0].strength != dropped.rows[0].strength


def test_few_missing_verdicts_that_are_even_do_not_matter_and_are_told():
    rows = played(7, 300)
    rows[10] = one(10, rows[10].models, None, rows[10].prompt)
    found = leaderboard(rows, Terms(draws=0))
    assert found.is_sound
    assert sum(row.met.unscored for row in found.rows) == 2
    assert not leaderboard(rows, Terms(draws=0), unplaced=30).is_sound


def test_soft_strengths_are_by_probabilities():
    source = np.random.default_rng(8)
    rows = []
    for k in range(400):
        gap = 0.8 + source.normal(0, 0.5)
        share = float(1 / (1 + np.exp(-gap)))
        rows.append(Comparison(f"c{k}", f"p{k}", ("m", "n"), "judged", share, float(share > 0.5)))
    found = leaderboard(rows, Terms(is_soft=True, draws=0))
    mean = np.mean([each.soft for each in rows])
    assert found.rows[0].strength - found.rows[1].strength == pytest.approx(np.log(mean / (1 - mean)))
    assert found.rows[0].rate.soft.value == pytest.approx(mean)
    assert found.nu is None


def test_style_is_taken_off_where_it_decides():
    source = np.random.default_rng(9)
    rows = []
    for k in range(1500):
        # Model "long" mostly writes more; who writes more wins more often, whoever it is.
        sizes = 300 + 200 * (source.random() < 0.8), 300 + 200 * (source.random() < 0.3)
        gap = 1.5 * np.sign(sizes[0] - sizes[1])
        won = float(source.random() < 1 / (1 + np.exp(-gap)))
        texts = ("x" * sizes[0], "y" * sizes[1])
        rows.append(one(k, ("long", "short"), won, texts=texts))
    raw, level = (leaderboard(rows, Terms(draws=0, is_in_one_style=way)) for way in (False, True))
    gaps = [found.differences[0] for found in (raw, level)]
    assert gaps[0].low > 0.4
    assert abs(gaps[1].difference) < 2.5 * gaps[1].standard_error
    assert [slope.name for slope in level.slopes] == ["length"]


def test_style_that_is_not_known_or_is_always_the_models_own_is_refused():
    rows = played(10, 20)
    with pytest.raises(InvalidRequest, match="those of case 'c0' are not known"):
        leaderboard(rows, Terms(is_in_one_style=True))
    always = [one(k, ("m", "n"), float(k % 2), texts=("x" * 20, "y" * 10)) for k in range(20)]
    with pytest.raises(InvalidRequest, match="style cannot be told from who wrote"):
        leaderboard(always, Terms(is_in_one_style=True))


def test_what_cannot_be_a_leaderboard_is_refused():
    with pytest.raises(InvalidRequest, match="case 'c0' compares 'm' with itself"):
        leaderboard([one(0, ("m", "m"), 1.0)], Terms())
    with pytest.raises(InvalidRequest, match="no model 'q' here; known: m, n"):
        leaderboard([one(0, ("m", "n"), 1.0)], Terms(baseline="q"))
    with pytest.raises(InvalidRequest, match="none of these comparisons has a verdict"):
        leaderboard([one(0, ("m", "n"), None)], Terms())


def test_a_rating_of_400_points_more_is_odds_of_ten_to_one():
    assert rating(0.0) == 1000.0
    assert rating(np.log(10)) == pytest.approx(1400.0)
    assert rating(None) is None


def test_intervals_of_strengths_and_differences_cover_the_truth():
    names = list(PLANTED)
    truth = strengths_of(played(0, 6000), names, False, None, 0, 0, 0.95).strengths
    covered = every = 0
    for seed in range(1, 251):
        found = strengths_of(played(seed, 60), names, False, None, 0, 0, 0.95)
        for name in names:
            low, high = found.interval(name, 0.95)
            covered += low <= truth[name] <= high
            every += 1
        for each in differences_of(found, 0.95):
            covered += each.low <= truth[each.stronger] - truth[each.weaker] <= each.high
            every += 1
    assert 0.93 <= covered / every <= 0.97
