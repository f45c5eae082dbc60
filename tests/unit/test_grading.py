"""Graders: templates, formulas, and what a judge is asked."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_service.domain.decisions import DecisionAnswer
from judge_service.errors import InvalidCase
from judge_service.grading.formulas import Formula
from judge_service.grading.graders import ModelGrader, StringCheck, grader_from
from judge_service.grading.templates import Sampled, filled
from judge_service.grading.ungraded import Ungraded

SAMPLED = Sampled('{"a": [1, {"b": "deep"}]}', {"q": "What?", "n": 7, "list": ["x", "y"], "trick": "{{ item.q }}"})
NAMES = {"a": 0.5, "b": 2.0}
CHECK = {"type": "string_check", "name": "c", "input": "x", "reference": "x", "operation": "eq"}
SCORE = {
    "type": "score_model",
    "name": "s",
    "model": "j",
    "input": [{"role": "user", "content": "{{sample.output_text}}"}],
}
MULTI = {"type": "multi", "name": "m", "graders": {"a": CHECK}, "calculate_output": "a"}
LABEL = {**SCORE, "type": "label_model", "labels": ["good", "bad", "ugly"], "passing_labels": ["good", "ugly"]}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{item.q}} {{ item.n }}", "What? 7"),
        ("{{sample.output_text}}", SAMPLED.output),
        ("{{sample.output_json.a[1].b}}", "deep"),
        ("{{ item.list[1] }} {{item.list}}", 'y ["x", "y"]'),
        ("{{ item.trick }}", "{{ item.q }}"),
        ("{ item.q } {{}", "{ item.q } {{}"),
    ],
)
def test_slots_are_filled_in_one_pass(text, found):
    assert filled(text, SAMPLED, "p") == found


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("{{item.missing}}", "invalid_variable_error"),
        ("{{item.list[9]}}", "invalid_variable_error"),
        ("{{sample.choices}}", "invalid_variable_error"),
        ("{{reference}}", "invalid_variable_error"),
        ("{{ }}", "invalid_variable_error"),
        ("{{item.__class__.__name__}}", "invalid_variable_error"),
    ],
)
def test_a_slot_that_names_nothing_is_told(text, flag):
    with pytest.raises(Ungraded) as raised:
        filled(text, SAMPLED, "grader.input")
    assert (raised.value.flag, raised.value.param) == (flag, "grader.input")


def test_a_sample_that_is_no_json_is_told():
    with pytest.raises(Ungraded) as raised:
        filled("{{sample.output_json.a}}", Sampled("no", None), "p")
    assert raised.value.flag == "sample_parse_error"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + b * 2", 4.5),
        ("(a + b) / 2", 1.25),
        ("2 ^ 3 + 1", 9.0),
        ("b ** 2 - -a", 4.5),
        ("min(a, b, 0.1)", 0.1),
        ("max(a, b) - abs(-1)", 1.0),
        ("floor(a) + ceil(a)", 1.0),
        ("sqrt(4) + log(exp(1))", 3.0),
        (" 7 ", 7.0),
    ],
)
def test_a_formula_is_worked_out(text, value):
    assert Formula(text, NAMES).of(NAMES) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("a +", "formula_parse_error"),
        ("", "formula_parse_error"),
        ("__import__('os').system('x')", "formula_parse_error"),
        ("a.__class__", "formula_parse_error"),
        ("(lambda: 1)()", "formula_parse_error"),
        ("[a for a in (1, 2)]", "formula_parse_error"),
        ("'x' * 9", "formula_parse_error"),
        ("True", "formula_parse_error"),
        ("a if b else 1", "formula_parse_error"),
        ("min(a)", "formula_parse_error"),
        ("abs(a, b)", "formula_parse_error"),
        ("max(*a)", "formula_parse_error"),
        ("9e999", "formula_parse_error"),
        ("-" * 500 + "1", "formula_parse_error"),
        ("1 " * 2000, "formula_parse_error"),
        ("a + c", "invalid_variable_error"),
        ("eval(a)", "formula_parse_error"),
    ],
)
def test_what_is_no_formula_is_refused_and_never_run(text, flag):
    with pytest.raises(Ungraded) as raised:
        Formula(text, NAMES)
    assert (raised.value.flag, raised.value.param) == (flag, "grader.calculate_output")


@pytest.mark.parametrize("text", ["a / (b - 2)", "log(0 * a)", "9 ^ 9 ^ 9 ^ 9", "sqrt(-b)", "exp(b * 1000)"])
def test_a_formula_without_a_value_is_told(text):
    with pytest.raises(Ungraded) as raised:
        Formula(text, NAMES).of(NAMES)
    assert raised.value.flag == "other_error"


@given(st.text(alphabet="ab+-*/^(), .0123456789minax", max_size=40))
def test_any_text_is_a_finite_number_or_an_error(text):
    try:
        found = Formula(text, NAMES).of(NAMES)
    except Ungraded:
        return
    assert math.isfinite(found)


@pytest.mark.parametrize(
    ("operation", "text", "reference", "reward"),
    [
        ("eq", "Paris", "Paris", 1.0),
        ("eq", "paris", "Paris", 0.0),
        ("ne", "paris", "Paris", 1.0),
        ("like", "in Paris now", "Paris", 1.0),
        ("like", "in paris now", "Paris", 0.0),
        ("ilike", "in paris now", "Paris", 1.0),
        ("like", "Paris", "in Paris now", 0.0),
        ("like", "100%", "%", 1.0),
    ],
)
def test_a_string_check(operation, text, reference, reward):
    assert StringCheck("c", text, reference, operation).reward(SAMPLED, "grader") == reward


def levels(grader):
    return [option.value for option in grader.inquiry(SAMPLED, "grader").questions[0].options]


@pytest.mark.parametrize(
    ("range_", "named"),
    [
        (None, ["0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1"]),
        ([1, 5], ["1", "2", "3", "4", "5"]),
        ([0, 10], [str(i) for i in range(11)]),
        ([-1, 1], ["-1", "0", "1"]),
        ([0, 100], [str(i) for i in range(0, 101, 10)]),
    ],
)
def test_a_range_is_read_on_a_handful_of_levels(range_, named):
    grader = grader_from({**SCORE, "range": range_})
    assert levels(grader) == named
    question = grader.inquiry(SAMPLED, "grader").questions[0]
    top = DecisionAnswer(question, tuple([0.0] * (len(named) - 1) + [1.0]))
    even = DecisionAnswer(question, tuple([0.5] + [0.0] * (len(named) - 2) + [0.5]))
    assert grader.reward(top) == float(named[-1])
    assert grader.reward(even) == pytest.approx((float(named[0]) + float(named[-1])) / 2)


def test_system_messages_are_instructions_and_the_others_the_state():
    turns = [
        {"role": "system", "content": "Grade {{item.q}}"},
        {"role": "user", "content": [{"type": "input_text", "text": "It says {{sample.output_text}}"}, "plain"]},
    ]
    inquiry = grader_from({**SCORE, "input": turns}).inquiry(SAMPLED, "grader")
    assert inquiry.instructions == "Grade What?"
    assert [m.content for m in inquiry.state] == [f"It says {SAMPLED.output}\nplain"]
    alone = grader_from({**SCORE, "input": turns[:1]}).inquiry(SAMPLED, "grader")
    assert (alone.instructions, alone.state[0].content) == (None, "Grade What?")


def test_a_label_passes_or_not():
    grader = grader_from(LABEL)
    assert isinstance(grader, ModelGrader)
    question = grader.inquiry(SAMPLED, "grader").questions[0]
    answer = DecisionAnswer(question, (0.3, 0.5, 0.2))
    assert grader.reward(answer) == 0.0
    assert grader.told(answer)["passing_probability"] == pytest.approx(0.5)
    assert grader.reward(DecisionAnswer(question, (0.6, 0.2, 0.2))) == 1.0


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ("x", "grader"),
        ({"type": "essay"}, "grader.type"),
        ({"type": "python", "name": "p", "source": "1"}, "grader.type"),
        ({"type": "text_similarity", "name": "t"}, "grader.type"),
        ({**CHECK, "operation": "neq"}, "grader.operation"),
        ({**CHECK, "input": 7}, "grader.input"),
        ({**SCORE, "input": []}, "grader.input"),
        ({**SCORE, "input": ["x"]}, "grader.input[0]"),
        ({**SCORE, "range": [1]}, "grader.range"),
        ({**SCORE, "range": [1, 1]}, "grader.range"),
        ({**SCORE, "range": [0, "1"]}, "grader.range"),
        ({**LABEL, "labels": ["a", "a"]}, "grader.labels"),
        ({**LABEL, "passing_labels": ["other"]}, "grader.passing_labels"),
        ({**MULTI, "graders": {}}, "grader.graders"),
        ({**MULTI, "graders": {"a": {"type": "multi"}}}, "grader.graders.a.type"),
        ({**MULTI, "calculate_output": None}, "grader.calculate_output"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_grader_is_named(wrong, param):
    with pytest.raises(InvalidCase) as raised:
        grader_from(wrong)
    assert raised.value.param == param
