"""The command line with the judge in a service elsewhere."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
from judge_server import Answer, JudgeServer, by_worth, error, tokens
from programs import cases, ran, read_rows, write_rows
from services import served


async def test_a_file_is_judged_by_a_running_service_resumed_and_kept_from_other_runs(server: JudgeServer) -> None:
    source = write_rows(Path("in.jsonl"), [*cases(4), {"id": "bad", "prompt": "p"}])
    async with served(server) as address:
        command = ("compare", source, "-o", "out.jsonl", "--server", address, "--orders", "both")
        first = await ran(*command)
        again = await ran(*command)
        assert (first.code, again.code, server.calls) == (3, 3, 8)
        before = Path("out.jsonl").read_bytes()
        write_rows(Path("in.jsonl"), cases(5))
        other = await ran(*command, "--rubric", "honesty")
    assert other.code == 2
    assert "rubric was helpfulness@1" in other.err
    assert Path("out.jsonl").read_bytes() == before
    rows = {row["case_id"]: row for row in read_rows(Path("out.jsonl"))}
    assert len(rows) == 5
    assert {rows[f"c{i}"]["verdict"]["winner"] for i in range(4)} == {"a"}
    assert "in.jsonl line 5" in rows["bad"]["failure"]["message"]


async def test_options_and_key_are_sent_along_and_checked_over_there(server: JudgeServer) -> None:
    environ = {"MINE": "k-1", "WRONG": "k-2"}
    case = ("compare", "--prompt", "p", "--a", "x (worth 2)", "--b", "y (worth 1)", "--json")
    async with served(server, more={"api_keys": "k-1"}) as address:
        at = (*case, "--server", address, "--judge-key-env")
        good, key, rubric = await asyncio.gather(
            ran(*at, "MINE", "--method", "cot", "--seed", "5", environ=environ),
            ran(*at, "WRONG", environ=environ),
            ran(*at, "MINE", "--rubric", "no-such", environ=environ),
        )
    told = orjson.loads(good.out)
    assert (told["verdict"]["winner"], told["provenance"]["method"], told["provenance"]["seed"]) == ("a", "cot", 5)
    assert (key.code, rubric.code) == (2, 2)
    assert "the API key is wrong" in key.err
    assert "k-2" not in key.err
    assert "there is no rubric 'no-such'" in rubric.err
    assert "Traceback" not in key.err + rubric.err


async def test_cases_the_service_could_not_judge_leave_the_others_judged(server: JudgeServer) -> None:
    never = asyncio.Event()

    def rule(asked: Any) -> Answer:
        text = asked["messages"][-1]["content"]
        if "Task 1\n" in text:
            return error(503, "gone", retry_after="0")
        return tokens({"A": 1.0}, waits=never) if "Task 2\n" in text else by_worth(asked)

    server.rule = rule
    source = write_rows(Path("in.jsonl"), cases(4))
    async with served(server) as address:
        end = await ran("compare", source, "-o", "out.jsonl", "--server", address, "--timeout", "6")
        never.set()
    assert end.code == 3
    rows = {row["case_id"]: row for row in read_rows(Path("out.jsonl"))}
    assert {name: row["status"] for name, row in rows.items()} == {
        "c0": "judged", "c1": "unscored", "c2": "unscored", "c3": "judged",
    }  # fmt: skip
    assert rows["c1"]["failure"]["kind"] == "judge_unavailable"
    assert rows["c2"]["failure"]["kind"] == "timeout"


async def test_a_case_too_large_for_the_service_is_invalid_and_the_others_are_judged(server: JudgeServer) -> None:
    large = {**cases(1)[0], "id": "large", "prompt": "x" * 5000}
    source = write_rows(Path("in.jsonl"), [large, *cases(2)])
    async with served(server, more={"server": {"max_body_bytes": 4096}}) as address:
        end = await ran("compare", source, "-o", "out.jsonl", "--server", address)
    assert end.code == 3
    rows = {row["case_id"]: row for row in read_rows(Path("out.jsonl"))}
    assert {name: row["status"] for name, row in rows.items()} == {"large": "unscored", "c0": "judged", "c1": "judged"}
    assert rows["large"]["failure"]["kind"] == "invalid"
    assert "in.jsonl line 1" in rows["large"]["failure"]["message"]


async def test_a_service_that_is_not_there_ends_in_one_line_and_exit_code_2(server: JudgeServer) -> None:
    await server.stop()
    address = server.url.removesuffix("/v1")
    source = write_rows(Path("in.jsonl"), cases(1))
    end = await ran("compare", source, "-o", "out.jsonl", "--server", address, "--wait-judge", "0.1")
    assert end.code == 2
    assert len(end.err.splitlines()) == 1
    assert "does not answer" in end.err
    assert not Path("out.jsonl").exists()
