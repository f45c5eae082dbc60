"""Stored judgments read again: samples, differences, standings, paces and what two rows must share to be one."""

import gzip
import math
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.batch.merging import content_digest
from judge_service.batch.pace import Pace, rate_of
from judge_service.batch.packing import packed
from judge_service.domain.judgments import Judgment
from judge_service.domain.records import record_of
from judge_service.domain.verdicts import Failure, Preference, Ranking, Scorecard, Usage, Vote
from judge_service.evaluation.differences import differences, outcome_of
from judge_service.evaluation.samples import Sample, is_wanted
from judge_service.evaluation.standing import Prices, Standing
from judge_service.statistics.kappa import cohens_kappa


def judgment(name="c", logit=1.0, **more):
    """A pair that was judged in both orders."""
    winner = "a" if logit > 0 else "b" if logit < 0 else "tie"
    given_ = {
        "id": f"jdg_{name}", "kind": "preference", "status": "judged", "created": "2026-01-01T00:00:00.000Z",
        "case_id": name, "case_digest": "sha256:c", "run_digest": "sha256:r", "candidates": ("a", "b"),
        "models": {}, "votes": (), "provenance": None, "usage": Usage(2, 1, 100, 60, 4),
        "verdict": Preference(winner, 1 / (1 + math.exp(-logit)), logit, True, 0.5, "logprobs", "mean-logit"),
    }  # fmt: skip
    return Judgment(**{**given_, **more})


def failed(name, kind="timeout", message="late"):
    vote = Vote("j", "pair", "direct", ("a", "b"), failure=Failure(kind, message))
    return judgment(name, status="unscored", verdict=None, votes=(vote,))


ids = st.lists(st.text(max_size=4), unique=True, max_size=40)


@given(ids, st.randoms(use_true_random=False), st.integers(1, 10), st.integers(0, 3))
def test_a_sample_depends_on_nothing_but_its_cases_and_seed_and_a_smaller_one_is_its_beginning(names, dice, size, seed):
    def drawn(order, many):
        held = Sample(many, seed)
        for name in order:
            if held.may_hold(name):
                held.hold(name, {"case_id": name})
        return [record["case_id"] for record in held.drawn()]

    shuffled = [*names, *names]
    dice.shuffle(shuffled)
    assert drawn(shuffled, size) == drawn(names, size) == drawn(names, len(names) + 1)[:size]


def test_only_what_is_looked_for_is_wanted():
    inconsistent = judgment(verdict=replace(judgment().verdict, consistent=False))
    kinds = {"sure": judgment(logit=2.0), "near": judgment(logit=0.1), "ties": judgment(logit=0.0)}
    kinds |= {"inconsistent": inconsistent, "failed": failed("f")}
    wanted = {
        only: [name for name, each in kinds.items() if is_wanted(each, only=only)]
        for only in ("near", "ties", "inconsistent")
    }
    assert wanted == {"near": ["near"], "ties": ["ties"], "inconsistent": ["inconsistent"]}
    assert [name for name, each in kinds.items() if is_wanted(each, "unscored")] == ["failed"]


def test_kappa_is_the_textbooks():
    assert cohens_kappa({("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}) == pytest.approx(
        0.4
    )
    assert cohens_kappa({("yes", "yes"): 3}) is cohens_kappa({}) is None


@given(st.dictionaries(st.tuples(*[st.sampled_from("abc")] * 2), st.integers(0, 50)))
def test_kappa_has_no_first_rater_and_no_names(counts):
    kappa = cohens_kappa(counts)
    assert kappa == cohens_kappa({(b, a): n for (a, b), n in counts.items()})
    assert kappa == cohens_kappa({(f"x{a}", f"x{b}"): n for (a, b), n in counts.items()})
    assert kappa is None or kappa <= 1


def told(*pairs, most=10):
    return differences([(one.case_id, outcome_of(one), outcome_of(other)) for one, other in pairs], most)


def test_two_runs_are_compared_where_both_judged_and_the_rest_is_counted():
    found = told(
        (judgment("same"), judgment("same", 1.5)),
        (judgment("closer", 5.0), judgment("closer", 1.0)),
        (judgment("other", 0.5), judgment("other", -0.5)),
        (judgment("tied", 0.2), judgment("tied", 0.0)),
        (judgment("lost"), failed("lost")),
        (judgment("text"), judgment("text", case_digest="sha256:x")),
        most=3,
    )
    assert (found.cases, found.judged, found.same, found.other_texts) == (6, 5, 3, 1)
    assert found.statuses == {("judged", "judged"): 5, ("judged", "unscored"): 1}
    assert found.winners == {("1", "1"): 3, ("1", "2"): 1, ("1", "tie"): 1}
    assert found.distance == pytest.approx((0.5 + 4 + 1 + 0.2 + 0) / 5)
    assert [each.case_id for each in found.largest] == ["other", "tied", "closer"]


def test_a_swapped_pair_with_the_mirrored_verdict_is_no_difference():
    verdict = replace(judgment(logit=-1.0).verdict, winner="a")
    found = told((judgment(), judgment(candidates=("b", "a"), verdict=verdict)))
    assert (found.same, found.distance, found.largest, found.other_texts) == (1, 0.0, [], 0)


def test_rankings_are_compared_by_who_is_best_and_scores_by_their_steps():
    def ranked(**ranks):
        return judgment(candidates=tuple("abc"), verdict=Ranking(tuple(ranks), ranks, None, None, None, "listwise", 1))

    found = told((ranked(a=1, b=2, c=3), ranked(a=1, c=2, b=3)), (ranked(a=1, b=2, c=3), ranked(c=1, b=1, a=3)))
    assert found.winners == {("1", "1"): 1, ("1", "tie"): 1}
    scored = [judgment(candidates=("a",), verdict=Scorecard(score, None, None)) for score in (3.4, 3.1, 4.6)]
    found = told((scored[0], scored[1]), (scored[0], scored[2]))
    assert found.winners == {("3", "3"): 1, ("3", "5"): 1}
    assert found.distance == pytest.approx((0.3 + 1.2) / 2)


def test_a_standing_counts_what_came_and_why_it_did_not():
    standing = Standing()
    flipped = judgment(verdict=replace(judgment().verdict, consistent=False, position_bias=1.5))
    dropped = judgment(
        status="dropped", dropped_by="drop-inconsistent", verdict=replace(judgment().verdict, winner=None)
    )
    for each in (judgment(), flipped, judgment(logit=0.0), dropped, failed("f"), failed("g", message="later")):
        standing.count(each)
    assert dict(standing.statuses) == {"judged": 3, "dropped": 1, "unscored": 2}
    kinds = {kind: (each.count, each.first, each.case_id) for kind, each in standing.failures.items()}
    assert kinds == {"drop-inconsistent": (1, "", "c"), "timeout": (2, "late", "f")}
    assert (standing.flip_rate, standing.tie_rate, standing.mean_bias) == (1 / 4, 1 / 3, 0.75)
    assert standing.usage == Usage(12, 6, 600, 360, 24)
    assert Prices(2.0, 10.0).of(standing.usage) == pytest.approx((600 * 2 + 24 * 10) / 1e6)
    assert (Standing().flip_rate, Standing().tie_rate, Standing().mean_bias) == (None, None, None)


def paced(*times):
    pace = Pace()
    for time in times:
        pace.count(f"2026-01-01T{time}Z")
    return pace


def test_a_pace_is_that_since_the_last_pause_and_those_that_have_ended_do_not_count():
    gone_on_with = paced("00:00:00", "00:00:01", "05:00:00.000", "05:00:02.000", "05:00:04.000")
    assert gone_on_with.rate == pytest.approx(0.5)
    beside, ended = paced("05:00:00", "05:00:01"), paced("01:00:00", "01:00:01")
    assert rate_of([gone_on_with, beside, ended]) == pytest.approx(1.5)
    damaged = Pace()
    damaged.count("yesterday")
    assert rate_of([paced(), paced("00:00:00"), damaged]) is None


def test_two_rows_say_the_same_whenever_and_however_cheaply_they_were_made():
    vote = Vote("j", "pair", "direct", ("a", "b"), probabilities={"a": 0.7, "b": 0.3})

    def named(**more):
        return content_digest(orjson.loads(orjson.dumps(record_of(judgment(**{"votes": (vote,), **more})))))

    cheap = {"usage": Usage(0, 2), "votes": (replace(vote, cached=True),)}
    assert named() == named(id="jdg_2", created="2027-01-01T00:00:00.000Z", **cheap)
    others = [{"logit": 1.1}, {"status": "dropped"}, {"case_digest": "x"}, {"metadata": {"set": 1}}, {"votes": ()}]
    assert len({named(), *(named(**other) for other in others)}) == len(others) + 1


@pytest.mark.parametrize("count", [0, 1, 3])
def test_lines_are_packed_as_each_kind_of_file_holds_them(count):
    lines = [b'{"row":%d}\n' % number for number in range(count)]
    rows = [{"row": number} for number in range(count)]
    assert b"".join(packed(lines, ".jsonl")) == gzip.decompress(b"".join(packed(lines, ".jsonl.gz"))) == b"".join(lines)
    assert orjson.loads(b"".join(packed(lines, ".json"))) == rows
