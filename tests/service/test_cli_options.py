"""What a command is told: shares, limits and dry runs; and what is wrong with it, in one clear line."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from judge_server import JudgeServer
from programs import Ended, called, cases, ran, read_rows, write_rows

from judge_service.emulator.behaviour import Behaviour
from judge_service.emulator.server import Emulator

Call = Callable[..., Ended]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """A command beside a file of 12 pairs."""
    write_rows(tmp_path / "in.jsonl", cases(12))
    write_rows(tmp_path / "bad.jsonl", ["{", "[1, 2]"])
    (tmp_path / "empty.jsonl").write_text("\n")
    (tmp_path / "broken.toml").write_text("id = ")
    return lambda *argv: called(capsys, monkeypatch, *argv)


OFFLINE = ("compare", "in.jsonl", "-o", "out.jsonl", "--offline")
WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "no such file": (("compare", "nowhere.jsonl", "--offline"), "nowhere.jsonl: no such file"),
    "no input at all": (("compare", "--offline"), "give a file of cases, or one case with --prompt"),
    "no row": (("compare", "empty.jsonl", "--offline"), "there is no row to judge"),
    "no readable row": (("compare", "bad.jsonl", "--offline"), "no readable row: bad.jsonl line 1: not valid JSON"),
    "a file and a case": ((*OFFLINE, "--prompt", "p"), "give a file or one case, not both"),
    "a case without prompt": (("compare", "--a", "x", "--b", "y", "--offline"), "one case needs --prompt"),
    "half a pair": (("compare", "--prompt", "p", "--a", "x", "--offline"), "compare takes --a and --b"),
    "no judge": (("compare", "in.jsonl"), "no judge is configured"),
    "two kinds of judge": ((*OFFLINE, "--judge-url", "http://127.0.0.1:9/v1", "--model", "m"), "not both"),
    "no model": (("compare", "in.jsonl", "--judge-url", "http://127.0.0.1:9/v1"), "--judge-url needs --model"),
    "no address": (("compare", "in.jsonl", "--judge-url", "nowhere", "--model", "m"), "starts with http"),
    "a key that is not set": (
        ("compare", "in.jsonl", "--judge-url", "http://127.0.0.1:9/v1", "--model", "m", "--judge-key-env", "NO_KEY"),
        "NO_KEY",
    ),
    "unknown rubric": ((*OFFLINE, "--rubric", "no-such"), "there is no rubric 'no-such'"),
    "another version": ((*OFFLINE, "--rubric", "honesty@99"), "not 99"),
    "broken rubric file": ((*OFFLINE, "--rubric", "broken.toml"), "--rubric broken.toml: "),
    "missing rubric file": ((*OFFLINE, "--rubric", "none.toml"), "--rubric none.toml: "),
    "unknown judge": ((*OFFLINE, "--judge", "nobody"), "there is no judge 'nobody'"),
    "orders": ((*OFFLINE, "--orders", "sideways"), "orders is one of both, one, audited, design"),
    "orders of another task": ((*OFFLINE, "--orders", "design"), "goes with rank"),
    "strategy of another task": ((*OFFLINE, "--strategy", "pairs"), "compare takes no option 'strategy'"),
    "method": ((*OFFLINE, "--method", "psychic"), "method is one of auto, direct, cot"),
    "repeats of nothing drawn": ((*OFFLINE, "--repeats", "3"), "repeats"),
    "repeats in words": ((*OFFLINE, "--repeats", "many"), "repeats is a whole number"),
    "repeats in broken JSON": ((*OFFLINE, "--repeats", '{"max":'), "--repeats: "),
    "reading": ((*OFFLINE, "--reading", "tea-leaves"), "there is no reading 'tea-leaves'"),
    "timeout": ((*OFFLINE, "--timeout", "-1"), "timeout is a number from"),
    "escalation": ((*OFFLINE, "--escalate", '{"to":"cot","below":2}'), "escalate.below is a number from 0.5 to 1"),
    "principle": ((*OFFLINE, "--principle", "sample"), "goes with a constitution"),
    "include": ((*OFFLINE, "--include", "everything"), "include is one of votes, case, prompts, raw"),
    "field": ((*OFFLINE, "--field", "prompt"), "--field is FIELD=COLUMN"),
    "shard": ((*OFFLINE, "--shard", "3/2"), "--shard is i/n"),
    "stop-if": ((*OFFLINE, "--stop-if", "boredom>2%"), "--stop-if takes"),
    "concurrency": ((*OFFLINE, "--concurrency", "0"), "--concurrency is 1 or more"),
    "server and offline": ((*OFFLINE, "--server", "http://127.0.0.1:9"), "--server has its own judges"),
    "server address": (("compare", "in.jsonl", "--server", "nowhere"), "--server is an address"),
    "Parquet": (("compare", "in.parquet", "--offline"), "in.parquet: "),
    "configuration file": ((*OFFLINE, "--config", "broken.toml"), "broken.toml"),
}


@pytest.mark.parametrize("what", list(WRONG))
def test_what_is_wrong_is_one_clear_line_and_exit_code_2(call: Call, what: str) -> None:
    argv, told = WRONG[what]
    end = call(*argv)
    assert end.code == 2
    (line,) = [line for line in end.err.splitlines() if not line.startswith("note: the offline judge")]
    assert line.startswith("judge-service: ")
    assert told in line


def test_a_wrong_command_leaves_an_output_alone(call: Call) -> None:
    Path("out.jsonl").write_text("precious")
    for what in ("unknown rubric", "orders", "shard", "unknown judge"):
        call(*WRONG[what][0])
    assert Path("out.jsonl").read_text() == "precious"


async def test_an_unknown_flag_is_exit_code_2_without_a_trace() -> None:
    end = await ran("compare", "in.jsonl", "--no-such-flag")
    assert end.code == 2
    assert "No such option" in end.err
    assert "Traceback" not in end.err


def test_a_dry_run_counts_cases_and_calls_and_shows_the_first_prompt(call: Call) -> None:
    end = call(*OFFLINE, "--dry-run")
    assert end.code == 0
    assert "12 cases, 0 rows that are no case, 24 judge calls" in end.out
    assert re.search(r"about [1-9][\d,]* prompt tokens", end.out)
    assert "Task 0" in end.out
    assert "Your answer, A or B:" in end.out
    assert not Path("out.jsonl").exists()


async def test_a_dry_run_asks_nothing(server: JudgeServer) -> None:
    source = write_rows(Path("in.jsonl"), cases(3))
    end = await ran("compare", source, "--judge-url", server.url, "--model", "m", "--dry-run")
    assert (end.code, server.calls) == (0, 0)


async def test_a_dry_run_tells_cases_that_the_judge_cannot_take() -> None:
    long = [{"id": f"long{i}", "prompt": "p", "candidates": ["word " * 900 * i, "no"]} for i in (1, 2)]
    source = write_rows(Path("in.jsonl"), [*cases(3), *long])
    async with Emulator(Behaviour(max_model_len=2000)) as emulator:
        end = await ran("compare", source, "--judge-url", emulator.url, "--model", "emulator", "--dry-run")
    assert end.code == 3
    assert "5 cases, 0 rows that are no case, 10 judge calls" in end.out
    assert re.search(
        r"2 cases are too long for the judge's 2,000 tokens, the longest 'long2': about [23],\d\d\d", end.out
    )


def test_a_dry_run_names_rows_that_are_no_case(call: Call) -> None:
    end = call("compare", "bad.jsonl", "--offline", "--dry-run")
    assert end.code == 3
    assert "bad.jsonl line 1: not valid JSON" in end.err


def test_a_limit_is_a_limit_of_rows(call: Call) -> None:
    assert call(*OFFLINE, "--limit", "5").code == 0
    assert [row["case_id"] for row in read_rows(Path("out.jsonl"))] == [f"c{i}" for i in range(5)]


def test_shards_are_a_partition_that_keeps_the_rows_of_a_prompt_together(call: Call, tmp_path: Path) -> None:
    rows = [{**row, "id": f"{row['id']}-{copy}"} for row in cases(12) for copy in range(2)]
    write_rows(tmp_path / "in.jsonl", rows)
    shares = []
    for i in (1, 2, 3):
        end = call("compare", "in.jsonl", "-o", f"out{i}.jsonl", "--offline", "--shard", f"{i}/3")
        assert end.code == 0
        shares.append({row["case_id"] for row in read_rows(Path(f"out{i}.jsonl"))})
    assert sum(map(len, shares)) == len(set().union(*shares)) == 24
    assert all({name[:-1] + other for name in share for other in "01"} == share for share in shares)


def test_a_share_is_the_same_whatever_else_the_file_holds(call: Call, tmp_path: Path) -> None:
    call(*OFFLINE, "--shard", "1/2")
    write_rows(tmp_path / "in.jsonl", cases(12)[::-1])
    call("compare", "in.jsonl", "-o", "other.jsonl", "--offline", "--shard", "1/2")
    one, other = ({row["case_id"] for row in read_rows(Path(name))} for name in ("out.jsonl", "other.jsonl"))
    assert one == other


def test_quiet_says_nothing_when_all_is_well(call: Call) -> None:
    end = call(*OFFLINE, "--quiet")
    assert (end.code, end.out, end.err) == (0, "", "")


def test_a_summary_says_what_the_run_came_to(call: Call) -> None:
    end = call(*OFFLINE)
    assert "12 cases in out.jsonl: 12 judged" in end.err
    assert "24 judge calls" in end.err


def test_options_with_values_of_their_own_are_read_as_in_a_request(call: Call) -> None:
    told = ("--method", "cot", "--repeats", '{"max":3,"stop":0.1}', "--include", "votes,prompts,raw", "--seed", "3")
    assert call(*OFFLINE, *told).code == 0
    for row in read_rows(Path("out.jsonl")):
        assert {vote["method"] for vote in row["votes"]} == {"cot"}
        assert all(vote["prompt"] and vote["raw"] for vote in row["votes"])
