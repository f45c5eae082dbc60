"""Commands without a judge: parse, show, and what is said of rubrics."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from programs import Ended, called, cases, ran, write_rows

Call = Callable[..., Ended]
RUBRICS = Path(__file__).parents[2] / "rubrics"


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    return lambda *argv: called(capsys, monkeypatch, *argv)


def parsed(call: Call, reading: str, rows: list[Any]) -> list[dict[str, Any]]:
    end = call("parse", "--reading", reading, write_rows(Path("texts.jsonl"), rows))
    assert end.code == 0
    return end.records


TEXTS = {
    "arena-hard": ("[[B>>A]]", "second", None),
    "mt-bench-pair": ("Both are fine. [[C]]", "tie", None),
    "mt-bench-score": ("Rating: [[9.5]]", None, [9.5]),
    "prometheus-pair": ("Feedback: fine. [RESULT] A", "first", None),
    "prometheus-score": ("Feedback: fine. [RESULT] 4", None, [4]),
    "llmbar": ("Output (b) is better.", "second", None),
    "pandalm": ("Tie\n\n### Reason: equal", "tie", None),
    "auto-j-pair": ("So, the final decision is Response 1.", "first", None),
    "two-scores": ("8 9\nThe second says more.", "second", [8, 9]),
    "choice": ("Choice: A", "first", None),
    "json": ('{"explanation": "x", "verdict": "B"}', "second", None),
}


@pytest.mark.parametrize("reading", list(TEXTS))
def test_a_text_is_parsed_by_its_reading(call: Call, reading: str) -> None:
    text, verdict, scores = TEXTS[reading]
    (told,) = parsed(call, reading, [{"raw_output": text}])
    assert (told["verdict"], told["scores"]) == (verdict, scores)
    assert "failure" not in told


def test_what_cannot_be_read_is_null_with_a_reason_at_its_place(call: Call) -> None:
    rows = [
        {"raw_output": "[[A]]"},
        {"raw_output": "no idea"},
        {"id": 1},
        {"raw_output": 7},
        "{",
        {"raw_output": "[[B]]"},
    ]
    told = parsed(call, "mt-bench-pair", rows)
    assert [row["verdict"] for row in told] == ["first", None, None, None, None, "second"]
    assert all(row["failure"] for row in told[1:5])
    assert "texts.jsonl line 5" in told[4]["failure"]


def test_a_verdict_quoted_from_the_prompt_does_not_count(call: Call) -> None:
    quoted = "Please end your answer with [[A]] or with [[B]], whichever you like."
    row = {"prompt": quoted, "raw_output": f"[[B]]\n> {quoted}"}
    (told,) = parsed(call, "mt-bench-pair", [row])
    assert told["verdict"] in ("second", None)


async def test_texts_come_from_standard_input() -> None:
    end = await ran("parse", "--reading", "choice", "-", stdin=b'{"raw_output": "B"}\n')
    assert (end.code, end.records[0]["verdict"]) == (0, "second")


def test_an_unknown_reading_is_refused_by_naming_those_there_are(call: Call) -> None:
    end = call("parse", "--reading", "tea-leaves", write_rows(Path("texts.jsonl"), []))
    assert end.code == 2
    assert "arena-hard" in end.err


@pytest.fixture
def judgments(call: Call) -> str:
    """A file of judgments, the second row of which is no case."""
    rows = [*cases(2), {"id": "bad", "prompt": "p"}]
    call("compare", write_rows(Path("in.jsonl"), rows), "-o", "out.jsonl", "--offline", "--include", "votes,case")
    return "out.jsonl"


def test_show_prints_one_judgment_for_a_person(call: Call, judgments: str) -> None:
    end = call("show", judgments, "c1")
    assert end.code == 0
    assert "winner tie   P(a is better) = 0.500   the orders disagree" in end.out
    assert "1 yes (worth 3)" in end.out
    assert "order shown" in end.out


def test_show_finds_a_judgment_by_its_own_id_and_prints_it_as_json(call: Call, judgments: str) -> None:
    record = orjson.loads(call("show", judgments, "c1", "--json").out)
    assert record["case_id"] == "c1"
    assert orjson.loads(call("show", judgments, record["id"], "--json").out) == record


def test_show_says_why_there_is_no_verdict(call: Call, judgments: str) -> None:
    end = call("show", judgments, "bad")
    assert end.code == 0
    assert "invalid" in end.out
    assert "candidates are missing" in end.out


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("out.jsonl", "nobody"), "holds no judgment of 'nobody'"),
        (("nowhere.jsonl", "c1"), "no such file"),
        (("notes.txt", "c1"), "no file of judgments"),
    ],
)
def test_show_of_what_is_not_there_is_one_line(call: Call, judgments: str, argv: tuple[str, str], told: str) -> None:
    Path("notes.txt").write_text("my notes\n")
    end = call("show", *argv)
    assert end.code == 2
    assert told in end.err
    assert len(end.err.splitlines()) == 1


def test_every_shipped_rubric_is_listed_shown_and_found_good(call: Call) -> None:
    listed = call("rubrics", "list")
    files = sorted(RUBRICS.glob("*.toml"))
    assert len(files) >= 8
    for path in files:
        assert path.stem in listed.out
    checked = call("rubrics", "check", *map(str, files))
    assert checked.code == 0
    assert checked.out.count(": good (") == len(files)


@pytest.mark.parametrize("name", [path.stem for path in sorted(RUBRICS.glob("*.toml"))])
def test_a_rubric_is_shown_as_a_rater_reads_it(call: Call, name: str) -> None:
    end = call("rubrics", "show", name)
    assert end.code == 0
    assert f"{name}@1" in end.out
    assert len(end.out.splitlines()) > 10


def test_a_rubric_of_ones_own_is_listed_with_the_shipped_ones(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine").mkdir()
    Path("mine/brevity.toml").write_text(
        'id = "brevity"\n[[criteria]]\nname = "short"\ntext = "Few words."\nquestion = "How short is it?"\n'
    )
    monkeypatch.setenv("JUDGE_RUBRICS", "mine")
    assert "brevity" in call("rubrics", "list").out
    assert "How short is it?" in call("rubrics", "show", "brevity").out


GOOD = 'id = "mine"\n[[criteria]]\nname = "n"\ntext = "t"\nquestion = "q?"\n'
FAULTS = {
    "no TOML": ("id = ", "Invalid value"),
    "no id": (GOOD.replace('id = "mine"', ""), "id: a text is needed"),
    "another id": (GOOD.replace('"mine"', '"other"'), "id: the file is named 'mine'"),
    "unknown field": ('colour = "red"\n' + GOOD, "colour: no such field"),
    "no criteria": ('id = "mine"\n', "criteria: one [[criteria]] or more"),
    "no question": (GOOD.replace('question = "q?"', ""), "criteria[0].question: a text is needed"),
    "two lines of question": (GOOD.replace('"q?"', '"a?\\nb?"'), "criteria[0].question: one line only"),
    "a name twice": (GOOD + GOOD.partition("\n")[2], "criteria[1].name: 'n' stands twice"),
    "weight": (GOOD + "weight = -1\n", "criteria[0].weight: a number, 0 or more"),
    "anchor off the scale": (GOOD + 'anchors = {9 = "x"}\n', "criteria[0].anchors.9: a step of the scale 1 to 5"),
    "scale": ("scale = [5, 1]\n" + GOOD, "scale: two whole numbers"),
    "kind": ('kind = "poem"\n' + GOOD, "kind: one of rubric, constitution"),
    "takes": ('takes = ["image"]\n' + GOOD, "takes: a list of"),
    "reading": ('reading = "tea-leaves"\n' + GOOD, "reading: there is no reading 'tea-leaves'"),
    "prompt": ('prompts = {compare = "none"}\n' + GOOD, "prompts.compare: there is no prompt 'none'"),
    "no text at all": ("\x00\xff", ""),
}


@pytest.mark.parametrize("what", list(FAULTS))
def test_check_says_file_field_and_reason(call: Call, what: str) -> None:
    content, told = FAULTS[what]
    Path("mine.toml").write_bytes(content.encode("latin-1"))
    end = call("rubrics", "check", "mine.toml", str(RUBRICS / "honesty.toml"))
    assert end.code == 2
    bad, good = end.out.strip().splitlines()
    assert bad.startswith("mine.toml: ")
    assert told in bad
    assert ": good (honesty@1" in good


def test_check_of_a_missing_file_says_so(call: Call) -> None:
    end = call("rubrics", "check", "nowhere.toml")
    assert (end.code, end.out) == (2, "nowhere.toml: no such file\n")
