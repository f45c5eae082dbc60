"""status, sample, diff and merge: what is asked of outputs, finished or being written."""

import asyncio
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from judge_server import JudgeServer, error, said
from programs import Ended, called, cases, ended, ran, read_rows, started, write_rows

OFFLINE = ("--offline", "--quiet")


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A command, run in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*argv: str) -> Ended:
        return called(capsys, monkeypatch, *argv)

    return run


def told(end: Ended) -> Any:
    assert end.code == 0, end.err
    return orjson.loads(end.out)


async def test_a_running_output_is_told_of_without_disturbing_it(server: JudgeServer, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", cases(5)), tmp_path / "out.jsonl.gz"
    server.next.extend([error(404)] * 2)
    goes_on = asyncio.Event()
    judge = ("--judge-url", server.url, "--model", "m", "--no-cache", "--method", "direct", "--concurrency", "1")
    process = await started("compare", source, "-o", str(out), *judge, "--quiet")
    await server.asked_for(4)
    server.rule = lambda asked: said("A", waits=goes_on)
    gathered = tmp_path / "out.jsonl.gz.partial"
    async with asyncio.timeout(20):
        while gathered.read_bytes().count(b"\n") < 2:
            await asyncio.sleep(0.05)
    status = ("status", str(out), "--json", "--price-prompt", "1000000")
    half = told(await ran(*status, "--cases", source))
    assert not out.exists()
    assert half["rows"] + half["left"] == 5
    assert half["statuses"]["unscored"] == 1
    assert half["failures"]["judge_error"]["count"] == 1
    assert half["cost"] == half["usage"]["prompt_tokens"] > 0
    goes_on.set()
    assert (await ended(process)).code == 3
    whole = told(await ran(*status, "--total", "7"))
    assert (whole["rows"], whole["left"], whole["torn"]) == (5, 2, [])


def test_a_torn_line_is_told_and_what_is_left_is_counted_by_case(call: Any) -> None:
    rows = [*cases(6), {"prompt": "no id", "candidates": ["x", "y"]}, "{torn", cases(1)[0]]
    source = write_rows(Path("in.jsonl"), rows)
    call("compare", source, "-o", "out.jsonl", *OFFLINE, "--limit", "4")
    assert told(call("status", "out.jsonl", "--cases", source, "--json"))["left"] == 4
    call("compare", source, "-o", "out.jsonl", *OFFLINE)
    with Path("out.jsonl").open("ab") as lines:
        lines.write(b'{"object":"judgm')
    done = told(call("status", "out.jsonl", "--cases", source, "--json"))
    assert (done["rows"], done["left"], done["torn"]) == (8, 0, ["out.jsonl"])
    page = call("status", "out.jsonl", "--cases", source)
    assert page.code == 0
    assert "the last line is torn" in page.out
    assert "1 invalid, first 'in.jsonl line 8'" in page.out
    assert "none left" in page.out


def test_a_sample_shows_texts_beside_verdicts_and_hides_what_a_terminal_would_obey(call: Any) -> None:
    rows = [{**row, "candidates": [row["candidates"][0], "\x1b[2J ```` (worth 1)"]} for row in cases(30)]
    source = write_rows(Path("in.jsonl"), rows)
    call("compare", source, "-o", "out.jsonl", *OFFLINE)
    call("compare", source, "-o", "with.jsonl.gz", *OFFLINE, "--include", "votes,case")
    page = call("sample", "out.jsonl", "-n", "5", "--cases", source)
    assert page.code == 0
    assert page.out == call("sample", "with.jsonl.gz", "-n", "5").out
    assert "\x1b" not in page.out
    assert page.out.count("yes (worth 3)") == page.out.count("=> winner") == 5
    drawn = told(call("sample", "out.jsonl", "-n", "5", "--json", "--cases", source))
    by_id = {row["id"]: row for row in rows}
    for record in drawn:
        assert [c["content"] for c in record["case"]["candidates"]] == by_id[record["case_id"]]["candidates"]
    other = told(call("sample", "out.jsonl", "-n", "5", "--json", "--seed", "1"))
    assert [r["case_id"] for r in other] != [r["case_id"] for r in drawn]
    assert other[0]["case"] is None
    assert "`````text" in call("sample", "with.jsonl.gz", "-n", "1", "--markdown").out
    assert call("sample", "out.jsonl", "--only", "ties").code == 2


def test_the_text_of_another_case_under_the_same_id_is_not_shown(call: Any) -> None:
    source = write_rows(Path("in.jsonl"), cases(1))
    call("compare", source, "-o", "out.jsonl", *OFFLINE)
    write_rows(Path("in.jsonl"), [{**cases(1)[0], "prompt": "Another task"}])
    page = call("sample", "out.jsonl", "--cases", source)
    assert "Another task" not in page.out
    assert "not at hand" in page.out


def test_two_outputs_are_compared_by_case_and_what_differs_in_their_making_is_named(call: Any) -> None:
    pairs = [{**row, "candidates": [f"{k} is prime, as shown", f"turtles {k}"]} for k, row in enumerate(cases(12))]
    source = write_rows(Path("in.jsonl"), pairs)
    call("compare", source, "-o", "a.jsonl", *OFFLINE, "--limit", "10")
    mirrored = [{**row, "candidates": row["candidates"][::-1]} for row in pairs[2:]]
    call("compare", write_rows(Path("in2.jsonl"), mirrored), "-o", "b.json", *OFFLINE, "--rubric", "honesty")
    found = told(call("diff", "a.jsonl", "b.json", "-n", "3", "--json"))
    assert found["only_a"] == {"count": 2, "first": ["c0", "c1"]}
    assert found["only_b"] == {"count": 2, "first": ["c10", "c11"]}
    assert (found["both"], found["other_texts"], found["same_winner"]) == (8, 8, 0)
    assert set(found["provenance"]) == {"rubric"}
    assert len(found["largest"]) == 3
    logits = {row["case_id"]: row["verdict"]["logit"] for row in read_rows(Path("a.jsonl"))}
    assert all(each["a"]["value"] == logits[each["case_id"]] for each in found["largest"])
    page = call("diff", "a.jsonl", "b.json")
    assert page.code == 0
    assert "honesty@1" in page.out
    assert "the same verdict in 0 (0.0%)" in page.out
    same = told(call("diff", "a.jsonl", "a.jsonl", "--json"))
    write_rows(Path("bare.jsonl"), [{**row, "provenance": None} for row in read_rows(Path("a.jsonl"))])
    assert told(call("diff", "bare.jsonl", "b.json", "--json"))["both"] == 8
    assert (same["same_share"], same["mean_difference"], same["largest"], same["provenance"]) == (1.0, 0.0, [], {})


def shards(call: Any, *kinds: str) -> list[dict[str, Any]]:
    """Shards of twenty cases in a folder, which overlap in a case that both judged; the cases judged in one go."""
    source = write_rows(Path("in.jsonl"), cases(20))
    for number, kind in enumerate(kinds):
        share = ("--shard", f"{number}/{len(kinds)}")
        call("compare", source, "-o", f"shards/part-{number}{kind}", *OFFLINE, *share)
    call("compare", source, "-o", "whole.jsonl", *OFFLINE)
    call("compare", write_rows(Path("one.jsonl"), cases(1)), "-o", "shards/more.jsonl", *OFFLINE)
    return sorted(map(said_of, read_rows(Path("whole.jsonl"))), key=lambda row: row["case_id"])


def said_of(row: dict[str, Any]) -> dict[str, Any]:
    return {"case_id": row["case_id"], "verdict": row["verdict"], "status": row["status"], "digest": row["run_digest"]}


@pytest.mark.parametrize("out", ["out.jsonl", "out.jsonl.gz", "out.json"])
def test_shards_come_together_as_if_they_had_been_judged_in_one_go_and_can_be_gone_on_with(call: Any, out: str) -> None:
    whole = shards(call, ".jsonl", ".jsonl.gz", ".json")
    end = call("merge", "shards", "-o", out)
    assert end.code == 0
    assert "20 cases from 4 files: 20 judged" in end.err
    assert "says the same of the case: 1" in end.err
    merged = read_rows(Path(out))
    assert sorted(map(said_of, merged), key=lambda row: row["case_id"]) == whole
    again = call("compare", write_rows(Path("in.jsonl"), cases(21)), "-o", out, "--offline")
    assert again.code == 0
    assert "20 of them were finished before" in again.err


def test_what_cannot_come_together_leaves_no_output_and_says_both_places(call: Any) -> None:
    shards(call, ".jsonl")
    row = read_rows(Path("shards/more.jsonl"))[0]
    write_rows(Path("shards/more.jsonl"), [{**row, "verdict": {**row["verdict"], "logit": 9.0}}])
    before = write_rows(Path("out.jsonl"), [row])
    end = call("merge", "shards/*.jsonl", "-o", before)
    place = next(n for n, each in enumerate(read_rows(Path("shards/part-0.jsonl")), 1) if each["case_id"] == "c0")
    assert (end.code, len(end.err.splitlines())) == (2, 1)
    assert "'c0'" in end.err
    assert "shards/more.jsonl row 1" in end.err
    assert f"shards/part-0.jsonl row {place}" in end.err
    assert read_rows(Path("out.jsonl")) == [row]
    assert not list(Path().glob("*.new"))
    with Path("shards/part-0.jsonl").open("ab") as lines:
        lines.write(b'{"obj')
    assert "torn" in call("merge", "shards/part-0.jsonl", "-o", "new.jsonl").err
    assert not Path("new.jsonl").exists()
    write_rows(Path("damaged.jsonl"), [row, {**row, "provenance": {"judges": 3}}])
    for command in (
        ("merge", "damaged.jsonl", "-o", "new.jsonl"),
        ("status", "damaged.jsonl"),
        ("sample", "damaged.jsonl"),
    ):
        damaged = call(*command)
        assert (damaged.code, damaged.err) == (2, "judge-service: damaged.jsonl row 2 is no judgment\n")
    assert call("merge", "out.jsonl", "-o", "./out.jsonl").code == 2
    assert call("merge", "in.jsonl", "-o", "new.jsonl").code == 2
    assert call("merge", "nothing-*.jsonl", "-o", "new.jsonl").code == 2


def test_what_was_made_differently_comes_together_on_purpose_only_and_is_then_counted(call: Any) -> None:
    call("compare", write_rows(Path("in.jsonl"), cases(3)), "-o", "a.jsonl", *OFFLINE)
    call("compare", write_rows(Path("in.jsonl"), cases(5, 3)), "-o", "b.jsonl", *OFFLINE, "--rubric", "honesty")
    refused = call("merge", "a.jsonl", "b.jsonl", "-o", "out.jsonl")
    assert refused.code == 2
    assert "b.jsonl row 1 differs from a.jsonl row 1 in rubric" in refused.err
    end = call("merge", "a.jsonl", "b.jsonl", "-o", "out.jsonl", "--allow-mixed")
    assert end.code == 0
    assert "  3 by judge offline" in end.err
    assert "  5 by judge offline" in end.err
    assert len(read_rows(Path("out.jsonl"))) == 8
    assert call("sample", "out.jsonl").code == 2
    assert call("sample", "out.jsonl", "--allow-mixed").code == 0


SHARED = (
    "aggregate {} -o all.jsonl",
    "export {} -o all.jsonl --format soft --cases in.jsonl --allow-offline",
)


@pytest.mark.parametrize("told", SHARED)
def test_rows_that_say_the_same_collapse_in_every_command_and_others_stop_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    write_rows(Path("in.jsonl"), cases(6))
    Path("parts").mkdir()
    for i, limit in enumerate((4, 6)):
        made = ("compare", "in.jsonl", "-o", f"parts/{i}.jsonl", "--offline", "--quiet", "--limit", str(limit))
        assert called(capsys, monkeypatch, *made).code == 0
    end = called(capsys, monkeypatch, *told.format("parts").split())
    assert (end.code, len(read_rows(Path("all.jsonl")))) == (0, 6)
    assert "left out because another row says the same of the case: 4" in end.err
    rows = read_rows(Path("parts/0.jsonl"))
    rows[1]["verdict"]["probability"] = 0.123
    write_rows(Path("parts/0.jsonl"), rows)
    refused = called(capsys, monkeypatch, *told.format("parts").split())
    assert refused.code == 2
    assert re.search(r"'c\d' is judged in parts/0.jsonl row 2 and differently in parts/1.jsonl row \d", refused.err)
