"""Rubric and prompt files become checked standards and templates; every error names file and field."""

import tomllib
from dataclasses import replace

import pytest
from scripted import LIBRARY

from judge_service.domain.standards import Constitution, Criterion, Rubric
from judge_service.errors import InvalidLibrary, InvalidOption, UnknownName
from judge_service.library import open_library, read_standard, read_template, standard_from
from judge_service.protocols.readings import READINGS

CRITERION = {"name": "warmth", "text": "Is it warm?", "question": "How warm is it?"}
RUBRIC = {"id": "kindness", "criteria": [CRITERION]}
PRINCIPLES = {"id": "kindness", "kind": "constitution", "principles": [{"name": "calm", "text": "Stay calm."}]}
TEMPLATE = """For readers.

<!-- system -->
Be fair.

<!-- user -->
$standard

$prompt

$candidates

$question
$answer

<!-- question together -->
Which is better?

<!-- answer choice -->
$labels:
"""


def criterion(**change):
    return {"criteria": [CRITERION, CRITERION | {"name": "other"} | change]}


def principle(**change):
    return {"principles": [{"name": "calm", "text": "Stay calm."} | change]}


def refused(given):
    with pytest.raises(InvalidLibrary) as caught:
        standard_from(given, "kindness.toml")
    return caught.value.message


# What a file may say


def test_the_least_a_rubric_needs_is_an_id_and_a_criterion():
    standard = standard_from(RUBRIC, "kindness.toml")
    assert standard == Rubric(
        id="kindness",
        version="1",
        title="kindness",
        prompts={"compare": "compare", "score": "score", "rank": "rank"},
        criteria=(Criterion("warmth", "Is it warm?", "How warm is it?"),),
    )


def test_everything_a_rubric_may_say_is_taken():
    text = """
id = "kindness"
version = "2"
kind = "rubric"
title = "Kindness"
description = "How kind."
takes = ["prompt", "candidates", "reference"]
scale = [0, 10]
prompts = {compare = "score"}
compare = "per-criterion"
aggregate = "lexicographic"
margin = 1
ties = true
reading = "arena-hard"
protocol = "pairwise"
source = {paper = "arXiv 0000.00000"}
[[criteria]]
name = "warmth"
text = "  Is it warm?  "
question = "How warm is it? "
weight = 2
anchors = {0 = "cold", 10 = "warm"}
"""
    standard = standard_from(tomllib.loads(text), "kindness.toml")
    assert (standard.version, standard.title, standard.description) == ("2", "Kindness", "How kind.")
    assert (standard.takes, standard.scale) == (("prompt", "candidates", "reference"), (0, 10))
    assert standard.prompts == {"compare": "score", "score": "score", "rank": "rank"}
    told = (standard.compare, standard.aggregate, standard.margin, standard.ties, standard.reading, standard.protocol)
    assert told == ("per-criterion", "lexicographic", 1.0, True, "arena-hard", "pairwise")
    assert standard.source == {"paper": "arXiv 0000.00000"}
    warmth = Criterion("warmth", "Is it warm?", "How warm is it?", 2.0, {0: "cold", 10: "warm"})
    assert standard.criteria == (warmth,)


def test_a_constitution_has_principles_instead_of_criteria():
    standard = standard_from(PRINCIPLES, "kindness.toml")
    assert isinstance(standard, Constitution)
    assert [(p.name, p.text) for p in standard.principles] == [("calm", "Stay calm.")]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": None}, "id"),
        ({"id": ""}, "id"),
        ({"id": 7}, "id"),
        ({"id": "Kind ness"}, "id"),
        ({"id": "../up"}, "id"),
        ({"kind": "list"}, "kind"),
        ({"kind": []}, "kind"),
        ({"version": 2}, "version"),
        ({"title": 7}, "title"),
        ({"description": []}, "description"),
        ({"takes": "prompt"}, "takes"),
        ({"takes": ["picture"]}, "takes"),
        ({"takes": [["prompt"]]}, "takes"),
        ({"scale": 5}, "scale"),
        ({"scale": [1]}, "scale"),
        ({"scale": [5, 1]}, "scale"),
        ({"scale": [3, 3]}, "scale"),
        ({"scale": [1.0, 5.0]}, "scale"),
        ({"scale": [False, True]}, "scale"),
        ({"scale": [-1, 1]}, "scale"),
        ({"scale": [0, 101]}, "scale"),
        ({"prompts": "compare"}, "prompts"),
        ({"prompts": {"compare": 7}}, "prompts"),
        ({"prompts": {"critique": "compare"}}, "prompts.critique"),
        ({"compare": "apart"}, "compare"),
        ({"aggregate": "max"}, "aggregate"),
        ({"aggregate": ["min"]}, "aggregate"),
        ({"margin": -1}, "margin"),
        ({"margin": "1"}, "margin"),
        ({"margin": float("nan")}, "margin"),
        ({"ties": "no"}, "ties"),
        ({"ties": 0}, "ties"),
        ({"reading": 7}, "reading"),
        ({"protocol": 7}, "protocol"),
        ({"source": "paper"}, "source"),
        ({"source": {"year": 2024}}, "source"),
        ({"author": "me"}, "author"),
        ({"principles": []}, "principles"),
        ({"criteria": None}, "criteria"),
        ({"criteria": []}, "criteria"),
        ({"criteria": CRITERION}, "criteria"),
        ({"criteria": ["warmth"]}, "criteria"),
        (criterion(name=""), "criteria[1].name"),
        (criterion(name="warmth"), "criteria[1].name"),
        (criterion(text=7), "criteria[1].text"),
        (criterion(text=" "), "criteria[1].text"),
        (criterion(question=None), "criteria[1].question"),
        (criterion(question="One\ntwo"), "criteria[1].question"),
        (criterion(weight=0), "criteria[1].weight"),
        (criterion(weight=-1), "criteria[1].weight"),
        (criterion(weight=True), "criteria[1].weight"),
        (criterion(weight=float("inf")), "criteria[1].weight"),
        (criterion(anchors=["cold"]), "criteria[1].anchors"),
        (criterion(anchors={"1": 7}), "criteria[1].anchors"),
        (criterion(anchors={"6": "hot"}), "criteria[1].anchors.6"),
        (criterion(anchors={"-1": "ice"}), "criteria[1].anchors.-1"),
        (criterion(anchors={"--1": "ice"}), "criteria[1].anchors.--1"),
        (criterion(anchors={"²": "mild"}), "criteria[1].anchors.²"),
        (criterion(anchors={"cold": "1"}), "criteria[1].anchors.cold"),
        (criterion(importance=1), "criteria[1].importance"),
    ],
)
def test_a_wrong_field_is_named_with_its_file(change, field):
    assert refused(RUBRIC | change).startswith(f"kindness.toml: {field}: ")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"criteria": [CRITERION]}, "criteria"),
        ({"principles": None}, "principles"),
        ({"principles": {}}, "principles"),
        (principle(text=""), "principles[0].text"),
        (principle(name=7), "principles[0].name"),
        (principle(weight=2), "principles[0].weight"),
        ({"principles": PRINCIPLES["principles"] * 2}, "principles[1].name"),
    ],
)
def test_a_wrong_field_of_a_constitution_is_named_too(change, field):
    assert refused(PRINCIPLES | change).startswith(f"kindness.toml: {field}: ")


def test_a_weight_may_be_a_fraction():
    assert standard_from(RUBRIC | criterion(weight=0.25), "").criteria[1].weight == 0.25


def test_steps_of_anchors_may_be_numbers_where_the_rubric_comes_from_python():
    given = RUBRIC | {"criteria": [CRITERION | {"anchors": {1: "cold", 5: "warm"}}]}
    assert standard_from(given, "kindness.toml").criteria[0].anchors == {1: "cold", 5: "warm"}


# Digests

CHANGES = [
    {"id": "other"},
    {"version": "2"},
    {"title": "Kindness"},
    {"description": "How kind."},
    {"takes": ["prompt", "candidates", "context"]},
    {"scale": [1, 10]},
    {"prompts": {"compare": "rank"}},
    {"compare": "per-criterion"},
    {"aggregate": "min"},
    {"margin": 1.0},
    {"ties": True},
    {"reading": "choice"},
    {"criteria": [CRITERION | {"name": "x"}]},
    {"criteria": [CRITERION | {"text": "x"}]},
    {"criteria": [CRITERION | {"question": "x"}]},
    {"criteria": [CRITERION | {"weight": 3}]},
    {"criteria": [CRITERION | {"anchors": {"1": "x"}}]},
    {"criteria": [CRITERION, CRITERION | {"name": "x"}]},
]


def test_everything_that_can_change_an_answer_is_part_of_the_digest():
    digests = [standard_from(RUBRIC | change, "").digest for change in [{}, *CHANGES]]
    assert len(set(digests)) == len(digests)


def test_the_source_and_the_order_of_keys_are_no_part_of_the_digest():
    plain = standard_from(RUBRIC, "").digest
    assert standard_from(RUBRIC | {"source": {"paper": "x"}}, "").digest == plain
    assert standard_from(dict(reversed(RUBRIC.items())), "").digest == plain


def test_a_constitutions_digest_changes_with_its_principles():
    texts = [principle(), principle(text="x"), principle(name="x")]
    assert len({standard_from(PRINCIPLES | change, "").digest for change in texts}) == 3


# The library as a whole


@pytest.mark.parametrize("standard", LIBRARY.standards.values(), ids=lambda standard: standard.id)
def test_every_shipped_standard_names_a_reading_that_exists(standard):
    assert standard.reading in READINGS
    assert LIBRARY.standard(standard.id) is LIBRARY.standard(f"{standard.id}@{standard.version}") is standard


def test_the_default_rubric_is_shipped():
    assert isinstance(LIBRARY.standard("helpfulness"), Rubric)
    assert {"compare", "score", "rank"} <= set(LIBRARY.templates)


@pytest.mark.parametrize("wanted", ["kindness", "helpfulness@99", "", "Helpfulness"])
def test_a_rubric_that_does_not_exist_is_unknown(wanted):
    with pytest.raises(UnknownName) as caught:
        LIBRARY.standard(wanted)
    assert caught.value.param == "rubric"


def test_a_rubric_may_be_given_inline_and_needs_no_id_then():
    standard = LIBRARY.standard({"criteria": [CRITERION]})
    assert (standard.id, standard.criteria[0].name) == ("inline", "warmth")


@pytest.mark.parametrize(
    ("given", "field"),
    [({}, "criteria"), ({"criteria": [CRITERION], "prompts": {"rank": "nope"}}, "prompts.rank"), ({"kind": 1}, "kind")],
)
def test_a_wrong_inline_rubric_is_a_wrong_option(given, field):
    with pytest.raises(InvalidOption, match=f"^the inline rubric: {field}") as caught:
        LIBRARY.standard(given)
    assert caught.value.param == "rubric"


def rubric_file(folder, name="kindness.toml", text='id = "kindness"\n'):
    path = folder / name
    path.write_text(text + '[[criteria]]\nname = "a"\ntext = "b"\nquestion = "c"\n', encoding="utf-8")
    return path


def test_a_directory_of_ones_own_comes_on_top(tmp_path):
    rubric_file(tmp_path)
    rubric_file(tmp_path, "helpfulness.toml", 'id = "helpfulness"\nversion = "mine"\n')
    library = open_library(tmp_path)
    assert library.standard("kindness").criteria[0].name == "a"
    assert library.standard("helpfulness").version == "mine"
    assert library.standard("honesty").digest == LIBRARY.standard("honesty").digest


def test_prompts_of_ones_own_are_found_beside_the_rubrics(tmp_path):
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "mine.md").write_text(TEMPLATE, encoding="utf-8")
    rubric_file(tmp_path, text='id = "kindness"\nprompts = {compare = "mine"}\n')
    library = open_library(tmp_path)
    assert library.template(library.standard("kindness"), "compare").sections["system"] == "Be fair."
    assert library.template(library.standard("kindness"), "score").id == "score"


def test_a_directory_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(InvalidLibrary, match="no such directory"):
        open_library(tmp_path / "nowhere")


def test_a_prompt_that_does_not_exist_is_named_with_file_and_field(tmp_path):
    rubric_file(tmp_path, text='id = "kindness"\nprompts = {score = "nope"}\n')
    with pytest.raises(InvalidLibrary, match=r"^kindness\.toml: prompts\.score: there is no prompt 'nope'"):
        open_library(tmp_path)


@pytest.mark.parametrize("content", [b"id = ", b"\xff\xfe", b"id = 1\nid = 2\n"])
def test_a_file_that_is_no_toml_is_named(tmp_path, content):
    (tmp_path / "kindness.toml").write_bytes(content)
    with pytest.raises(InvalidLibrary, match=r"^kindness\.toml: "):
        read_standard(tmp_path / "kindness.toml")


def test_a_file_is_named_like_its_rubric(tmp_path):
    with pytest.raises(InvalidLibrary, match=r"^other\.toml: id: .* 'other', the id says 'kindness'"):
        read_standard(rubric_file(tmp_path, "other.toml"))


# Prompts


def template_of(tmp_path, text=TEMPLATE):
    path = tmp_path / "mine.md"
    path.write_text(text, encoding="utf-8")
    return read_template(path)


def test_a_prompt_file_is_sections_and_what_stands_before_them_is_for_readers(tmp_path):
    template = template_of(tmp_path)
    assert template.id == "mine"
    assert list(template.sections) == ["system", "user", "question together", "answer choice"]
    assert template.sections["answer choice"] == "$labels:"
    assert "For readers." not in "".join(template.sections.values())


def test_only_the_sections_are_part_of_a_prompts_digest(tmp_path):
    plain = template_of(tmp_path).digest
    assert template_of(tmp_path, TEMPLATE.replace("For readers.", "For others.")).digest == plain
    assert template_of(tmp_path, TEMPLATE.replace("Be fair.", "Be just.")).digest != plain


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<!-- system -->", "", "there is no section 'system'"),
        ("<!-- user -->", "", "there is no section 'user'"),
        ("<!-- answer choice -->", "<!-- answer -->", "unknown section 'answer'"),
        ("$standard", "$standard $candidate", r"section 'user' has an unknown slot \$candidate"),
        ("Which is better?", "Which of $labels?", r"section 'question together' has an unknown slot \$labels"),
        ("$prompt", "", r"section 'user' has no slot \$prompt"),
        ("$answer", "", r"section 'user' has no slot \$answer"),
    ],
)
def test_a_wrong_prompt_file_is_named_with_what_is_wrong(tmp_path, old, new, message):
    with pytest.raises(InvalidLibrary, match=rf"^mine\.md: {message}"):
        template_of(tmp_path, TEMPLATE.replace(old, new))


def test_a_prompt_file_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "mine.md"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidLibrary, match=r"^mine\.md: "):
        read_template(path)


def test_templates_and_standards_are_values_that_can_be_compared():
    again = open_library()
    assert again.standard("helpfulness") == LIBRARY.standard("helpfulness")
    assert again.templates["rank"] == LIBRARY.templates["rank"]
    assert replace(again.standard("helpfulness"), version="2").digest != LIBRARY.standard("helpfulness").digest
