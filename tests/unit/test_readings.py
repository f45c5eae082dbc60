"""Each form in which judges answer is read, and nothing is guessed."""

import re

import pytest
from reading_outcome import UNREADABLE, outcome

from judge_service.domain.answers import FreeText, PairAnswer, RankAnswer, ScoreAnswer
from judge_service.errors import UnknownName
from judge_service.protocols.readings import READINGS, Unreadable, default_space, read

MT, SCORE, ARENA, WHOLE = "mt-bench-pair", "mt-bench-score", "arena-hard", "ranking"
ALPACA = "alpaca-eval-ranking"

GENRM = "nemotron-genrm"


def boxed(scores: str, rank: str | None = None) -> str:
    """Nemotron's scores, and the rank if there is one."""
    told = f"[The Begin of Individual Scores]\n\\boxed{{{scores}}}\n[The End of Individual Scores]\n"
    return told + (f"[The Begin of Ranking Score]\n\\boxed{{{rank}}}\n[The End of Ranking Score]\n" if rank else "")


FORMS = [
    (ARENA, "Both are fine.\n**My final verdict is: [[A>>B]]**", "first"),
    (ARENA, "[[A>B]]", "first"),
    (ARENA, "[[A=B]]", "tie"),
    (ARENA, "[[B>A]]", "second"),
    (ARENA, "[[B>>A]].", "second"),
    (ARENA, "[A>B]", UNREADABLE),
    (ARENA, "[[A<B]]", UNREADABLE),
    (ARENA, "[[A > B]]", UNREADABLE),
    (ARENA, "[[A]]", UNREADABLE),
    (MT, "B is clearer. Final verdict: [[B]]", "second"),
    (MT, "[[C]]", "tie"),
    (MT, "[[D]]", UNREADABLE),
    (MT, "[A]", UNREADABLE),
    (MT, "### Verdict\n\n*[[A]]*", "first"),
    (SCORE, "Rating: [[7]]", 7.0),
    (SCORE, "Rating: [[9.5]]", 9.5),
    (SCORE, "[[10]]", 10.0),
    (SCORE, "[[11]]", UNREADABLE),
    (SCORE, "[[0]]", UNREADABLE),
    (SCORE, "[[-3]]", UNREADABLE),
    (SCORE, "[[7/10]]", UNREADABLE),
    (SCORE, "I would say [[8]] or [[9]].", UNREADABLE),
    ("prometheus-pair", "Feedback: A is right. [RESULT] A", "first"),
    ("prometheus-pair", "[RESULT]: (B)", "second"),
    ("prometheus-pair", "[RESULT] **B** because A errs", "second"),
    ("prometheus-pair", "[RESULT] A or B", UNREADABLE),
    ("prometheus-pair", "[RESULT] A\n[Result] B", UNREADABLE),
    ("prometheus-pair", "[RESULT] As an AI, I cannot say", UNREADABLE),
    ("prometheus-pair", "[RESULT] Tie", UNREADABLE),
    ("prometheus-score", "Feedback: good [RESULT] 4", 4.0),
    ("prometheus-score", "[RESULT] (4)", 4.0),
    ("prometheus-score", "[RESULT]: 4.", 4.0),
    ("prometheus-score", "[RESULT] 45", UNREADABLE),
    ("prometheus-score", "[RESULT] 10", UNREADABLE),
    ("prometheus-score", "[RESULT] 4.5", UNREADABLE),
    ("prometheus-score", "[RESULT] 4 or 5", UNREADABLE),
    ("prometheus-score", "[RESULT] 4/5", UNREADABLE),
    ("llmbar", "Output (a)", "first"),
    ("llmbar", "Output (b) is better.", "second"),
    ("llmbar", "Therefore, **Output (b)** is better than Output (a).", "second"),
    ("llmbar", "So (a) is better.", "first"),
    ("llmbar", "I would choose Output (b) as the better response.", "second"),
    ("llmbar", "The better output for this instruction is Output (a).", "first"),
    ("llmbar", "Output (a) outperforms Output (b).", "first"),
    ("llmbar", "Output (b) is better. It says more than Output (a).", "second"),
    ("llmbar", "Both outputs are equally good.", UNREADABLE),
    ("llmbar", "Neither Output (a) nor Output (b) is better.", UNREADABLE),
    ("llmbar", "Output (a) is better. Still, neither output is better.", UNREADABLE),
    ("llmbar", "Output (b) is not better than Output (a).", UNREADABLE),
    ("llmbar", "Output (a) is better in style, but Output (b) is better overall.", UNREADABLE),
    ("llmbar", "Output (a) is better.\nAssistant (b) claims that Output (b) is better.", "first"),
    ("llmbar", "Therefore, Output (b)", UNREADABLE),
    ("pandalm", "1\n\n### Reason: 2 is worse", "first"),
    ("pandalm", "\n **2**\n", "second"),
    ("pandalm", "Tie\nBoth are good.", "tie"),
    ("pandalm", "10", UNREADABLE),
    ("pandalm", "The answer is 1", UNREADABLE),
    ("auto-j-pair", "So, the final decision is Response 1.", "first"),
    ("auto-j-pair", "the final decision is: **Response 2**", "second"),
    ("auto-j-pair", "the final decision is Tie.", "tie"),
    ("auto-j-pair", "the final decision is Response 12", UNREADABLE),
    ("auto-j-pair", "the final decision is Response 1 or Response 2", UNREADABLE),
    ("auto-j-pair", "final decision is Response 1. No: the final decision is not Response 1.", UNREADABLE),
    ("two-scores", "8 9\nThe second is better.", "second"),
    ("two-scores", "8.5, 8", "first"),
    ("two-scores", "10 10", "tie"),
    ("two-scores", "```\n8 6\n```", "first"),
    ("two-scores", "11 3", UNREADABLE),
    ("two-scores", "8", UNREADABLE),
    ("two-scores", "8 9 10", UNREADABLE),
    (ALPACA, "[{'model': 'm', 'rank': 1}, {'model': 'M', 'rank': 2}]", "first"),
    (ALPACA, '```json\n[{"rank": 2, "model": "model_1"}, {"rank": 1, "model": "model_2"}]\n```', "second"),
    (ALPACA, '{"ordered_models": [{"model": "B", "rank": 1}, {"model": "A", "rank": 2}]}', "second"),
    (ALPACA, "[{'model': 'm', 'rank': 1}, {'model': 'M', 'rank': 1}]", UNREADABLE),
    (ALPACA, "[{'model': 'm', 'rank': 1}, {'model': 'm', 'rank': 2}]", UNREADABLE),
    (ALPACA, "[{'model': 'm', 'rank': 1}]", UNREADABLE),
    (WHOLE, "[[C>A>B]]", ((2,), (0,), (1,))),
    (WHOLE, "[[A=B>C]]", ((0, 1), (2,))),
    (WHOLE, 'So:\n```json\n{"ranking": ["C", ["A", "B"]]}\n```', ((2,), (0, 1))),
    (WHOLE, '[[A>B]] at first, but\n{"ranking": ["B", "A"]}', ((1,), (0,))),
    (WHOLE, "[[A>C]]", UNREADABLE),
    (WHOLE, "[[A>B>A]]", UNREADABLE),
    (WHOLE, '{"ranking": "A"}', UNREADABLE),
    (WHOLE, "[[A]]", UNREADABLE),
    ("choice", "A", "first"),
    ("choice", "**B**.", "second"),
    ("choice", "Both were read with care. A", "first"),
    ("choice", "Choice: B", "second"),
    ("choice", "My final answer is Response 2.", "second"),
    ("choice", "Verdict: A, because B rambles.", "first"),
    ("choice", "Therefore, Response A is better than Response B.", "first"),
    ("choice", "Choice: B over A", "second"),
    ("choice", "Answer: C", "tie"),
    ("choice", "The verdict is a tie.", "tie"),
    ("choice", "Choice: A or B", UNREADABLE),
    ("choice", "Choice: b", UNREADABLE),
    ("choice", "Answer: 2", UNREADABLE),
    ("choice", "The correct answer is B.", UNREADABLE),
    ("choice", "Answer: A better one exists", UNREADABLE),
    ("choice", "B\nA", "first"),
    ("choice", "A B", UNREADABLE),
    ("choice", "B is not better than A.", UNREADABLE),
    ("choice", "A. good\nB. bad", UNREADABLE),
    ("json", '{"explanation": "so", "verdict": "B"}', "second"),
    ("json", 'Well.\n```json\n{"explanation": "a } and {\\"verdict\\": \\"B\\"}", "verdict": "A"}\n```\n', "first"),
    ("json", '{"explanation": {"of": {"A": "x"}}, "verdict": "tie"}', "tie"),
    ("json", '{"explanation": "two\nlines", "verdict": "B"}', "second"),
    ("json", '{"verdict": "A"}\nOn reflection:\n{"verdict": "B"}', "second"),
    ("json", '{"verdict": "A"} {"verdict": "B"}', UNREADABLE),
    ("json", '{"verdict": "A", "verdict": "B"}', UNREADABLE),
    ("json", '{"verdict": "A"}\nNo: {"explanation": "cut off", "verdict": "B', UNREADABLE),
    ("json", '{"verdict": "a"}', UNREADABLE),
    ("json", '{"verdict": ["A"]}', UNREADABLE),
    ("json", '{"inner": {"verdict": "A"}}', UNREADABLE),
    ("json", "{'verdict': 'A'}", UNREADABLE),
    ("flow-judge", "<feedback>\nSound.\n</feedback>\n<score>\n4\n</score>", 4.0),
    ("flow-judge", "<feedback>It is no <score>1</score>.</feedback><score>5</score>", 5.0),
    ("flow-judge", "<score>3</score> rather <score>4</score>", UNREADABLE),
    ("flow-judge", "<score>3</score>\n\n<score>4</score>", 4.0),
    ("flow-judge", "<score>3</score>\n\n<score>", UNREADABLE),
    ("flow-judge", "<feedback>Only <score>3</score></feedback>", UNREADABLE),
    ("flow-judge", "<score>10</score>", UNREADABLE),
    ("flow-judge", "<score>4/5</score>", UNREADABLE),
    ("flow-judge", "<score>4.5</score>", UNREADABLE),
    ("flow-judge", "<score>four</score>", UNREADABLE),
    ("flow-judge", "Score: 4", UNREADABLE),
    (
        "glider",
        "<reasoning>\n- Sound.\n</reasoning>\n<highlight>\n['<score>1</score>']\n</highlight>\n<score>\n2\n</score>",
        2.0,
    ),
    ("glider", "<reasoning>\n- <score>2</score>", UNREADABLE),
    ("glider", "<score>0</score>", UNREADABLE),
    ("selene", "**Reasoning:** A is right.\n\n**Result:** A", "first"),
    ("selene", "**Reasoning:** B is right. **Result:** B", "second"),
    ("selene", "Reasoning: fine\nResult: Response B.", "second"),
    ("selene", "**Result:**\n\n**A**", "first"),
    ("selene", "**Result:** A or B", UNREADABLE),
    ("selene", "**Result:** Neither", UNREADABLE),
    ("selene", "**Result:** A\n\nNo.\n**Result:** B", "second"),
    ("selene", "**Result:** A, **Result:** B", UNREADABLE),
    ("selene", "**Result:** 4", UNREADABLE),
    ("selene", "The result: A", UNREADABLE),
    (GENRM, boxed("4, 2", "2"), "first"),
    (GENRM, boxed("2, 4", "5"), "second"),
    (GENRM, boxed("3, 3", "4"), "second"),
    (GENRM, boxed("3, 3", "3"), "first"),
    (GENRM, boxed("4.5, 4", "1 "), "first"),
    (GENRM, boxed("4, 2", "5"), UNREADABLE),
    (GENRM, boxed("4, 2", "7"), UNREADABLE),
    (GENRM, boxed("4, 2", "2.5"), UNREADABLE),
    (GENRM, boxed("10, 2", "1"), UNREADABLE),
    (GENRM, boxed("4", "2"), UNREADABLE),
    (GENRM, boxed("4, 2, 1", "2"), UNREADABLE),
    (GENRM, boxed("4, 2"), UNREADABLE),
    (GENRM, boxed("4, 2", "2") + boxed("2, 4", "5"), "second"),
    (GENRM, boxed("4, 2", "2") + "[The Begin of Individual Scores] none", UNREADABLE),
    (GENRM, boxed("4, 2", "2") + "[The Begin of Ranking Score] \\boxed{5}", UNREADABLE),
    (GENRM, "\\boxed{4, 2}", UNREADABLE),
    (GENRM, 'So:\n```json\n{"score_1": 4, "score_2": 2.0, "ranking": 2}\n```', "first"),
    (GENRM, '{"score_1": 2, "score_2": 2, "ranking": 6}', "second"),
    (GENRM, '{"score_1": 4, "score_2": 2}', UNREADABLE),
    (GENRM, '{"score_1": 4, "score_2": 2, "ranking": 5}', UNREADABLE),
    (GENRM, '{"score_1": "4", "score_2": 2, "ranking": 2}', UNREADABLE),
    (GENRM, '{"score_1": true, "score_2": 1, "ranking": 2}', UNREADABLE),
]


@pytest.mark.parametrize(("name", "text", "expected"), FORMS)
def test_each_form_is_read_and_nothing_else(name, text, expected):
    assert outcome(name, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4", 4.0),
        ("**Score: 4**", 4.0),
        ("Good, but dull.\nAnswer: 4, because of the end.", 4.0),
        ("The response is decent. 4", 4.0),
        ("Score：４", 4.0),
        ("Score: 10", UNREADABLE),
        ("10", UNREADABLE),
        ("Score: 4/5", UNREADABLE),
        ("Score: 4 out of 5", UNREADABLE),
        ("Score: 3-4", UNREADABLE),
        ("Score: 4.5", UNREADABLE),
        ("-4", UNREADABLE),
        ("1. Clear\n2. Short", UNREADABLE),
        ("It has 4 parts", UNREADABLE),
    ],
)
def test_bare_scores(text, expected):
    assert outcome("choice", text, space=FreeText("choice", "score", 1, (1, 5))) == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("selene", "**Reasoning:** Good.\n\n**Result:** 4", 4.0),
        ("selene", "**Result:** **4**", 4.0),
        ("selene", "**Result:** 4/5", UNREADABLE),
        ("selene", "**Result:** 10", UNREADABLE),
        ("selene", "**Result:** 0", UNREADABLE),
        ("selene", "**Result:** A", UNREADABLE),
        (GENRM, boxed("4"), 4.0),
        (GENRM, boxed("3.5"), 3.5),
        (GENRM, boxed("10"), UNREADABLE),
        (GENRM, boxed("4, 3"), UNREADABLE),
        (GENRM, '{"score_1": 4}', 4.0),
    ],
)
def test_scores_of_judges_that_compare_too(name, text, expected):
    assert outcome(name, text, space=FreeText(name, "score", 1, (1, 5))) == expected


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ('{"accuracy": 4}', 4.0),
        ('{"accuracy": 4.0, "style": 9}', 4.0),
        ('{"accuracy": 4.5}', UNREADABLE),
        ('{"accuracy": true}', UNREADABLE),
        ('{"accuracy": "4"}', UNREADABLE),
        ('{"accuracy": 6}', UNREADABLE),
        ('{"accuracy": NaN}', UNREADABLE),
        ('{"style": 4}', UNREADABLE),
        ("{}", UNREADABLE),
        ("4", UNREADABLE),
    ],
)
def test_scores_in_json(scores, expected):
    space = FreeText("json", "score", 1, (1, 5), ("accuracy",))
    assert outcome("json", f'{{"explanation": "so", "scores": {scores}}}', space=space) == expected


def test_rankings_name_every_position_shown_exactly_once():
    three = FreeText("json", "rank", 3)
    assert outcome("json", '{"ranking": ["B", ["C", "A"]]}', space=three) == ((1,), (2, 0))
    assert outcome("json", '{"ranking": ["B", "A"]}', space=three) is UNREADABLE
    assert outcome(WHOLE, "[[B>A]]", space=FreeText(WHOLE, "rank", 3)) is UNREADABLE
    assert outcome(WHOLE, "[[B=A]]", space=FreeText(WHOLE, "rank", 2, ties=False)) is UNREADABLE


def test_answers_keep_the_label_and_the_scores():
    assert read("[[A>>B]]", default_space(ARENA)) == PairAnswer(1.0, 0.0, 0.0, "A>>B")
    assert read("8 9", default_space("two-scores")) == PairAnswer(0.0, 1.0, 0.0, "8 9", (8.0, 9.0))
    assert read("[[7]]", default_space(SCORE)) == ScoreAnswer({"": 7.0}, "7")
    assert read("[[B>A]]", default_space(WHOLE)) == RankAnswer(((1,), (0,)), "B>A")


@pytest.mark.parametrize(
    ("name", "tie"),
    [
        (ARENA, "[[A=B]]"),
        (MT, "[[C]]"),
        ("pandalm", "Tie"),
        ("choice", "Tie"),
        ("two-scores", "7 7"),
        ("auto-j-pair", "the final decision is Tie"),
        ("json", '{"verdict": "tie"}'),
    ],
)
def test_a_tie_is_unreadable_where_none_was_offered(name, tie):
    assert outcome(name, tie) == "tie"
    assert outcome(name, tie, space=FreeText(name, "pair", 2, ties=False)) is UNREADABLE


def test_the_table_is_whole_and_its_names_are_checked():
    assert all(reading.name == name for name, reading in READINGS.items())
    with pytest.raises(UnknownName, match="no reading 'nope'"):
        read("A", FreeText("nope", "pair", 2))
    with pytest.raises(Unreadable, match="cannot settle a rank"):
        read("A", FreeText("choice", "rank", 2))


SPACES = [
    FreeText(
        name, ask, {"pair": 2, "score": 1, "scores": 3, "rank": 3, "option": 3}[ask], (1, 5), ("style",), ties=ties
    )
    for name, reading in READINGS.items()
    for ask in sorted(reading.asks)
    for ties in {False, reading.has_tie}
]


@pytest.mark.parametrize("space", SPACES, ids=lambda s: f"{s.reading}-{s.asks}-{s.ties}")
def test_closings_end_by_naming_the_labels_and_offer_no_tie_that_is_refused(space):
    closing = READINGS[space.reading].closing(space)
    last = closing.splitlines()[-1]
    assert 1 <= len(closing.splitlines()) <= 4
    if space.asks.startswith("score"):
        assert "1 to 5" in last
    if space.asks != "score":
        named = [r"\bA\b", r"\bB\b"] if space.asks == "pair" else [r"\bA\b", r"\bB\b", r"\bC\b"]
        assert all(re.search(pattern, last) for pattern in named)
    if not space.ties:
        assert not re.search(r"tie\b|=|\[\[C\]\]|equally", closing, re.IGNORECASE)
