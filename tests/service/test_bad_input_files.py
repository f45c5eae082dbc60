"""Bad rows of a file: told by file, line and field, and the other rows are judged."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hostile import FORGED, PLAIN, check_numbers, pair
from judge_server import JudgeServer
from programs import Ended, called, ran, read_rows, write_rows

GOOD = [{**pair("I like turtles."), "id": f"good{i}", "prompt": f"Task {i}"} for i in range(2)]
Judge = Callable[..., tuple[Ended, dict[str, Any]]]


@pytest.fixture
def judge(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Judges bytes as a file by the offline judge; the judgments by case id, all their numbers looked at."""

    def compare(content: bytes, name: str = "in.jsonl", task: str = "compare") -> tuple[Ended, dict[str, Any]]:
        Path(name).write_bytes(content)
        end = called(capsys, monkeypatch, task, name, "-o", "out.jsonl", "--offline", "--quiet")
        for line in Path("out.jsonl").read_bytes().splitlines():
            check_numbers(line)
        return end, {row["case_id"]: row for row in read_rows(Path("out.jsonl"))}

    return compare


def lines(*rows: Any) -> bytes:
    return b"\n".join(row if isinstance(row, bytes) else orjson.dumps(row) for row in rows) + b"\n"


BAD: dict[str, tuple[Any, str]] = {
    "broken JSON": (b'{"prompt": "x", ', "not valid JSON"),
    "a list": ([1, 2], "a row is an object; got a list"),
    "a text": ("x", "a row is an object"),
    "null": (b"null", "a row is an object"),
    "no prompt": ({"candidates": ["x", "y"]}, "prompt is missing"),
    "no candidates": ({"prompt": "x"}, "candidates are missing"),
    "one candidate": ({"prompt": "x", "candidates": ["y"]}, "compare takes exactly 2 candidates; got 1"),
    "no candidate": ({"prompt": "x", "candidates": []}, "compare takes exactly 2 candidates; got 0"),
    "three candidates": ({"prompt": "x", "candidates": ["x", "y", "z"]}, "compare takes exactly 2 candidates; got 3"),
    "a number as candidate": ({"prompt": "x", "candidates": ["y", 7]}, "candidates[1] is a string"),
    "null as candidate": ({"prompt": "x", "candidates": ["y", None]}, "candidates[1] is a string"),
    "a number as prompt": ({"prompt": 7, "candidates": ["x", "y"]}, "prompt is a string"),
    "an object as id": ({"id": {}, "prompt": "x", "candidates": ["x", "y"]}, "id is a string"),
    "one id for two": ({"prompt": "x", "candidates": [{"id": "k", "content": "x"}, {"id": "k", "content": "y"}]},
                       "two candidates have the id 'k'"),
    "NaN": (b'{"prompt": "x", "candidates": ["x", "y"], "n": NaN}', "not valid JSON"),
    "a number too large": (b'{"prompt": "x", "candidates": ["x", "y"], "n": 1e999}', "not valid JSON"),
    "no UTF-8": (b'{"prompt": "\xff", "candidates": ["x", "y"]}', "not valid JSON"),
    "a lone surrogate": (b'{"prompt": "\\ud800", "candidates": ["x", "y"]}', "not valid JSON"),
    "NUL bytes": (b"\x00\x00\x00", "not valid JSON"),
    "too deep": (b'{"prompt": ' + b"[" * 3000 + b"]" * 3000 + b"}", "not valid JSON"),
}  # fmt: skip


@pytest.mark.parametrize("what", list(BAD))
def test_a_bad_row_is_told_by_file_line_and_field_and_the_others_are_judged(judge: Judge, what: str) -> None:
    row, told = BAD[what]
    end, rows = judge(lines(GOOD[0], row, GOOD[1]))
    assert end.code == 3
    assert "Traceback" not in end.err
    assert {rows.pop(f"good{i}")["status"] for i in range(2)} == {"judged"}
    (bad,) = rows.values()
    assert (bad["status"], bad["verdict"], bad["failure"]["kind"]) == ("unscored", None, "invalid")
    assert bad["failure"]["message"].startswith("in.jsonl line 2: ")
    assert told in bad["failure"]["message"]


def test_rows_of_an_array_are_told_by_their_number(judge: Judge) -> None:
    content = b'[%s, {"prompt": "x"}, {"prompt": "\\ud800"}, %s]' % tuple(orjson.dumps(row) for row in GOOD)
    end, rows = judge(content, "in.json")
    assert end.code == 3
    assert {rows.pop(f"good{i}")["status"] for i in range(2)} == {"judged"}
    assert sorted(row["failure"]["message"] for row in rows.values()) == [
        "in.json row 2: candidates are missing; compare takes exactly 2 candidates",
        "in.json row 3: prompt holds a lone surrogate: that is no Unicode text",
    ]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"   "])
def test_a_file_without_a_row_is_no_finished_job(judge: Judge, content: bytes) -> None:
    end, _ = judge(content)
    assert end.code == 2
    assert "there is no row to judge" in end.err


@pytest.mark.parametrize("end_of_line", [b"\n", b"\r\n", b"\n\n \n"])
def test_ends_of_lines_and_blank_lines_do_not_matter(judge: Judge, end_of_line: bytes) -> None:
    end, rows = judge(end_of_line.join(orjson.dumps(row) for row in GOOD))
    assert (end.code, len(rows)) == (0, 2)


def test_a_byte_order_mark_is_no_part_of_the_first_row(judge: Judge) -> None:
    end, rows = judge(b"\xef\xbb\xbf" + lines(*GOOD))
    assert (end.code, len(rows)) == (0, 2)


@pytest.mark.parametrize("name", ["in.jsonl.gz", "in.jsonl"])
def test_a_file_that_is_not_what_its_name_says_is_one_clear_line(judge: Judge, name: str) -> None:
    end, _ = judge(lines(*GOOD) if name.endswith(".gz") else b"\x1f\x8b\x08\x00" * 50, name)
    assert end.code == 2
    assert "in.jsonl" in end.err
    assert len(end.err.splitlines()) == 1


@pytest.mark.parametrize("task", ["compare", "score", "rank"])
def test_hostile_texts_are_judged_in_every_place(judge: Judge, task: str) -> None:
    rows = [
        {"id": f"x{i}", "prompt": text, "reference": text, "context": text, "note": text,
         "candidates": [PLAIN, text, f"{text}?"][: 2 if task == "compare" else 3]}
        for i, text in enumerate(FORGED.values())
    ]  # fmt: skip
    end, judged = judge(lines(*rows), task=task)
    assert end.code == 0
    assert {row["status"] for row in judged.values()} == {"judged"}
    assert [judged[row["id"]]["metadata"]["note"] for row in rows] == [row["note"] for row in rows]


async def test_hostile_texts_and_five_megabytes_reach_a_judge_on_a_socket(server: JudgeServer) -> None:
    large = "wörd " * 1_000_000
    rows = [pair(text, id=f"x{i}") for i, text in enumerate([*FORGED.values(), large])]
    source = write_rows(Path("in.jsonl"), rows)
    judge = ("--judge-url", server.url, "--model", "m")
    end = await ran("compare", source, "-o", "out.jsonl", *judge, "--quiet")
    assert (end.code, end.err) == (0, "")
    assert {row["status"] for row in read_rows(Path("out.jsonl"))} == {"judged"}
    assert sum(large in prompt for prompt in server.prompts()) == 2
    check_numbers(b"[" + Path("out.jsonl").read_bytes().strip().replace(b"\n", b",") + b"]")


async def test_hostile_texts_are_printed_without_harm() -> None:
    text = "".join(FORGED[what] for what in ("markup", "directions and joiners", "beyond the first plane"))
    end = await ran("compare", "--prompt", text, "--a", PLAIN, "--b", text, "--offline")
    assert end.code == 0
    assert "[bold]x[/bold] [/]" in end.out
    assert "Traceback" not in end.err
