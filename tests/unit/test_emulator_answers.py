"""How the emulated judge says what it thinks: labels, log-probabilities, texts and thoughts."""

from __future__ import annotations

import math

import pytest
from emulated_prompts import PLAIN, TEMPLATES, asked, pair

from judge_service.domain.answers import LETTERS, Answer, FreeText, GroupScores, PairAnswer, RankAnswer, ScoreAnswer
from judge_service.emulator.alternatives import alternatives, chosen, listed
from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.questions import closing_of, form_of, question
from judge_service.emulator.requests import Prompt
from judge_service.emulator.speaking import Said, said
from judge_service.emulator.texts import WRITERS
from judge_service.emulator.thinking import thought
from judge_service.emulator.tokens import id_of
from judge_service.protocols.readings import LABEL_AFTER, READINGS, read


def labelled(text: str, behaviour: Behaviour = PLAIN, **fields: object) -> tuple[Said, dict[str, float]]:
    """A label and the probabilities that stand behind it."""
    answer = said(Prompt(text), asked(behaviour, logprobs=True, top_logprobs=20, **fields), behaviour, ("drawn",))
    assert answer.first
    return answer, {token: math.exp(value) for token, value in answer.first.tops}


def test_labels_carry_the_planted_probability():
    answer, probabilities = labelled(pair(5, 4), Behaviour(bias=0.5))
    assert answer.text == "A"
    assert probabilities == pytest.approx({"A": 1 / (1 + math.exp(-1.5)), "B": 1 / (1 + math.exp(1.5))})


@pytest.mark.parametrize(
    ("closing", "labels"),
    [
        ("Answer with one letter: A or B:", ("A", "B")),
        ("Your answer, A or B or C:", ("A", "B", "C")),
        ("Which is better, 1 or 2?", ("1", "2")),
        ("Answer with 1 if Response A is better, 2 if Response B is better.", ("1", "2")),
        ("Is Output (a) or Output (b) better?", ("a", "b")),
        ("Say A, B or tie.", ("A", "B", "tie")),
        ("Go.", ("A", "B")),
    ],
)
def test_the_labels_are_those_that_the_last_line_names(closing, labels):
    assert question(closing_of(pair(1, 2, closing)), 2).labels == labels


def test_words_in_a_candidate_are_no_labels():
    text = TEMPLATES["ours"].format("Written in C, from 1 to 9.", "The C language, or a tie") + " A or B:"
    assert question(closing_of(text), 2).labels == ("A", "B")


def test_the_best_of_several_is_named_by_a_letter():
    text = "".join(f"{letter}: (worth {worth})\n" for letter, worth in zip("ABCD", (1, 5, 9, 3), strict=True))
    answer, probabilities = labelled(f"{text}The best, A or B or C or D:")
    assert answer.text == "C"
    assert sorted(probabilities, key=probabilities.__getitem__) == ["A", "D", "B", "C"]


@pytest.mark.parametrize(
    ("worth", "scale", "score"), [(0, "1 to 5", 1), (10, "1 to 5", 5), (5, "0 to 100", 50), (7, "1-10", 7)]
)
def test_a_score_lies_on_the_scale_where_the_worth_lies_between_0_and_10(worth, scale, score):
    answer, probabilities = labelled(f"Some text (worth {worth}).\nYour score, {scale}:")
    assert answer.text == str(score)
    assert sum(probabilities.values()) == pytest.approx(1.0, abs=0.01)
    flipped, _ = labelled(f"Some text (worth {worth}).\nYour score, 1 to 5:", Behaviour(flip=True))
    assert int(flipped.text) == round(5 - worth * 0.4)


def test_label_mass_and_surface_variants_are_as_set():
    _, probabilities = labelled(pair(2, 1), Behaviour(label_mass=0.6, surface=0.25))
    assert sum(p for token, p in probabilities.items() if token.strip() in "AB" and token.strip()) == pytest.approx(0.6)
    assert probabilities[" A"] == pytest.approx(probabilities["A"] / 3)
    assert sum(probabilities.values()) == pytest.approx(1.0)


def test_a_tokenizer_that_splits_numbers_puts_1_and_10_on_one_token():
    behaviour = Behaviour(split_digits=True)
    answer, probabilities = labelled("x (worth 10)\nScore, 1 to 10:", behaviour)
    assert answer.text == "10"
    assert answer.tokens == 2
    assert "10" not in probabilities
    assert max(probabilities, key=probabilities.__getitem__) == "1"


def test_only_allowed_tokens_are_said_and_exactly_the_wanted_ones_are_listed():
    fields = {"allowed_token_ids": [id_of("A")], "logprob_token_ids": [id_of("A"), id_of("B"), id_of("x")]}
    answer, probabilities = labelled(pair(1, 5), **fields)
    assert answer.text == "A"
    assert list(probabilities) == ["B", "A", "x"]
    assert probabilities["x"] < 1e-12


def test_allowed_tokens_tell_the_labels_where_the_prompt_names_others():
    fields = {"allowed_token_ids": [id_of("2"), id_of("1")]}
    answer, probabilities = labelled(pair(5, 1), **fields)
    assert answer.text == "1"
    assert set(probabilities) == {"1", "2"}


def test_a_drawn_answer_depends_on_prompt_and_seed_and_follows_the_probabilities():
    text = pair(5, 4)
    answers = [said(Prompt(text), asked(temperature=1.0, seed=i), PLAIN, (text, i)).text for i in range(2000)]
    again = [said(Prompt(text), asked(temperature=1.0, seed=i), PLAIN, (text, i)).text for i in range(2000)]
    assert answers == again
    assert answers.count("A") / 2000 == pytest.approx(1 / (1 + math.exp(-1)), abs=0.03)


SPACES = [
    FreeText(
        name,
        ask,
        {"pair": 2, "score": 1, "scores": 4, "rank": 4, "option": 4}[ask],
        scale=(1, 7),
        criteria=("depth",),
        ties=reading.has_tie,
    )
    for name, reading in READINGS.items()
    if name != LABEL_AFTER and not reading.parts  # asked for after the text; in the forms of others
    for ask in sorted(reading.asks)
]


def asking(space: FreeText, *worths: float) -> str:
    """A prompt of the service that asks for a text in this form."""
    if space.asks == "option":
        options = "\n\n".join(
            f"[Option {letter} 1f2e3d4c]\ntext (worth {worth})\n[/Option {letter} 1f2e3d4c]"
            for letter, worth in zip(LETTERS, worths, strict=False)
        )
        shown_ = f"[Question 1f2e3d4c]\nWhich?\n[/Question 1f2e3d4c]\n\n{options}"
    elif space.asks == "score":
        shown_ = f"[Response 1f2e3d4c]\ntext (worth {worths[0]})\n[/Response 1f2e3d4c]"
    else:
        shown_ = "\n\n".join(
            f"[Response {letter} 1f2e3d4c]\ntext (worth {worth})\n[/Response {letter} 1f2e3d4c]"
            for letter, worth in zip(LETTERS, worths, strict=False)
        )
    return f"{shown_}\n\nTaking the whole standard together, what do you say?\n{READINGS[space.reading].closing(space)}"


@pytest.mark.parametrize("space", SPACES, ids=lambda space: f"{space.reading}-{space.asks}")
def test_every_reading_is_recognised_by_its_closing_lines_and_answered_so_that_it_reads(space):
    for worths in ((9.0, 2.0, 4.0, 6.0), (1.0, 8.0, 3.0, 5.0)):
        text = asking(space, *worths[: space.shown])
        assert form_of(text, closing_of(text), space.asks).reading == space.reading
        answer = read(said(Prompt(text), asked(), PLAIN, ("drawn",)).text, space)
        assert _says(answer, worths), answer


def _says(answer: Answer, worths: tuple[float, ...]) -> bool:
    if isinstance(answer, PairAnswer):
        return (answer.first, answer.second) == ((1.0, 0.0) if worths[0] > worths[1] else (0.0, 1.0))
    if isinstance(answer, ScoreAnswer):
        return list(answer.scores.values()) == [round(1 + 6 * worths[0] / 10)]
    if isinstance(answer, GroupScores):
        return answer.scores == tuple(round(1 + 6 * worth / 10) for worth in worths)
    assert isinstance(answer, RankAnswer)
    if len(answer.tiers) == 2:
        return answer.tiers[0] == (worths.index(max(worths)),)
    return [tier[0] for tier in answer.tiers] == sorted(range(4), key=lambda place: -worths[place])


@pytest.mark.parametrize("reading", sorted({name for name, kind in WRITERS if kind == "pair"}))
def test_a_reading_that_is_set_is_kept_to_whatever_the_prompt_asks(reading):
    space = FreeText(reading, "pair", 2)
    text = said(Prompt(pair(1, 5, "Discuss them.")), asked(), Behaviour(reading=reading), ("drawn",)).text
    assert read(text, space).second == 1.0


def test_the_form_may_stand_in_the_system_prompt():
    system = 'Output your verdict as "[[A]]" if assistant A is better, "[[B]]" if B is better, and "[[C]]" for a tie.'
    text = f"{system}\n{TEMPLATES['mt-bench'].format('x (worth 1)', 'y (worth 9)')}"
    assert said(Prompt(text), asked(), PLAIN, ("drawn",)).text.endswith("[[B]]")


def test_a_prompt_that_asks_for_a_label_alone_gets_it_without_log_probabilities_too():
    assert said(Prompt(pair(1, 5)), asked(max_tokens=1), Behaviour(reading="arena-hard"), ("drawn",)).text == "B"


def test_a_text_says_tie_only_where_one_is_offered():
    behaviour = Behaviour(tie=2.0)
    offering = FreeText("arena-hard", "pair", 2, ties=True)
    refusing = FreeText("arena-hard", "pair", 2, ties=False)
    answers = [said(Prompt(asking(s, 5, 5)), asked(), behaviour, ("drawn",)).text for s in (offering, refusing)]
    assert [read(text, offering).tie for text in answers] == [1.0, 0.0]


@pytest.mark.parametrize("side", [0, 1])
def test_thoughts_have_their_length_and_end_with_a_verdict_for_the_other_side(side):
    behaviour = Behaviour(thinking="always", thinking_tokens=200)
    lengths = [len(thought((place,), side, behaviour, None)) / 4 for place in range(400)]
    assert sorted(lengths)[200] == pytest.approx(200, rel=0.2)
    assert len(thought((1,), side, behaviour, 50)) <= 200
    other = ("B", "A")[side]
    thoughts = [thought((place,), side, behaviour, None) for place in range(200)]
    assert any(one.endswith(f"[[{other}]] is the verdict. ") for one in thoughts)
    assert not any(one.endswith(f"[[{'AB'[side]}]] is the verdict. ") for one in thoughts)


def test_alternatives_are_sorted_and_a_forced_token_that_is_none_of_them_is_unlikely():
    told = alternatives(("A", "B"), [math.log(0.25), math.log(0.75)], PLAIN)
    assert [token for token, _ in listed(told, 1, ())] == ["B"]
    assert chosen(told, [id_of("Z")], 0.0, 0.0)[1] < -20
