"""Exports: what every format's rows look like, and what never becomes one."""

import math
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.domain.cases import Candidate, Case, Message
from judge_service.domain.digests import digest
from judge_service.domain.judgments import Judgment
from judge_service.domain.verdicts import (
    CandidateScore,
    CriterionScore,
    Failure,
    Preference,
    Ranking,
    Scorecard,
    Usage,
)
from judge_service.exports import FORMATS
from judge_service.exports.card import Seen, card
from judge_service.exports.export import Export, Survey, Tally
from judge_service.exports.formats import Paired
from judge_service.exports.groups import group_of
from judge_service.exports.loading import File, how_to_load, llama_factory_entry
from judge_service.exports.paired import Writing
from judge_service.exports.policy import PAIRINGS, Policy, pairs_of

PROMPT = "Name a prime number."
ASKED = [{"role": "user", "content": PROMPT}]


def case(*texts, name="c", prompt=PROMPT):
    return Case(name, prompt, tuple(Candidate("abcdefgh"[i], text) for i, text in enumerate(texts)))


def judged(case, verdict, status="judged", **more):
    kind = {Preference: "preference", Ranking: "ranking", Scorecard: "scorecard"}.get(type(verdict), "preference")
    return Judgment(
        "jdg_" + case.id, kind, status, "2026-01-01T00:00:00.000Z", case.id, case.digest, "sha256:2",
        tuple(c.id for c in case.candidates), {}, verdict, (), None, Usage(), **more,
    )  # fmt: skip


def preference(winner="a", logit=2.0, p=0.88, consistent=True, evidence="logprobs"):
    return Preference(winner, p, logit, consistent, 0.1, evidence, "mean-logit")


TIE = preference("tie", 0.0, 0.5)


def scorecard(*scores):
    """Of candidates a, b, … on a scale from 1 to 5."""
    cards = {
        "abcdefgh"[i]: CandidateScore(s, (s - 1) / 4, (CriterionScore("all", s, (1, 5), None),))
        for i, s in enumerate(scores)
    }
    return Scorecard(None, None, None, cards)


def ranking(ranks, strengths=None, w=None):
    names = "abcdefgh"[: len(ranks)]
    scores = {name: 1.0 / rank for name, rank in zip(names, ranks, strict=True)}
    ordered = tuple(sorted(names, key=dict(zip(names, ranks, strict=True)).__getitem__))
    told = None if strengths is None else dict(zip(names, strengths, strict=True))
    return Ranking(ordered, dict(zip(names, ranks, strict=True)), scores, told, w, "listwise", 5)


def exported(
    name, *found, tally=None, provenance=False, temperature=1.0, texts="auto", threshold=0.5, seen=None, **policy
):
    """The rows of (case, judgment) pairs in a format, as the command makes them."""
    cases = {judgment.id: own for own, judgment in found}
    judgments = [judgment for _, judgment in found]
    format_ = FORMATS[name]
    told = Policy(**{"ties": format_.ties[0], **policy})
    writing = Writing(temperature=temperature, texts=texts, threshold=threshold)
    plan = Export(format_, told, writing, lambda j: cases[j.id], provenance, seen_unit=seen)
    survey = Survey().look_at(plan.units(judgments, Tally()), told.one_per_prompt)
    best = survey.best if told.one_per_prompt else None
    plan = replace(plan, writing=plan.writing.settled(survey.talk), best=best)
    return list(plan.rows(judgments, tally if tally is not None else Tally()))


def pair(verdict, *texts, **more):
    own = case(*(texts or ("7", "8")), **more)
    return own, judged(own, verdict)


GOOD, BAD = [{"role": "assistant", "content": "7"}], [{"role": "assistant", "content": "8"}]


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("trl-preference", [{"prompt": PROMPT, "chosen": "7", "rejected": "8"}]),
        ("trl-preference-implicit", [{"chosen": ASKED + GOOD, "rejected": ASKED + BAD}]),
        ("trl-reward", [{"prompt": PROMPT, "chosen": "7", "rejected": "8", "margin": 2.0}]),
        ("openrlhf", [{"prompt": PROMPT, "chosen": "7", "rejected": "8", "margin": 2.0}]),
        (
            "kto",
            [
                {"prompt": PROMPT, "completion": "7", "label": True},
                {"prompt": PROMPT, "completion": "8", "label": False},
            ],
        ),
        (
            "soft",
            [{"prompt": PROMPT, "chosen": "7", "rejected": "8", "probability": 0.8807970779778823, "margin": 2.0}],
        ),
        (
            "openai-preference",
            [
                {
                    "input": {"messages": ASKED, "tools": [], "parallel_tool_calls": True},
                    "preferred_output": GOOD,
                    "non_preferred_output": BAD,
                }
            ],
        ),
        ("axolotl", [{"messages": ASKED, "chosen": GOOD[0], "rejected": BAD[0]}]),
        ("llama-factory", [{"instruction": PROMPT, "input": "", "chosen": "7", "rejected": "8"}]),
        (
            "nectar",
            [
                {
                    "prompt": PROMPT,
                    "answers": [
                        {"answer": "7", "model": None, "rank": 1.0},
                        {"answer": "8", "model": None, "rank": 2.0},
                    ],
                    "turns": 1,
                    "num_responses": 2,
                    "source": [],
                    "good_natured": None,
                }
            ],
        ),
        (
            "listwise",
            [
                {
                    "prompt": PROMPT,
                    "responses": ["7", "8"],
                    "scores": [0.88, 0.12],
                    "ranks": [1, 2],
                    "models": [None] * 2,
                }
            ],
        ),
        ("grpo", [{"prompt": PROMPT, "responses": ["7", "8"], "rewards": [1.0, -1.0], "best": 0}]),
        (
            "argilla",
            [
                {
                    "id": "c",
                    "fields": {"instruction": PROMPT, "response1": "7", "response2": "8"},
                    "metadata": {},
                    "suggestions": {
                        "ranking": {"value": ["response1", "response2"], "agent": None, "score": 0.88},
                    },
                    "responses": {},
                    "vectors": {},
                }
            ],
        ),
        (
            "rewardbench",
            [
                {
                    "prompt": PROMPT,
                    "chosen": "7",
                    "chosen_model": None,
                    "rejected": "8",
                    "rejected_model": None,
                    "subset": "",
                    "id": "c",
                }
            ],
        ),
    ],
)
def test_a_format_has_these_rows(name, rows):
    assert exported(name, pair(preference())) == rows


def test_ultrafeedback_and_its_kin_hold_the_prompt_as_text_and_whole_conversations():
    (row,) = exported("ultrafeedback-binarized", pair(preference()))
    assert (row["prompt"], row["chosen"], row["rejected"]) == (PROMPT, ASKED + GOOD, ASKED + BAD)
    assert row["messages"] == row["chosen"]
    assert (row["score_chosen"], row["score_rejected"]) == (0.88, pytest.approx(0.12))
    (of_simpo,) = exported("simpo", pair(scorecard(2, 5, 1), "x", "y", "z"))
    assert (of_simpo["all_generated_responses"], of_simpo["all_rm_scores"]) == (["x", "y", "z"], [2, 5, 1])
    assert [of_simpo[end][-1]["content"] for end in ("chosen", "rejected")] == ["y", "z"]
    (of_distilabel,) = exported("distilabel", pair(preference("b", -2.0, 0.12)))
    assert (of_distilabel["chosen_rating"], of_distilabel["chosen"]) == (0.88, ASKED + BAD)
    assert len(row["prompt_id"]) == len(of_simpo["prompt_id"]) == 64
    (of_mmpo,) = exported("mmpo", pair(preference()))
    assert of_mmpo == {**row, "p_chosen": pytest.approx(0.8807970779778823)}


def test_margins_that_are_matched_are_those_of_the_scores_as_the_judge_gave_them():
    scored = pair(scorecard(2, 5))
    assert [row["p_chosen"] for row in exported("mmpo", scored)] == [pytest.approx(1 / (1 + math.exp(-3)))]
    assert [row["p_chosen"] for row in exported("mmpo", scored, temperature=3.0)] == [
        pytest.approx(1 / (1 + math.exp(-1)))
    ]
    assert [row["p_chosen"] for row in exported("mmpo", pair(scorecard(4, 4)))] == [0.5]


def test_steps_are_right_from_the_threshold_on_and_only_scores_have_steps():
    solved = pair(scorecard(5, 3, 2), "First,", "then", "so 7.")
    assert exported("stepwise", solved) == [
        {"prompt": PROMPT, "completions": ["First,", "then", "so 7."], "labels": [True, True, False]}
    ]
    assert exported("stepwise", solved, threshold=0.6)[0]["labels"] == [True, False, False]
    rewards = {name: CandidateScore(r, 0.0, ()) for name, r in (("a", 2.0), ("b", -0.1))}
    (row,) = exported("stepwise", pair(Scorecard(None, None, None, rewards)))
    assert row["labels"] == [True, False]
    so_far = (Message("assistant", "First,"), Message("assistant", "then"))
    (row,) = exported("stepwise", pair(scorecard(5, 3), "First,", so_far))
    assert row["completions"] == ["First,", "then"]
    tally = Tally()
    assert exported("stepwise", pair(preference()), tally=tally) == []
    assert tally.left_out["judgments"] == {"preference: it takes a scorecard": 1}


def test_argilla_suggests_an_order_only_where_no_two_are_equal():
    clear, tied = pair(ranking((2, 1, 3), (0, 1, -1)), "x", "y", "z"), pair(ranking((1, 1, 3)), "x", "y", "z")
    (row,) = exported("argilla", clear)
    assert row["suggestions"]["ranking"]["value"] == ["response2", "response1", "response3"]
    assert "score" not in row["suggestions"]["ranking"]
    assert exported("argilla", tied)[0]["suggestions"] == {}


def test_nectar_keeps_what_its_own_rows_said_of_their_nature():
    own, judgment = pair(preference())
    for told, kept in ((True, True), (False, False), ("yes", None)):
        (row,) = exported("nectar", (own, replace(judgment, metadata={"good_natured": told})))
        assert row["good_natured"] is kept


def test_alpaca_eval_has_the_second_answer_under_test():
    rows = exported(
        "alpaca-eval",
        pair(preference(), "7", "8", name="1"),
        pair(preference("b", -2.0, 0.12), name="2", prompt="Another."),
        pair(TIE, name="3", prompt="A third."),
        pair(scorecard(2, 4), name="4", prompt="A fourth."),
        pair(scorecard(2, 4, 5), "7", "8", "9", name="5"),
    )
    assert [row["preference"] for row in rows] == [2 - 0.88, 2 - 0.12, 1.5, 2.0]
    assert {(row["output_1"], row["output_2"]) for row in rows} == {("7", "8")}


def test_one_file_holds_texts_or_messages_and_never_both():
    talk = (Message("system", "Be brief."), Message("user", PROMPT))
    text, told = pair(preference(), name="1"), pair(preference("b", -2.0, 0.12), name="2", prompt=talk)
    rows = exported("trl-preference", text, told)
    assert rows[0] == {"prompt": ASKED, "chosen": GOOD, "rejected": BAD}
    assert rows[1]["prompt"] == [{"role": "system", "content": "Be brief."}, *ASKED]
    assert rows[1]["chosen"] == BAD
    assert exported("trl-reward", told)[0].keys() == {"chosen", "rejected", "margin"}
    (shared,) = exported("llama-factory", told)
    assert shared == {
        "conversations": [{"from": "human", "value": PROMPT}],
        "system": "Be brief.",
        "chosen": {"from": "gpt", "value": "8"},
        "rejected": {"from": "gpt", "value": "7"},
    }


def test_texts_are_messages_and_messages_texts_where_that_is_asked_for():
    text, talk = pair(preference(), name="1"), pair(preference(), name="2", prompt=(Message("user", PROMPT),))
    assert exported("trl-preference", text, texts="messages") == [{"prompt": ASKED, "chosen": GOOD, "rejected": BAD}]
    assert exported("trl-preference", talk, texts="text") == [{"prompt": PROMPT, "chosen": "7", "rejected": "8"}]
    (implicit,) = exported("trl-preference-implicit", text, texts="text")
    assert implicit == {
        "chosen": f"\n\nHuman: {PROMPT}\n\nAssistant: 7",
        "rejected": f"\n\nHuman: {PROMPT}\n\nAssistant: 8",
    }
    assert exported("trl-preference-implicit", talk, texts="text") == [implicit]
    assert exported("trl-reward", text, texts="messages") == [
        {"chosen": ASKED + GOOD, "rejected": ASKED + BAD, "margin": 2.0}
    ]


@pytest.mark.parametrize("talk", [False, True])
def test_llama_factorys_entry_names_the_columns_that_there_are(talk):
    (row,) = exported("llama-factory", pair(preference()), texts="messages" if talk else "text")
    entry = llama_factory_entry(File("pairs.jsonl", talk))["pairs"]
    assert set(entry["columns"].values()) == set(row)
    assert (entry["file_name"], entry["ranking"], "formatting" in entry) == ("pairs.jsonl", True, talk)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_how_it_is_loaded_and_names_its_file(name):
    assert "pairs" in how_to_load(name, File("pairs.jsonl", False)) or name == "openrlhf"


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ("best-worst", {("w", "z")}),
        ("all", {("w", "x"), ("w", "y"), ("w", "z"), ("x", "z"), ("y", "z")}),
        ("adjacent", {("w", "x"), ("w", "y"), ("x", "z"), ("y", "z")}),
    ],
)
def test_pairs_of_a_ranking_are_chosen_by_tiers(pairs, expected):
    listed = pair(ranking((1, 2, 2, 4), (2.0, 0.0, 0.0, -2.0)), "w", "x", "y", "z")
    tally = Tally()
    rows = exported("trl-reward", listed, pairs=pairs, tally=tally)
    assert {(row["chosen"], row["rejected"]) for row in rows} == expected
    assert {row["margin"] for row in rows} <= {2.0, 4.0}
    assert tally.left_out["pairs"] == ({"tied": 1} if pairs != "best-worst" else {})


def test_ties_are_dropped_or_both_or_half():
    tie = pair(TIE)
    tally = Tally()
    assert exported("trl-preference", tie, tally=tally) == []
    assert tally.left_out["pairs"] == {"tied": 1}
    both = exported("trl-preference", tie, ties="both")
    assert {(row["chosen"], row["rejected"]) for row in both} == {("7", "8"), ("8", "7")}
    assert [row["probability"] for row in exported("soft", tie)] == [0.5]
    assert exported("nectar", tie, ties="drop") == []


def test_soft_labels_grow_with_the_margin_and_shrink_with_the_temperature():
    near, far = pair(preference(logit=0.5, p=0.62), name="1"), pair(preference(logit=3.0, p=0.95), "9", "8", name="2")
    (low, high), (low_hot, high_hot) = (
        [row["probability"] for row in exported("soft", near, far, temperature=t)] for t in (1.0, 4.0)
    )
    assert 0.5 < low_hot < low < high
    assert low_hot < high_hot < high < 1.0


def test_what_is_not_judged_is_left_out_and_counted_by_why():
    own = case("7", "8")
    broken = Failure("unreadable", "no verdict")
    tally = Tally()
    found = [
        (own, judged(own, None, "unscored", failure=broken)),
        (own, judged(own, preference(None, None, None), "partial")),
        (own, judged(own, preference(), "dropped", dropped_by="certainty>0.9")),
        pair(preference(consistent=False, evidence="text")),
        pair(scorecard(3), "7", name="alone"),
        pair(preference(), "7 ", " 7", name="twice"),
        pair(preference(logit=0.1, p=0.52), name="near"),
    ]
    assert exported("trl-preference", *found, margin=0.5, tally=tally) == []
    assert tally.left_out["judgments"] == {
        "unscored (unreadable)": 1,
        "partial": 1,
        "dropped by certainty>0.9": 1,
        "orders disagree": 1,
        "one answer only": 1,
    }
    assert tally.left_out["pairs"] == {"the same text twice": 1, "margin under 0.5": 1}
    assert len(exported("trl-preference", found[2], with_dropped=True)) == 1


def test_orders_that_disagree_are_kept_where_probabilities_were_averaged():
    of_logits, of_text = (pair(preference(consistent=False, evidence=e)) for e in ("logprobs", "text"))
    for inconsistent, kept in (("auto", [1, 0]), ("keep", [1, 1]), ("drop", [0, 0])):
        rows = [exported("kto", found, inconsistent=inconsistent) for found in (of_logits, of_text)]
        assert [len(own) // 2 for own in rows] == kept


@given(st.floats(0.0, 1.0), st.sampled_from([True, False, None]), st.sampled_from(["kto", "nectar"]))
def test_a_weight_is_less_than_one_only_where_the_orders_disagree_and_least_at_even(p, consistent, name):
    winner = "a" if p > 0.5 else "b" if p < 0.5 else "tie"
    logit = 1.0 if p > 0.5 else -1.0 if p < 0.5 else 0.0
    found = pair(preference(winner, logit, p, consistent))
    ties = "soft" if name == "nectar" else "drop"
    weights = [row["weight"] for row in exported(name, found, inconsistent="weight", ties=ties)]
    assert all(0.0 <= weight <= 1.0 for weight in weights)
    if winner == "tie":
        assert weights == ([1.0] if ties == "soft" else [])
    else:
        assert set(weights) == {abs(2 * p - 1) if consistent is False else 1.0}
    assert all("weight" not in row for row in exported(name, found, inconsistent="keep", ties=ties))


def test_a_ranking_needs_the_agreement_that_was_asked_for():
    found = [pair(ranking((1, 2), (1, -1), w), name=str(w), prompt=f"{w}?") for w in (0.9, 0.5, None)]
    tally = Tally()
    rows = exported("trl-preference", *found, min_kendall_w=0.6, tally=tally)
    assert [row["prompt"] for row in rows] == ["0.9?"]
    assert tally.left_out["judgments"] == {"Kendall's W under 0.6": 1, "without Kendall's W": 1}


def test_large_rewards_are_told_apart_by_themselves_and_not_by_their_sigmoid():
    rewards = {name: CandidateScore(r, 1.0, ()) for name, r in (("a", 60.0), ("b", 64.0))}
    (row,) = exported("trl-reward", pair(Scorecard(None, None, None, rewards)))
    assert (row["chosen"], row["margin"]) == ("8", 4.0)


def test_of_each_prompt_the_widest_pair_stays_wherever_it_stands():
    found = [pair(preference(logit=z), f"{z}", "8", name=str(z)) for z in (1.0, 3.0, 2.0)]
    other = pair(preference(), name="other", prompt="Another.")
    for order in (found, found[::-1]):
        rows = exported("trl-reward", *order, other, one_per_prompt=True)
        assert [(row["chosen"], row["margin"]) for row in rows] == [("3.0", 3.0), ("7", 2.0)]


def test_equal_rows_are_written_once():
    tally = Tally()
    rows = exported("trl-preference", pair(preference(), name="1"), pair(preference(), name="2"), tally=tally)
    assert len(rows) == 1
    assert tally.left_out["rows"] == {"equal to another row": 1}
    assert (tally.rows, tally.exported, tally.judgments) == (1, 1, 2)


def test_answers_that_differ_before_their_last_message_only_are_no_pair_where_only_that_is_shown():
    turns = [(Message("assistant", text), Message("assistant", "Done.")) for text in ("7", "8")]
    tally = Tally()
    assert exported("axolotl", pair(preference(), *turns), tally=tally) == []
    assert tally.left_out["rows"] == {"the same text twice": 1}
    assert len(exported("trl-preference", pair(preference(), *turns))) == 1


def test_provenance_has_the_same_fields_in_every_row():
    rows = exported("kto", pair(preference(), name="1"), pair(scorecard(1, 5), name="2", prompt="x"), provenance=True)
    told = [row.pop("provenance") for row in rows]
    assert {tuple(own) for own in told} == {
        ("judgment", "case_id", "judges", "rubric", "method", "probability", "card")
    }
    assert [own["probability"] for own in told] == [0.88, 0.88, None, None]
    assert rows == exported("kto", pair(preference(), name="1"), pair(scorecard(1, 5), name="2", prompt="x"))


@st.composite
def found_groups(draw):
    """Judgments of every kind, with few texts, scores and ranks, so that many are equal."""
    found = []
    for i in range(draw(st.integers(1, 5))):
        texts = draw(st.lists(st.sampled_from(["7", " 7", "8", "nine"]), min_size=2, max_size=4))
        n = len(texts)
        verdicts = [
            st.just(None),
            st.lists(st.sampled_from([1.0, 3.0, 3.5]), min_size=n, max_size=n).map(lambda s: scorecard(*s)),
            st.lists(st.sampled_from([1, 2, 3]), min_size=n, max_size=n).map(
                lambda r: ranking(r, [-float(rank) for rank in r])
            ),
        ]
        if n == 2:
            logits = st.sampled_from([-2.0, 0.0, 1.0])
            verdicts.append(
                logits.map(lambda z: preference("tie" if z == 0 else "a" if z > 0 else "b", z, 0.5 + z / 5))
            )
        verdict = draw(st.one_of(verdicts))
        own = case(*texts, name=f"c{i}", prompt=draw(st.sampled_from(["p", "q"])))
        found.append((own, judged(own, verdict, "judged" if verdict else "unscored")))
    return found


PAIRED = [name for name, format_ in FORMATS.items() if isinstance(format_, Paired)]


@given(
    found_groups(), st.sampled_from(PAIRINGS), st.sampled_from(["drop", "both"]), st.sampled_from(PAIRED), st.booleans()
)
def test_no_row_prefers_a_text_to_itself_and_every_pair_is_written_or_counted(found, pairs, ties, name, alone):
    format_ = FORMATS[name]
    ties = ties if ties in format_.ties else format_.ties[0]
    pairs = "best-worst" if format_.best_worst_only else pairs
    tally, units = Tally(), []
    rows = exported(name, *found, tally=tally, seen=units.append, pairs=pairs, ties=ties, one_per_prompt=alone)
    assert len(rows) == tally.rows
    for unit in units:
        assert unit.group.judgment.status == "judged"
        assert str(unit.chosen.content).split() != str(unit.rejected.content).split()
        assert unit.margin > 0 or (unit.tied and ties != "drop")
    assert all(row["chosen"] != row["rejected"] for row in rows if "chosen" in row)
    assert not alone or len({digest(unit.group.case.prompt) for unit in units}) == len(units)


@given(found_groups(), st.sampled_from(list(FORMATS)), st.booleans(), st.randoms())
def test_permuting_judgments_permutes_rows(found, name, alone, random):
    mixed = list(found)
    random.shuffle(mixed)
    rows, others = (Counter(map(digest, exported(name, *own, one_per_prompt=alone))) for own in (found, mixed))
    assert rows == others


@given(st.lists(st.sampled_from([1.0, 2.0, 4.0]), min_size=2, max_size=5), st.sampled_from(PAIRINGS), st.randoms())
def test_the_order_of_candidates_decides_nothing_even_between_equal_ones(scores, pairs, random):
    texts = [f"answer {i}" for i in range(len(scores))]
    both = list(zip(texts, scores, strict=True))
    ends = []
    for _ in range(2):
        own = case(*(text for text, _ in both))
        group = group_of(judged(own, scorecard(*(score for _, score in both))), own)
        made = pairs_of(group, Policy(pairs=pairs), Counter())
        ends.append({(p.chosen.content, p.rejected.content, p.margin) for p in made})
        random.shuffle(both)
    assert ends[0] == ends[1]


def test_a_card_tells_counts_bias_and_how_to_make_it_again():
    found = [
        pair(preference(), "longer", "x", name="1"),
        pair(preference("b", -2.0, 0.12, False), "y", "also longer", name="2"),
        pair(preference(), "x", "longer", name="3", prompt="Another."),
        pair(TIE, name="4"),
    ]
    own = case("7", "8")
    found.append((own, judged(own, None, "unscored")))
    seen, tally = Seen(), Tally()
    exported("trl-preference", *found, tally=tally, seen=seen.unit)
    for _, judgment in found:
        seen.judgment(judgment)
    page = card(seen, tally, "Data card of x", "judge-service export in -o x", {"pairs": "best-worst"})
    for line in (
        "3 rows from 5 judgments",
        "| judged | 4 |",
        "| unscored | 1 |",
        "| tied | 1 |",
        "| left out: pairs, tied | 1 |",
        "the better answer is the longer one | 66.7% of 3 |",
        "the better answer stood first in the input | 66.7% of 3 |",
        "name different winners | 25.0% of 4 |",
        "position bias, logits towards the first-shown | 0.100, the mean of 4 |",
        "judge-service export in -o x\n",
    ):
        assert line in page


def test_a_rank_that_its_strengths_contradict_is_no_pair():
    tally = Tally()
    assert exported("trl-reward", pair(ranking((1, 2), (-1.0, 1.0))), tally=tally) == []
    assert tally.left_out["pairs"] == {"ranked against their strengths": 1}
