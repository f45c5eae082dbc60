"""Judgments made elsewhere: what each source's rows come to, and that what they do not say never becomes a verdict."""

import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.batch.imported import Importing
from judge_service.domain.judgments import Judgment
from judge_service.domain.parsing import case_from
from judge_service.domain.records import judgment_from, record_of
from judge_service.exports import FORMATS
from judge_service.exports.export import Export, Tally
from judge_service.exports.paired import Writing
from judge_service.exports.policy import Policy
from judge_service.files.reading import Row
from judge_service.imports import SOURCES
from judge_service.imports.joined import Texts
from judge_service.library import open_library
from judge_service.protocols.again import Anew, settled_again

LIBRARY = open_library()
SCORES = ["A>>B", "A>B", "A=B", "B>A", "B>>A"]
WINNERS = ["model_1", "model_2", "tie", "error"]


def imported(source: str, row: Any, texts: Texts | None = None, judge: str = "") -> Judgment:
    importing = Importing(source, SOURCES[source], texts or Texts(), LIBRARY, judge)
    return importing.judgment(Row("file line 7", row))


def annotation(preference: Any, **more: Any) -> dict[str, Any]:
    return {
        "instruction": "Name a prime.",
        "output_1": "9",
        "generator_1": "reference",
        "dataset": "helpful_base",
        "output_2": "7",
        "generator_2": "model",
        "annotator": "weighted_judge",
        "preference": preference,
        "price_per_example": 0.01,
        **more,
    }


def games(*scores: Any, **more: Any) -> dict[str, Any]:
    told = [None if s is None else {"score": s, "judgment": {"answer": f"So it is [[{s}]]."}} for s in scores]
    return {
        "uid": "q1",
        "category": "coding",
        "judge": "gpt-4.1",
        "model": "m",
        "baseline": "o3-mini",
        "games": told,
        **more,
    }


def pair(g1: Any, g2: Any, **more: Any) -> dict[str, Any]:
    return {
        "question_id": 81,
        "model_1": "alpaca-13b",
        "model_2": "gpt-4",
        "g1_winner": g1,
        "g2_winner": g2,
        "judge": ["gpt-4", "pair-v2"],
        "g1_judgment": "First.",
        "g2_judgment": "Second.",
        "turn": 1,
        "tstamp": 1687.5,
        **more,
    }


def rated(*ratings: tuple[Any, Any, Any, Any]) -> dict[str, Any]:
    aspects = ("instruction_following", "truthfulness", "honesty", "helpfulness")
    return {
        "source": "evol_instruct",
        "instruction": "Name a prime.",
        "models": [f"m{i}" for i in range(len(ratings))],
        "completions": [
            {
                "model": f"m{i}",
                "response": f"It is {i}.",
                "overall_score": 7.5,
                "annotations": {
                    name: {"Rating": rating, "Rationale": f"{name}!"} for name, rating in zip(aspects, own, strict=True)
                },
            }
            for i, own in enumerate(ratings)
        ],
    }


ROWS = {
    "alpaca-eval": annotation(1.25),
    "arena-hard": games("A>B", "B>>A"),
    "mt-bench": pair("model_2", "model_2"),
    "ultrafeedback": rated(("4", "5", "5", "3"), ("2", "2", "5", "1")),
}


def test_a_weighted_preference_is_the_chance_of_the_second_output() -> None:
    judgment = imported("alpaca-eval", annotation(1.25))
    verdict = judgment.verdict
    assert (verdict.winner, verdict.probability, verdict.logit) == ("a", 0.75, pytest.approx(math.log(3)))
    assert (verdict.evidence, verdict.consistent, verdict.combine) == ("logprobs", None, "mean-probability")
    assert judgment.models == {"a": "reference", "b": "model"}
    assert (judgment.domain, judgment.metadata) == ("helpful_base", {"price_per_example": 0.01})
    assert [c["content"] for c in judgment.case["candidates"]] == ["9", "7"]
    (judge,) = judgment.provenance.judges
    assert (judge.name, judge.kind, judge.model) == ("weighted_judge", "imported", "weighted_judge")
    assert "imported from alpaca-eval" in judgment.provenance.note


@pytest.mark.parametrize(("preference", "winner"), [(1, "a"), (2, "b"), (1.5, "tie"), (0, "tie")])
def test_a_hard_preference_is_a_vote_in_words_and_a_draw_is_a_tie(preference: float, winner: str) -> None:
    judgment = imported("alpaca-eval", annotation(preference, annotator="claude"))
    assert (judgment.verdict.winner, judgment.verdict.evidence) == (winner, "text")
    assert judgment.verdict.probability == {"a": 1.0, "b": 0.0, "tie": 0.5}[winner]


@pytest.mark.parametrize("preference", [None, "2", True, 0.5, 2.1, -1])
def test_what_is_no_preference_is_a_failure_and_no_tie(preference: Any) -> None:
    judgment = imported("alpaca-eval", annotation(preference))
    assert (judgment.status, judgment.failure.kind, judgment.verdict.winner) == ("unscored", "unreadable", None)
    assert repr(preference) in judgment.failure.message


@given(st.floats(1.0, 2.0))
def test_every_preference_from_one_to_two_is_kept_to_the_last_digit(preference: float) -> None:
    verdict = imported("alpaca-eval", annotation(preference)).verdict
    assert 1 - verdict.probability == pytest.approx(preference - 1, abs=1e-12)


def test_the_order_shown_is_told_where_the_row_tells_it() -> None:
    switched = imported("alpaca-eval", annotation(1.25, is_switched_outputs=True))
    assert switched.votes[0].order == ("b", "a")
    assert switched.verdict.probability == 0.75


def test_annotations_of_two_judges_are_of_one_case() -> None:
    one, other = imported("alpaca-eval", annotation(1.25)), imported("alpaca-eval", annotation(2, annotator="other"))
    assert one.case_id == other.case_id
    assert one.id != other.id


def test_an_export_of_annotations_comes_back_as_the_same_verdicts() -> None:
    first = imported("alpaca-eval", annotation(1.25, annotator="judge"))
    plan = Export(FORMATS["alpaca-eval"], Policy(ties="soft"), Writing(), lambda j: case_from(j.case, "score"))
    (row,) = plan.rows([first], Tally())
    again = imported("alpaca-eval", row)
    assert (again.verdict, again.case, again.domain) == (first.verdict, first.case, first.domain)
    assert again.provenance == first.provenance


def test_the_baseline_stands_first_in_game_0_and_second_in_game_1() -> None:
    judgment = imported("arena-hard", games("A>B", "B>>A"))
    assert [vote.order for vote in judgment.votes] == [("a", "b"), ("b", "a")]
    assert judgment.models == {"a": "o3-mini", "b": "m"}
    assert (judgment.verdict.winner, judgment.verdict.consistent, judgment.verdict.probability) == ("a", True, 1.0)
    assert [vote.label for vote in judgment.votes] == ["A>B", "B>>A"]
    assert [vote.explanation for vote in judgment.votes] == ["So it is [[A>B]].", "So it is [[B>>A]]."]
    assert (judgment.case_id, judgment.domain, judgment.metadata["uid"]) == ("q1:m", "coding", "q1")
    against = imported("arena-hard", games("A>B", "A>B"))
    assert (against.verdict.winner, against.verdict.consistent) == ("tie", False)


@given(st.sampled_from(SCORES), st.sampled_from(SCORES))
def test_exchanging_baseline_and_model_mirrors_the_verdict(one: str, other: str) -> None:
    found, mirrored = (imported("arena-hard", games(*scores)).verdict for scores in ((one, other), (other, one)))
    assert found.probability == pytest.approx(1 - mirrored.probability)
    assert found.winner == {"a": "b", "b": "a", "tie": "tie"}[mirrored.winner]


@pytest.mark.parametrize(
    ("scores", "status"),
    [(("A>B", None), "partial"), ((None, None), "unscored"), (("A>B",), "partial"), (("A>B", "A>C"), "partial")],
)
def test_a_game_that_was_not_read_is_a_failure_and_no_tie(scores: tuple[Any, ...], status: str) -> None:
    judgment = imported("arena-hard", games(*scores))
    assert (judgment.status, judgment.verdict.winner, len(judgment.votes)) == (status, None, 2)
    assert judgment.votes[1].failure.kind == "unreadable"
    assert imported("arena-hard", games(games=None)).status == "unscored"
    assert imported("arena-hard", games("A>B", {"score": None})).status == "partial"


@pytest.mark.parametrize("g1", WINNERS)
@pytest.mark.parametrize("g2", WINNERS)
def test_a_model_wins_only_if_both_games_say_so_as_in_mt_bench(g1: str, g2: str) -> None:
    judgment = imported("mt-bench", pair(g1, g2))
    if "error" in (g1, g2):
        assert judgment.status == ("unscored" if g1 == g2 else "partial")
        assert judgment.verdict.winner is None
        return
    expected = "tie" if "tie" in (g1, g2) or g1 != g2 else "a" if g1 == "model_1" else "b"
    assert (judgment.status, judgment.verdict.winner) == ("judged", expected)
    assert judgment.verdict.consistent is (g1 == g2)


def test_mt_bench_tells_who_judged_by_which_prompt_and_what_it_said() -> None:
    judgment = imported("mt-bench", pair("model_2", "model_2"))
    assert judgment.case_id == "81:1:alpaca-13b:gpt-4"
    assert (judgment.provenance.judges[0].model, judgment.provenance.prompt.id) == ("gpt-4", "pair-v2")
    assert [(v.order, v.label, v.explanation) for v in judgment.votes] == [
        (("a", "b"), "B", "First."),
        (("b", "a"), "A", "Second."),
    ]
    assert judgment.metadata == {"question_id": 81, "turn": 1, "tstamp": 1687.5}
    assert judgment.same_family == ("b",)


def test_texts_in_other_files_are_joined_turn_by_turn() -> None:
    texts = Texts()
    texts.add_question({"question_id": 81, "category": "writing", "turns": ["Write.", "Again."]})
    for model in ("alpaca-13b", "gpt-4"):
        answer = {"question_id": 81, "model_id": model, "choices": [{"index": 0, "turns": [f"{model}!", f"{model}?"]}]}
        texts.add_answer(answer)
    first, second = (imported("mt-bench", pair("tie", "tie", turn=turn), texts) for turn in (1, 2))
    assert first.case["prompt"] == second.case["prompt"] == "Write."
    assert first.case["candidates"][1]["content"] == "gpt-4!"
    assert [message["content"] for message in second.case["candidates"][1]["content"]] == ["gpt-4!", "Again.", "gpt-4?"]
    assert (first.domain, first.case_digest != second.case_digest) == ("writing", True)
    alone = imported("mt-bench", pair("tie", "tie"))
    assert (alone.case, alone.status, alone.verdict.winner) == (None, "judged", "tie")


def test_arena_hards_answers_stand_in_objects() -> None:
    texts = Texts()
    texts.add_question({"uid": "q1", "category": "x", "subcategory": "y", "prompt": "Write."})
    for model in ("m", "o3-mini"):
        said = [{"role": "user", "content": "Write."}, {"role": "assistant", "content": {"answer": model + "!"}}]
        texts.add_answer({"uid": "q1", "ans_id": "1", "model": model, "messages": said})
    judgment = imported("arena-hard", games("A=B", "A=B"), texts)
    assert [c["content"] for c in judgment.case["candidates"]] == ["o3-mini!", "m!"]
    assert case_from(judgment.case, "compare").digest == judgment.case_digest


def test_arena_hards_rows_of_before_leave_the_baseline_to_be_told() -> None:
    row = games("A>B", "B>A", question_id="q9")
    del row["uid"], row["baseline"]
    texts = Texts(baseline="gpt-4-0314")
    texts.add_question({"question_id": "q9", "category": "arena-hard", "turns": [{"content": "Write."}]})
    for model in ("m", "gpt-4-0314"):
        texts.add_answer({"question_id": "q9", "model_id": model, "choices": [{"turns": [{"content": model + "!"}]}]})
    judgment = imported("arena-hard", row, texts)
    assert judgment.models == {"a": "gpt-4-0314", "b": "m"}
    assert [c["content"] for c in judgment.case["candidates"]] == ["gpt-4-0314!", "m!"]
    assert imported("arena-hard", row).models == {"a": None, "b": "m"}


def test_an_aspect_that_was_rated_twice_has_two_votes() -> None:
    row = rated(("4", "5", "5", "3"))
    row["completions"][0]["annotations"]["honesty"] = [{"Rating": "5"}, {"Rating": "2"}]
    row["completions"][0]["annotations"]["truthfulness"] = []
    judgment = imported("ultrafeedback", row)
    honest = [vote for vote in judgment.votes if vote.criterion == "honesty"]
    assert [(vote.repeat, vote.label) for vote in honest] == [(0, "5"), (1, "2")]
    assert {c.name: c.score for c in judgment.verdict.criteria}["honesty"] == 3.5
    assert [vote.criterion for vote in judgment.votes if vote.failure] == ["truthfulness"]
    assert (judgment.status, judgment.verdict.score) == ("partial", None)


def test_ratings_are_votes_on_each_aspect_and_their_mean_the_score() -> None:
    judgment = imported("ultrafeedback", rated(("4", "5", 5, "3"), ("2", "2", "5", "1")), judge="gpt-4")
    assert (judgment.kind, judgment.status, judgment.candidates) == ("scorecard", "judged", ("a", "b"))
    assert {name: card.score for name, card in judgment.verdict.scores.items()} == {"a": 4.25, "b": 2.5}
    assert [c.name for c in judgment.verdict.scores["a"].criteria] == [
        criterion.name for criterion in LIBRARY.standards["ultrafeedback"].criteria
    ]
    assert len(judgment.votes) == 8
    assert {vote.judge for vote in judgment.votes} == {"gpt-4"}
    assert judgment.votes[0].explanation == "instruction_following!"
    assert judgment.metadata["completions"]["b"] == {"overall_score": 7.5}
    assert judgment.models == {"a": "m0", "b": "m1"}


@pytest.mark.parametrize("rating", ["N/A", None, "6", 0, "five", True])
def test_what_is_no_rating_is_a_failure_and_no_zero(rating: Any) -> None:
    judgment = imported("ultrafeedback", rated(("4", "5", rating, "3"), ("2", "2", "5", "1")))
    assert (judgment.status, judgment.verdict.scores["a"].score) == ("partial", None)
    assert judgment.verdict.scores["b"].score == 2.5
    (failed,) = [vote for vote in judgment.votes if vote.failure]
    assert (failed.criterion, failed.order, failed.failure.kind) == ("honesty", ("a",), "unreadable")


@pytest.mark.parametrize(
    ("source", "row", "param", "why"),
    [
        ("alpaca-eval", annotation(1, output_2=None), "output_2", "output_2 is missing"),
        ("alpaca-eval", annotation(1, annotator=3), "annotator", "annotator is a text"),
        ("arena-hard", games("A>B", "A>B", uid=None), "uid", "uid is missing"),
        ("arena-hard", games(*["A>B"] * 3), "games", "a list of two"),
        ("mt-bench", pair(None, "tie"), "g1_winner", "g1_winner is missing"),
        ("mt-bench", pair("tie", "tie", judge=[]), "judge", "judge is a name"),
        ("mt-bench", pair("tie", "tie", turn=0), "turn", "turn is a number"),
        ("ultrafeedback", {"instruction": "x", "completions": []}, "completions", "a list of rated responses"),
        ("ultrafeedback", {"instruction": "x", "completions": [1]}, "completions[0]", "an object"),
        ("ultrafeedback", [1], None, "a row is an object"),
    ],
)
def test_a_row_that_is_none_is_an_unscored_judgment_that_says_where_and_why(
    source: str, row: Any, param: str | None, why: str
) -> None:
    judgment = imported(source, row)
    assert (judgment.status, judgment.verdict, judgment.failure.kind) == ("unscored", None, "invalid")
    assert judgment.failure.message.startswith("file line 7: ")
    assert why in judgment.failure.message
    assert judgment.failure.param == param


@pytest.mark.parametrize("source", SOURCES)
def test_a_judgment_is_the_same_after_it_was_stored_and_when_it_is_settled_again(source: str) -> None:
    judgment = imported(source, ROWS[source])
    assert judgment.status == "judged"
    stored = judgment_from(_plain(record_of(judgment)))
    assert stored == judgment
    combine = getattr(judgment.verdict, "combine", None)
    assert settled_again(stored, Anew(combine=combine), {}) == judgment
    again = imported(source, ROWS[source])
    assert (again.id, again.case_id, again.run_digest) == (judgment.id, judgment.case_id, judgment.run_digest)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats(allow_nan=False) | st.sampled_from(["", "A>B", "tie"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["score", "Rating", "x"]), inner),
    max_leaves=4,
)


@given(st.sampled_from(list(SOURCES)), st.randoms(use_true_random=False), JSON)
def test_whatever_stands_in_a_column_the_row_becomes_a_judgment_that_can_be_stored(
    source: str, random: Any, value: Any
) -> None:
    row = {**ROWS[source], random.choice(list(ROWS[source])): value}
    judgment = imported(source, row)
    assert judgment_from(_plain(record_of(judgment))) == judgment
    assert (judgment.status == "judged") <= (judgment.failure is None)
    assert judgment.failure is None or judgment.status == "unscored"


@pytest.mark.parametrize("source", SOURCES)
def test_the_rubric_is_named_as_published_and_is_not_taken_for_our_wording_of_it(source: str) -> None:
    told = imported(source, ROWS[source]).provenance
    published = LIBRARY.standards[told.rubric.id]
    assert told.rubric.digest != published.digest
    assert told.source is not None


def _plain(record: dict[str, Any]) -> Any:
    return orjson.loads(orjson.dumps(record))
