"""What a trainer logs of its judge: each figure on judgments made by hand, and the rule on simulated runs."""

import random
from dataclasses import replace
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.domain.judgments import JudgeIdentity, Judgment, Named, Provenance
from judge_service.domain.verdicts import Failure, Preference, Usage
from judge_service.integrations.hacking import WINDOW, Audit, reward_hacking
from judge_service.integrations.watching import Rewarded, Watch, Watched, length_correlation

JUDGE = JudgeIdentity("default", "chat", "m", "", 1, "sha256:1")


def judged(winner: str | None = "a", consistent: bool | None = True, judge: JudgeIdentity = JUDGE, **told) -> Judgment:
    """A judged pair; fields of the verdict or the judgment may be told."""
    verdict = Preference(
        winner, 0.7, 0.8, consistent, 0.4 if consistent is not None else None, "logprobs", "mean-logit"
    )
    named = Named("r", "1", "sha256:r")
    provenance = Provenance("0", "pairwise", "direct", 0, "direct", named, named, (judge,))
    asked = {"asked": told.pop("asked")} if "asked" in told else {}
    whole = {"status": "judged", "usage": Usage(judge_calls=2), "provenance": provenance} | told
    return Judgment(
        id="jdg_1",
        kind="preference",
        created="",
        case_id="c",
        case_digest="sha256:0",
        run_digest="sha256:1",
        candidates=("a", "b"),
        models={},
        verdict=replace(verdict, **asked),
        votes=(),
        **whole,
    )


def unscored(kind: str) -> Judgment:
    return replace(judged(), status="unscored", verdict=None, provenance=None, failure=Failure(kind, "why"))


def group(name: str, *pairs: tuple[float | None, int]) -> list[Rewarded]:
    return [Rewarded(name, length, reward) for reward, length in pairs]


def test_flips_are_of_pairs_in_both_orders_and_ties_of_all_judged():
    step = [judged(consistent=False), judged(), judged(), judged(), judged("tie", None)]
    figures = Watch().step(step).figures
    assert (figures["judge/flip_rate"], figures["judge/tie_share"]) == (0.25, 0.2)
    assert figures["judge/position_bias"] == pytest.approx(0.4)


def test_what_is_not_known_is_left_out():
    figures = Watch().step([judged(consistent=None)]).figures
    assert "judge/flip_rate" not in figures
    assert "judge/position_bias" not in figures
    assert "judge/reward_mean" not in figures
    assert Watch().step([]).figures == {}


def test_second_orders_asked_for_since_the_first_was_a_near_tie_do_not_raise_the_flip_rate():
    step = [judged(consistent=False, asked="near-tie")] * 5 + [judged(asked="audit"), judged(False, asked="audit")]
    step[-1] = judged(consistent=False, asked="audit")
    assert Watch().step(step).figures["judge/flip_rate"] == 0.5


def test_unscored_cases_are_told_by_their_kinds_and_are_no_ties():
    step = [judged(), judged(), unscored("timeout"), unscored("unreadable")]
    figures = Watch().step(step).figures
    assert figures["judge/unscored"] == 0.5
    assert figures["judge/unscored/timeout"] == figures["judge/unscored/unreadable"] == 0.25
    assert figures["judge/tie_share"] == 0.0


def test_the_caches_share_is_of_all_answers():
    step = [judged(usage=Usage(judge_calls=1, cache_hits=3)), judged(usage=Usage(judge_calls=4))]
    figures = Watch().step(step).figures
    assert (figures["judge/cache_hit_share"], figures["judge/calls"]) == (0.375, 5.0)


def test_another_judge_is_told_once():
    watch = Watch()
    later = replace(JUDGE, epoch=2, digest="sha256:2")
    told = [watch.step([judged(judge=judge), unscored("timeout")]) for judge in (JUDGE, JUDGE, later, later)]
    assert [t.figures["judge/epoch"] for t in told] == [1, 1, 2, 2]
    assert [t.figures["judge/epoch_changed"] for t in told] == [0, 0, 1, 0]
    assert [len(t.warnings) for t in told] == [0, 0, 1, 0]
    assert "it was m, epoch 1, and is m, epoch 2" in told[2].warnings[0]


def test_rewards_are_told_without_those_that_are_missing():
    figures = Watch().step([judged()], group("g", (1.0, 5), (3.0, 9), (None, 2))).figures
    assert (figures["judge/reward_mean"], figures["judge/reward_spread"]) == (2.0, 1.0)
    assert figures["judge/length_correlation"] == pytest.approx(1.0)


def test_longer_is_better_within_groups_whatever_prompts_differ_in():
    short_but_prized = group("one", (9.0, 10), (8.0, 11), (7.0, 12))
    long_and_poor = group("two", (3.0, 100), (2.0, 110), (1.0, 120))
    assert length_correlation(short_but_prized + long_and_poor) == pytest.approx(-1.0)


@pytest.mark.parametrize(
    "responses",
    [[], group("g", (1.0, 5)), group("g", (1.0, 5), (1.0, 9)), group("g", (1.0, 5), (2.0, 5)), group("g", (None, 1))],
)
def test_a_correlation_that_is_not_defined_is_none(responses):
    assert length_correlation(responses) is None


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.integers(1, 9)), min_size=2, max_size=30))
def test_a_correlation_lies_in_its_bounds_and_turns_with_the_rewards(rows):
    responses = [Rewarded(name, length, float(reward)) for name, reward, length in rows]
    found = length_correlation(responses)
    turned = length_correlation([replace(r, reward=-r.reward) for r in responses])
    if found is None:
        assert turned is None
    else:
        assert -1.0 - 1e-9 <= found <= 1.0 + 1e-9
        assert turned == pytest.approx(-found)


def test_figures_and_warnings_of_several_watchers_go_together():
    assert Watched({"a": 1.0}, ("x",)) | Watched({"b": 2.0}, ("y",)) == Watched({"a": 1.0, "b": 2.0}, ("x", "y"))


def trajectory(seed: int, rise: float, fall: float, audits: int, pairs: int = 64) -> list[Audit]:
    """A run whose reward rises by `rise` from audit to audit (its noise is 0.05), while the share of pairs that the
    second judge agrees on falls by `fall` each time, from 0.8 on."""
    drawn = random.Random(seed)
    reward = NormalDist(0.0, 0.05)
    run = []
    for at in range(audits):
        share = 0.8 - fall * at
        agreed = sum(drawn.random() < share for _ in range(pairs))
        run.append(Audit(100 * at, rise * at + reward.inv_cdf(drawn.uniform(1e-6, 1 - 1e-6)), agreed, pairs))
    return run


def warned(run: list[Audit]) -> int | None:
    """The audit at which a warning first comes."""
    return next((at for at in range(len(run)) if reward_hacking(run[: at + 1])), None)


def test_a_policy_that_learns_its_judge_is_told_of_in_time():
    runs = [trajectory(seed, rise=0.05, fall=0.02, audits=25) for seed in range(200)]
    assert sum(warned(run) is not None for run in runs) >= 198


def test_a_policy_that_gets_better_is_seldom_suspected():
    runs = [trajectory(seed, rise=0.05, fall=0.0, audits=40) for seed in range(300)]
    assert sum(warned(run) is not None for run in runs) <= 12


def test_agreement_that_falls_while_the_reward_does_not_rise_is_no_hacking():
    runs = [trajectory(seed, rise=0.0, fall=0.02, audits=20) for seed in range(200)]
    assert sum(warned(run) is not None for run in runs) <= 10
    assert not any(warned(trajectory(seed, rise=-0.05, fall=0.02, audits=20)) for seed in range(200))


def test_no_warning_comes_before_there_is_enough_to_go_by():
    run = trajectory(1, rise=0.2, fall=0.08, audits=WINDOW)
    assert warned(run) == WINDOW - 1
    assert reward_hacking([]) is None
    assert reward_hacking([replace(audit, pairs=0, agreed=0) for audit in run]) is None


def test_a_fall_too_small_to_matter_is_not_told_however_certain():
    run = [Audit(at, float(at), 90_000 - 300 * at, 100_000) for at in range(WINDOW)]
    assert reward_hacking(run) is None


def test_the_warning_names_the_steps_and_both_figures():
    run = [Audit(at, float(at), 30 - 2 * at, 32) for at in range(WINDOW)]
    told = reward_hacking(run)
    assert told is not None
    assert "from step 0 to 9 the mean reward rose from 2 to 7" in told
    assert "fell from 81% to 50%" in told
