"""Plans: from a pilot what it says, without one what is assumed and said to be."""

import math

import numpy as np
import pytest

from judge_service.evaluation.contests.comparisons import Comparison
from judge_service.evaluation.contests.plans import assumed_plan, plan_from


def pilot(values, model="new", answers=1):
    """Comparisons of soft verdicts, so many in a row to each prompt."""
    return [
        Comparison(f"c{n}", f"p{n // answers}", (model, "old"), "judged", float(value), float(value > 0.5))
        for n, value in enumerate(values)
    ]


def test_without_a_pilot_what_is_assumed_is_said_and_is_what_was_measured_before():
    plan = assumed_plan(0.05)
    soft, hard = plan.needs
    assert (soft.prompts[0.8], soft.prompts[0.9]) == (113, 151)
    assert (hard.prompts[0.8], hard.prompts[0.9]) == (783, 1047)
    assert "1/4" in hard.assumed
    assert "standard deviation of 0.19" in soft.assumed
    assert soft.until_decided.mean == pytest.approx(140, rel=0.1)
    assert hard.until_decided.mean == pytest.approx(930, rel=0.15)
    assert (plan.pilot, soft.detectable, soft.correlation) == (0, None, None)


def test_a_small_difference_of_hard_votes_is_planned_in_a_moment_too():
    hard = assumed_plan(0.02).needs[1]
    assert hard.prompts[0.8] == 4904
    assert 4_000 < hard.until_decided.median < 9_000


def test_a_pilot_says_how_far_prompts_differ():
    draws = np.random.default_rng(1)
    values = draws.beta(3, 3, size=400)
    plan = plan_from(pilot(values), 0.03)
    soft, hard = plan.needs
    assert plan.pilot == 400
    assert soft.deviation == pytest.approx(values.std(ddof=1))
    assert soft.prompts[0.8] == math.ceil((2.801585 * values.std(ddof=1) / 0.03) ** 2)
    assert hard.deviation == pytest.approx(0.5, abs=0.01)
    assert soft.detectable == pytest.approx(2.801585 * values.std(ddof=1) / 20, rel=1e-4)
    assert soft.assumed == hard.assumed == ""
    assert soft.until_decided.mean < hard.until_decided.mean


def test_several_alike_answers_to_a_prompt_need_fewer_prompts_but_not_so_many_fewer():
    draws = np.random.default_rng(2)
    leaning = draws.beta(2, 2, size=(300, 1))
    votes = (draws.random((300, 4)) < leaning).astype(float)
    four = plan_from(pilot(votes.ravel(), answers=4), 0.05).needs[1]
    one = plan_from(pilot(votes[:, 0]), 0.05).needs[1]
    assert one.correlation is None
    assert four.correlation == pytest.approx(0.2, abs=0.06)
    assert four.design_effect == pytest.approx(1.6, abs=0.2)
    assert four.prompts[0.8] == pytest.approx(one.prompts[0.8] * four.design_effect / 4, rel=0.1)


def test_two_models_over_one_baseline_need_fewer_prompts_the_more_alike_they_are():
    draws = np.random.default_rng(3)
    hard_prompts = draws.normal(size=300)

    def of(shared, name):
        logits = shared * hard_prompts + draws.normal(size=300)
        return pilot(1 / (1 + np.exp(-logits)), name)

    alike = plan_from(of(2.0, "new"), 0.08, of(2.0, "newer"))
    apart = plan_from(of(0.0, "new"), 0.08, of(0.0, "newer"))
    assert alike.is_paired
    assert alike.correlation > 0.6
    assert abs(apart.correlation) < 0.15
    assert alike.needs[0].until_decided.mean is not None
    one, other = of(2.0, "new"), of(2.0, "newer")
    differences = np.array([a.soft - b.soft for a, b in zip(one, other, strict=True)])
    assert plan_from(one, 0.08, other).needs[0].deviation == pytest.approx(differences.std(ddof=1))


def test_what_has_no_verdict_tells_a_plan_nothing():
    values = [0.2, 0.7, 0.9, 0.4] * 10
    gone = Comparison("x", "px", ("new", "old"), "unscored", None, None)
    assert plan_from([*pilot(values), gone], 0.1) == plan_from(pilot(values), 0.1)


@pytest.mark.parametrize(
    ("values", "why"), [([0.3, 0.8] * 4, "10 prompts with a verdict or more; this one has 8"), ([0.7] * 30, "the same")]
)
def test_a_pilot_that_cannot_say_it_is_refused(values, why):
    with pytest.raises(ValueError, match=why):
        plan_from(pilot(values), 0.05)


def test_a_kind_of_verdict_that_is_the_same_throughout_has_no_plan_of_its_own():
    plan = plan_from(pilot([0.6, 0.7, 0.8] * 10), 0.05)
    assert [need.verdict for need in plan.needs] == ["soft"]
    assert plan.alike == ("discrete",)


def test_a_pilot_all_on_one_side_has_no_simulation():
    values = [0.50, 0.52, 0.54] * 10
    soft = plan_from(pilot(values), 0.1).needs[0]
    assert soft.until_decided is None
    assert "no prompt of the pilot" in soft.why_not
