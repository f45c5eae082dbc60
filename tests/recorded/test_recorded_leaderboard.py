"""A leaderboard of AlpacaEval's recorded annotations, beside the published one."""

import pytest
from test_imported_preferences import published

from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.evaluation.contests.leaderboard import Leaderboard, Terms, leaderboard

BASELINE = "gpt4_1106_preview"


@pytest.fixture(scope="module")
def comparisons() -> list[Comparison]:
    """Every recorded preference, the model's answer first; those that were not recorded have no verdict."""
    found = []
    for model, told in published().items():
        for k, preference in enumerate(told["pref"]):
            known = preference is not None and 0.0 <= preference <= 2.0
            # AlpacaEval writes a draw as 0 or 1.5, and else 1 plus the probability that the model's is better.
            soft = None if not known else 0.5 if preference in (0.0, 1.5) else preference - 1.0
            won = None if soft is None else 0.5 if soft == 0.5 else float(soft > 0.5)
            status = "judged" if known else "unscored"
            found.append(Comparison(f"{model}-{k}", f"{k}", (model, BASELINE), status, soft, won))
    return found


def order(found: Leaderboard) -> list[str]:
    return [row.model for row in found.rows if row.model != BASELINE]


def test_win_rates_against_the_baseline_are_the_published_ones(comparisons: list[Comparison]) -> None:
    found = leaderboard(comparisons, Terms(baseline=BASELINE, draws=0))
    rows = {row.model: row for row in found.rows}
    for model, told in published().items():
        rate = rows[model].against_baseline
        assert rate is not None
        assert rate.soft is not None
        assert rate.discrete is not None
        assert 100 * rate.soft.value == pytest.approx(float(told["published"]["win_rate"]), abs=1e-9)
        assert 100 * rate.discrete.value == pytest.approx(float(told["published"]["discrete_win_rate"]), abs=1e-9)
        assert rate.total == int(told["published"]["n_total"])


@pytest.mark.parametrize(("is_soft", "rate"), [(True, "win_rate"), (False, "discrete_win_rate")])
def test_the_order_is_that_of_the_published_rates(comparisons: list[Comparison], is_soft: bool, rate: str) -> None:
    # With one baseline for all, Bradley-Terry's strengths rise with the rate, with ties as without.
    rates = {model: float(told["published"][rate]) for model, told in published().items()}
    found = order(leaderboard(comparisons, Terms(is_soft=is_soft, draws=0)))
    assert [rates[model] for model in found] == pytest.approx(sorted(rates.values(), reverse=True), abs=1e-9)


def test_neighbours_that_stand_within_chance_share_their_ranks(comparisons: list[Comparison]) -> None:
    found = leaderboard(comparisons, Terms(draws=200))
    assert found.is_sound
    for row in found.rows:
        assert row.ranks is not None
        assert row.ranks.drawn is not None
        assert row.ranks.low <= row.ranks.drawn[0] <= row.ranks.rank <= row.ranks.drawn[1] <= row.ranks.high
    assert 0 < sum(each.adjusted > 0.05 for each in found.differences) < len(found.differences)
